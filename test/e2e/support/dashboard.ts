import { once } from 'node:events';
import http from 'node:http';
import type { INestApplication, ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { PgLockDashboardModule, type PgLockDashboardOptions } from '../../../lib/dashboard/index.js';
import { PgLockModule } from '../../../lib/index.js';
import type { TestDatabase } from '../../support/database.js';
import { serve, type Platform } from './platforms.js';

/** An application with the dashboard, which ends after the test. */
export interface DashboardApplication {
  readonly app: INestApplication<http.Server>;
  readonly url: string;
  /** The answer of a view, and its status. */
  json(
    path: string,
    headers?: Record<string, string>,
  ): Promise<{ readonly status: number; readonly body: Body }>;
  post(
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ readonly status: number; readonly body: Body }>;
}

export type Body = Record<string, unknown> & { readonly items: readonly Record<string, unknown>[] };

/** Fastify waits at its end for connections that the client keeps for later. */
const CLOSE = { connection: 'close' };

export async function dashboardOn(
  db: TestDatabase,
  platform: Platform,
  options: Partial<PgLockDashboardOptions> = {},
  metadata: ModuleMetadata = {},
  prepare: (app: INestApplication) => void = () => undefined,
  port = 0,
): Promise<DashboardApplication> {
  const module = await Test.createTestingModule({
    ...metadata,
    imports: [
      PgLockModule.forRoot({ connection: db.url }),
      PgLockDashboardModule.forRoot({ authorize: () => 'olga', ...options }),
      ...(metadata.imports ?? []),
    ],
  }).compile();
  const { app, url } = await serve(module, platform, prepare, port);
  db.defer(() => app.close());
  return {
    app,
    url,
    json: (path, headers = {}) =>
      answered(fetch(`${url}${path}`, { headers: { ...CLOSE, ...headers }, redirect: 'manual' })),
    post: (path, body, headers = {}) =>
      answered(
        fetch(`${url}${path}`, {
          method: 'POST',
          headers: {
            ...CLOSE,
            'x-pglock': '1',
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...headers,
          },
          ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        }),
      ),
  };
}

async function answered(response: Promise<Response>) {
  const { status, headers, ...rest } = await response.then(async (each) => ({
    status: each.status,
    headers: each.headers,
    text: await each.text(),
  }));
  const isJson = headers.get('content-type')?.includes('json') ?? false;
  return { status, body: (isJson ? JSON.parse(rest.text) : { text: rest.text, headers }) as Body };
}

/** Events of a stream as they arrive; `leave()` ends it. */
export interface OpenStream {
  readonly events: { readonly id: string | undefined; readonly event: string; readonly data: unknown }[];
  readonly ended: Promise<void>;
  leave(): void;
}

/** By `node:http`: a `fetch` that is aborted leaves a connection behind, on which Fastify waits at its end. */
export async function openStream(url: string, headers: Record<string, string> = {}): Promise<OpenStream> {
  const request = http.get(url, { headers, agent: false });
  request.on('error', () => undefined);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`the stream answered ${String(response.statusCode)}`);
  const events: OpenStream['events'] = [];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const parts = text.split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) events.push(...eventsIn(part));
  });
  response.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => response.once('close', resolve));
  return { events, ended, leave: () => request.destroy() };
}

function eventsIn(part: string): OpenStream['events'] {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1];
  const event = field('event');
  if (event === undefined) return [];
  return [{ id: field('id'), event, data: JSON.parse(field('data') ?? 'null') as unknown }];
}
