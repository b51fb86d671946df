import { connectorTo } from '../../session/connector.js';
import type { PgLockConnection } from '../../session/session-options.js';
import { assertAlone, assertNotLive } from '../assert-safe.js';
import { buildReport } from '../build-report.js';
import { readLive } from '../live/read-live.js';
import type { ExplainReport } from '../report.js';
import { ExplainSession } from '../run/explain-session.js';
import { RollbackRun } from './rollback-run.js';
import type { StartTls } from './startup.js';
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
  readonly startTls?: StartTls;
}

/**
 * Runs a command whose connections go through a tracer on loopback, and tells what its statements did.
 *
 * @param work runs the command in an environment that leads it to the tracer; the signal says that it has to end.
 * @returns the report, what the work returned, and why the command had to end.
 * @internal
 */
export async function traceCommand<T>(
  { database, live, yes, rollback = false, label, env, startTls }: TraceCommandOptions,
  work: (env: Readonly<Record<string, string | undefined>>, signal: AbortSignal) => Promise<T>,
): Promise<{ readonly report: ExplainReport; readonly result: T; readonly refusal: string | undefined }> {
  const watcher = await ExplainSession.open(connectorTo(database));
  try {
    await assertNotLive(live, watcher);
    await assertAlone(yes, watcher, [watcher.pid]);
    const rolledBack = new RollbackRun(watcher);
    const run = new TraceRun(watcher, label, rollback ? rolledBack : undefined);
    await run.fresh();
    const server = new TraceServer(database, run, startTls);
    const port = await server.listen();
    const stop = rolledBack.watch();
    let result: T;
    try {
      const { user, database: name } = server.target;
      const address = { port, user, password: server.password, database: name };
      result = await work(traceEnvironment(env, address), rolledBack.signal);
    } finally {
      await server.close();
      await stop();
    }
    const observed = run.observed();
    const report = buildReport(observed, live === null ? null : await readLive(live, observed));
    return { report, result, refusal: rolledBack.refusal };
  } finally {
    await watcher.close();
  }
}
