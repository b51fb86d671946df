import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { TestingModule } from '@nestjs/testing';

/** The HTTP platforms that every HTTP behaviour is tested on. */
export const PLATFORMS = ['express', 'fastify'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** A listening application. */
export interface Server {
  readonly app: INestApplication<http.Server>;
  readonly url: string;
}

export async function serve(
  module: TestingModule,
  platform: Platform,
  prepare: (app: INestApplication) => void = () => undefined,
  port = 0,
): Promise<Server> {
  const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = module.createNestApplication<INestApplication<http.Server>>(adapter as ExpressAdapter);
  app.useLogger(false);
  prepare(app);
  await app.listen(port, '127.0.0.1');
  return { app, url: `http://127.0.0.1:${portOf(app)}` };
}

/** The port that an application was given. */
export function portOf(app: INestApplication<http.Server>): number {
  return (app.getHttpServer().address() as AddressInfo).port;
}

/** A request whose client can leave: `leave()` closes its connection. */
export interface LeavingClient {
  /** The status of the response. */
  readonly status: Promise<number | undefined>;
  /** The first bytes of the body, or the end of the response. */
  readonly firstBytes: Promise<string>;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  leave(): void;
}

export function get(url: string): LeavingClient {
  let answered: (status: number | undefined) => void = () => undefined;
  let started: (text: string) => void = () => undefined;
  let ended: () => void = () => undefined;
  const status = new Promise<number | undefined>((resolve) => (answered = resolve));
  const firstBytes = new Promise<string>((resolve) => (started = resolve));
  const closed = new Promise<void>((resolve) => (ended = resolve));
  const request = http.get(url, { agent: false }, (response) => {
    answered(response.statusCode);
    response.setEncoding('utf8');
    response.on('data', (text: string) => text.trim() !== '' && started(text));
    response.on('end', () => started(''));
    response.on('error', () => undefined);
  });
  request.on('error', () => undefined);
  request.on('close', () => ended());
  return { status, firstBytes, closed, leave: () => request.destroy() };
}
