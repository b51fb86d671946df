import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { createCore, type PgLockCore } from '../../core/pg-lock-core.js';
import { DatabaseDashboard } from '../../dashboard/database-dashboard.js';
import type { DashboardSource } from '../../dashboard/dashboard-source.js';
import { Recorder } from '../../dashboard/recording/recorder.js';
import { Recording } from '../../dashboard/recording/recording.js';
import {
  serveStandalone,
  type StandaloneDashboard,
} from '../../dashboard/standalone/standalone-dashboard.js';
import { visitedDatabase } from '../../dashboard/watched-core.js';
import { resolveOptions } from '../../options/resolve-options.js';
import { CliError, EXIT, lineOf } from '../exit.js';
import { print, say, type Io } from '../io.js';
import { readSettings, type WhereToLook } from '../open-inspection.js';

/** The options of `pglock ui` as they are typed. @internal */
export interface UiFlags extends WhereToLook {
  readonly port: string;
  readonly host: string;
  readonly allowSignals?: boolean;
  readonly hideQueries?: boolean;
  readonly record?: string;
  readonly replay?: string;
  readonly open: boolean;
}

const HISTORY_MS = 60 * 60_000;
const HIGHEST_PORT = 65_535;
const LOOPBACK = /^(127\.|::1$|localhost$)/;

/** `pglock ui`: serves the page until it is interrupted. @returns the exit code. @internal */
export async function ui(io: Io, flags: UiFlags): Promise<number> {
  const port = portOf(flags.port);
  if (flags.replay !== undefined) {
    const recording = Recording.of(await contentOf(io, flags.replay), flags.replay);
    return serve(io, flags, port, recording);
  }
  const { config, database } = await readSettings(io, flags);
  const { connection, namespace } = database;
  const { names } = config;
  const core = createCore(
    resolveOptions({ connection, namespace, names, name: nameOf(flags, database.label) }),
  );
  try {
    await core.admin.observer.version().catch((error: unknown) => {
      throw new CliError(EXIT.noConnection, `Cannot connect to ${database.label}: ${lineOf(error)}`, {
        cause: error,
      });
    });
    return await watch(io, flags, port, core);
  } finally {
    await core.close();
  }
}

async function watch(io: Io, flags: UiFlags, port: number, core: PgLockCore): Promise<number> {
  const { allowSignals = false, hideQueries = false } = flags;
  const options = { hideQueries, allowSignals, historyMs: HISTORY_MS };
  const dashboard = new DatabaseDashboard(visitedDatabase(core), options);
  dashboard.keepWatching();
  const recorder = recorderFor(io, flags, dashboard);
  try {
    return await serve(io, flags, port, dashboard);
  } finally {
    await recorder?.close();
    await dashboard.close();
  }
}

async function serve(io: Io, flags: UiFlags, port: number, source: DashboardSource): Promise<number> {
  const standalone = await listen(io, flags, port, source);
  if (!LOOPBACK.test(flags.host))
    say(io, `Others can reach ${flags.host}: all who have the address see what this role sees.`);
  print(io, [standalone.url]);
  say(io, `${flags.allowSignals ? 'Sessions can be ended from there. ' : ''}Ctrl+C ends it.`);
  if (flags.open && io.stdout.isTTY) openBrowser(standalone.url);
  await interrupted();
  await standalone.close();
  return EXIT.done;
}

async function listen(
  io: Io,
  { host, allowSignals = false, hideQueries = false }: UiFlags,
  port: number,
  source: DashboardSource,
): Promise<StandaloneDashboard> {
  try {
    return await serveStandalone({
      sources: [source],
      host,
      port,
      allowSignals,
      hideQueries,
      viewer: viewer(),
      failed: (error) => say(io, `pglock: ${lineOf(error)}`),
    });
  } catch (error) {
    throw new CliError(EXIT.usage, `Cannot listen on ${host} port ${port}: ${lineOf(error)}`, {
      cause: error,
    });
  }
}

function recorderFor(
  io: Io,
  { record, hideQueries = false }: UiFlags,
  dashboard: DatabaseDashboard,
): Recorder | undefined {
  if (record === undefined) return undefined;
  const failed = (error: Error) => say(io, `pglock: nothing is recorded any more: ${lineOf(error)}`);
  return new Recorder(dashboard, resolve(io.cwd, record), { hideQueries }, failed);
}

async function contentOf(io: Io, file: string): Promise<string> {
  try {
    return await readFile(resolve(io.cwd, file), 'utf8');
  } catch (error) {
    throw new CliError(EXIT.usage, `${file} cannot be read: ${lineOf(error)}`, { cause: error });
  }
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= HIGHEST_PORT) return port;
  throw new CliError(EXIT.usage, `--port must be a whole number from 0 to ${HIGHEST_PORT}; got ${text}.`);
}

/** Never an address, which may have a password in it. */
function nameOf({ database }: UiFlags, label: string): string {
  return database === undefined || database.includes('://') ? label : database;
}

function viewer(): string | null {
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}

function openBrowser(url: string): void {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open', url]
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '', url]
        : ['xdg-open', url];
  spawn(command, args, { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
}

/** Resolves when the process is to end. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
}
