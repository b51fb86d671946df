import { connectorTo } from '../session/connector.js';
import { assertAlone, assertNotLive, assertOneBackend } from './assert-safe.js';
import { buildReport } from './build-report.js';
import type { ExplainMigrationOptions } from './explain-options.js';
import { readLive } from './live/read-live.js';
import type { ExplainReport } from './report.js';
import { ExplainSession } from './run/explain-session.js';
import { FilesRun } from './run/explain-files.js';
import type { NamedSql } from './run/read-files.js';
import { resolvePlan } from './run/resolve-plan.js';
import { statementKind } from './split/statement-kind.js';

/**
 * Executes a migration on a database of its own, in transactions that are rolled back, and tells of each statement what it
 * locks, rewrites and reads, whom that stops, and what would be safer.
 *
 * After each statement its own session is asked for its locks (`pg_locks`), files and scans.
 *
 * @throws {PgLockUsageError} when an option means nothing, a file cannot be read or cut, `live` is the same database, or other
 * clients are connected to `database` and `yes` is not given.
 * @example
 * const { summary } = await explainMigration({ database: process.env.TEST_URL, files: 'migrations/0042_orders.sql' });
 * expect(['SHARE UPDATE EXCLUSIVE', 'ACCESS SHARE', null]).toContain(summary.strongest);
 * @see https://www.postgresql.org/docs/current/explicit-locking.html
 * @publicApi
 */
export function explainMigration(options: ExplainMigrationOptions): Promise<ExplainReport> {
  return explainSources(options, []);
}

/** Like {@link explainMigration}, with further texts that messages call by a name. @internal */
export async function explainSources(
  options: ExplainMigrationOptions,
  named: readonly NamedSql[],
): Promise<ExplainReport> {
  const plan = resolvePlan(options, named);
  const { signal } = options;
  const connector = connectorTo(plan.database);
  const session = await ExplainSession.open(connector, signal);
  const cancel = () => void session.cancel().catch(() => undefined);
  signal?.addEventListener('abort', cancel, { once: true });
  let watcher: ExplainSession | undefined;
  try {
    await assertOneBackend(session, () => ExplainSession.open(connector, signal));
    watcher = await ExplainSession.open(connector, signal);
    await assertNotLive(plan.live, session);
    await assertAlone(plan.yes, session, [session.pid, watcher.pid]);
    const kept = plan.carryOut ? plan.statements.filter(({ sql }) => statementKind(sql) === 'outside') : [];
    options.onCarryOut?.(kept.map(({ sql }) => sql));
    const run = new FilesRun({ session, watcher, carryOut: plan.carryOut });
    const observed = await run.run(plan.statements, signal);
    signal?.throwIfAborted();
    const live = plan.live === null ? null : await readLive(plan.live, observed, signal);
    signal?.throwIfAborted();
    return buildReport(observed, live);
  } finally {
    signal?.removeEventListener('abort', cancel);
    await Promise.all([session.close(), watcher?.close()]);
  }
}
