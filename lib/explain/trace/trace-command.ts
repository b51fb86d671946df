import { connectorTo } from '../../session/connector.js';
import type { PgLockConnection } from '../../session/session-options.js';
import { assertAlone, assertNotLive, assertOneBackend } from '../assert-safe.js';
import { buildReport } from '../build-report.js';
import { readLive } from '../live/read-live.js';
import type { ExplainReport } from '../report.js';
import { ExplainSession } from '../run/explain-session.js';
import { OwnCertificate } from './own-certificate.js';
import { RollbackRun } from './rollback-run.js';
import { traceEnvironment } from './trace-environment.js';
import { TraceRun } from './trace-run.js';
import { TraceServer } from './trace-server.js';

/** How a command is traced. @internal */
export interface TraceCommandOptions {
  readonly database: PgLockConnection;
  readonly live: PgLockConnection | null;
  readonly yes: boolean;
  /** Whether nothing of what the command does is committed. */
  readonly rollback?: boolean;
  /** What the report calls the command. */
  readonly label: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Gives up before the command begins; beside it, it decides by itself. */
  readonly signal?: AbortSignal;
}

/** Runs a command in an environment that leads it to the tracer, until the signal says that it has to end. @internal */
export type TracedWork<T> = (
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
) => Promise<T>;

/**
 * Runs a command whose connections go through a tracer on loopback, and tells what its statements did.
 *
 * @returns the report, what the work returned, and why the command had to end.
 * @internal
 */
export async function traceCommand<T>(
  options: TraceCommandOptions,
  work: TracedWork<T>,
): Promise<{ readonly report: ExplainReport; readonly result: T; readonly refusal: string | undefined }> {
  const { database, live, yes, rollback = false, label, signal } = options;
  const open = () => ExplainSession.open(connectorTo(database), signal);
  const watcher = await open();
  try {
    await assertOneBackend(watcher, open);
    await assertNotLive(live, watcher);
    await assertAlone(yes, watcher, [watcher.pid]);
    const rolledBack = new RollbackRun(watcher);
    const run = new TraceRun(watcher, label, rollback ? rolledBack : undefined);
    await run.fresh();
    signal?.throwIfAborted();
    const result = await served(options, run, rolledBack, work);
    const observed = run.observed();
    const report = buildReport(observed, live === null ? null : await readLive(live, observed, signal));
    signal?.throwIfAborted();
    return { report, result, refusal: rolledBack.refusal };
  } finally {
    await watcher.close();
  }
}

/** Runs the command, while the tracer listens. */
async function served<T>(
  { database, env }: TraceCommandOptions,
  run: TraceRun,
  rolledBack: RollbackRun,
  work: TracedWork<T>,
): Promise<T> {
  const certificate = new OwnCertificate(env);
  const server = new TraceServer(database, run, (socket) => certificate.startTls(socket));
  const stop = rolledBack.watch();
  try {
    const port = await server.listen();
    const { user, database: name } = server.target;
    const address = { port, user, password: server.password, database: name };
    return await work({ ...traceEnvironment(env, address), ...certificate.environment }, rolledBack.signal);
  } finally {
    await server.close();
    await stop();
    certificate.close();
  }
}
