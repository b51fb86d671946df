import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { connectorTo } from '../session/connector.js';
import {
  otherSessions,
  READ_DATABASE_IDENTITY,
  type DatabaseIdentity,
  type OtherSession,
} from '../sql/explain-session.js';
import { buildReport } from './build-report.js';
import type { ExplainMigrationOptions } from './explain-options.js';
import { ExplainRefusedError } from './explain-refused.error.js';
import { readLive } from './live/read-live.js';
import type { ExplainReport } from './report.js';
import { ExplainSession } from './run/explain-session.js';
import { FilesRun } from './run/explain-files.js';
import type { NamedSql } from './run/read-files.js';
import { resolvePlan, type ExplainPlan } from './run/resolve-plan.js';
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
    watcher = await ExplainSession.open(connector, signal);
    await assertNotLive(plan, session);
    await assertAlone(plan, session, watcher);
    const kept = plan.carryOut ? plan.statements.filter(({ sql }) => statementKind(sql) === 'outside') : [];
    options.onCarryOut?.(kept.map(({ sql }) => sql));
    const run = new FilesRun({ session, watcher, carryOut: plan.carryOut });
    const observed = await run.run(plan.statements, signal);
    signal?.throwIfAborted();
    const live = plan.live === null ? null : await readLive(plan.live, observed);
    return buildReport(observed, live);
  } finally {
    signal?.removeEventListener('abort', cancel);
    await Promise.all([session.close(), watcher?.close()]);
  }
}

async function assertAlone(
  { yes }: ExplainPlan,
  session: ExplainSession,
  watcher: ExplainSession,
): Promise<void> {
  if (yes) return;
  const others = await session.query<OtherSession>(otherSessions([session.pid, watcher.pid]));
  if (others.length === 0) return;
  const shown = others
    .slice(0, 5)
    .map(({ pid, application, role }) => `${pid} (${[application, role].filter(Boolean).join(', ')})`);
  throw new ExplainRefusedError(
    `Other clients are connected to the database, which would wait for the locks that are tried: ${shown.join('; ')}${others.length > 5 ? `; and ${others.length - 5} more` : ''}. Use a database of its own, or give --yes (yes: true).`,
  );
}

async function assertNotLive({ live }: ExplainPlan, session: ExplainSession): Promise<void> {
  if (live === null) return;
  const other = await ExplainSession.open(connectorTo(live));
  try {
    const [[here], [there]] = [
      await session.query<DatabaseIdentity>(READ_DATABASE_IDENTITY),
      await other.query<DatabaseIdentity>(READ_DATABASE_IDENTITY),
    ];
    if (JSON.stringify(here) === JSON.stringify(there))
      throw new PgLockUsageError(
        'The live database is the one that statements would be executed on. Nothing was run: name another with -d (database).',
      );
  } finally {
    await other.close();
  }
}
