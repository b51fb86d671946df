import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DashboardSource, ViewerName } from '../dashboard-source.js';
import { DashboardServer } from '../http/dashboard-server.js';
import { pathBelow } from '../http/exchange.js';
import { answerJson } from '../http/headers.js';
import { PageFiles } from '../http/page-files.js';
import { TokenAccess } from './token-access.js';

/** What is served by itself, and where. @internal */
export interface StandaloneOptions {
  readonly sources: readonly DashboardSource[];
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
  readonly allowSignals: boolean;
  readonly hideQueries: boolean;
  /** Who is at the keyboard, for the history. */
  readonly viewer: ViewerName;
  readonly failed: (error: unknown) => void;
}

/** The page with a server of its own, behind a token that cannot be guessed. @internal */
export interface StandaloneDashboard {
  /** The address, with its token. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the page until it is closed. @throws when the port cannot be opened. @internal */
export async function serveStandalone(options: StandaloneOptions): Promise<StandaloneDashboard> {
  const { sources, host, port, allowSignals, hideQueries, viewer, failed } = options;
  const token = randomBytes(24).toString('base64url');
  const dashboard = new DashboardServer({
    sources,
    access: new TokenAccess(token, viewer),
    files: new PageFiles(`?token=${token}`),
    allowSignals,
    hideQueries,
    lastSegment: '',
    failed,
  });
  const server = createServer((request, response) => {
    answer(dashboard, request, response).catch((error: unknown) => {
      failed(error);
      response.destroy();
    });
  });
  const address = await listening(server, host, port);
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}/?token=${token}`,
    close: () => closed(dashboard, server),
  };
}

async function answer(
  dashboard: DashboardServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET', headers, url = '/' } = request;
  const below = pathBelow('', url);
  const common = { method, headers, request, platformResponse: response, raw: request, response };
  if (below !== undefined && (await dashboard.handle({ ...below, ...common }))) return;
  answerJson(response, 404, JSON.stringify({ statusCode: 404, message: 'There is no such page.' }));
}

function listening(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

function closed(dashboard: DashboardServer, server: Server): Promise<void> {
  dashboard.close();
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
