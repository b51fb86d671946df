import { connectorTo } from '../../session/connector.js';
import type { PgLockConnection } from '../../session/session-options.js';
import { assertAlone, assertNotLive } from '../assert-safe.js';
import { buildReport } from '../build-report.js';
import { readLive } from '../live/read-live.js';
import type { ExplainReport } from '../report.js';
import { ExplainSession } from '../run/explain-session.js';
import type { StartTls } from './startup.js';
import { traceEnvironment } from './trace-environment.js';
import { TraceRun } from './trace-run.js';
import { TraceServer } from './trace-server.js';

/** How a command is traced. @internal */
export interface TraceCommandOptions {
  readonly database: PgLockConnection;
  readonly live: PgLockConnection | null;
  readonly yes: boolean;
  /** What the report calls the command. */
  readonly label: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly startTls?: StartTls;
}

/**
 * Runs a command whose connections go through a tracer on loopback, and tells what its statements did.
 *
 * @param work runs the command in an environment that leads it to the tracer.
 * @internal
 */
export async function traceCommand<T>(
  { database, live, yes, label, env, startTls }: TraceCommandOptions,
  work: (env: Readonly<Record<string, string | undefined>>) => Promise<T>,
): Promise<{ readonly report: ExplainReport; readonly result: T }> {
  const watcher = await ExplainSession.open(connectorTo(database));
  try {
    await assertNotLive(live, watcher);
    await assertAlone(yes, watcher, [watcher.pid]);
    const run = new TraceRun(watcher, label);
    await run.fresh();
    const server = new TraceServer(database, run, startTls);
    const port = await server.listen();
    let result: T;
    try {
      const { user, database: name } = server.target;
      result = await work(traceEnvironment(env, { port, user, password: server.password, database: name }));
    } finally {
      await server.close();
    }
    const observed = run.observed();
    return { report: buildReport(observed, live === null ? null : await readLive(live, observed)), result };
  } finally {
    await watcher.close();
  }
}
