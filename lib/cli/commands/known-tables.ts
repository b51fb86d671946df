import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';
import type { LockQuery } from '../../inspection/lock-query.js';
import { tablesLike } from '../../sql/inspection-doctor.js';
import { namedTable, type NamedTable } from '../../vocabulary/lock-target.js';
import { printable } from '../../vocabulary/printable.js';
import type { CliInspection } from '../open-inspection.js';

/**
 * A table that does not exist has no locks: that is a slip rather than an answer.
 *
 * @throws {PgLockUsageError} when one of `--on` does not exist in the connected database; the message lists what does.
 * @internal
 */
export async function assertTables(
  { observer }: CliInspection,
  { on, allDatabases }: LockQuery<object>,
): Promise<void> {
  if (on === undefined || allDatabases) return;
  const targets = (Array.isArray(on) ? on : [on]) as readonly unknown[];
  const wanted = targets.map(named).filter((table) => table !== undefined);
  const rows = await observer.query<{ schema: string; name: string }>(
    tablesLike(wanted.map(({ table }) => table)),
  );
  for (const { schema, table } of wanted) {
    const exists = rows.some((row) => row.name === table && (schema === undefined || row.schema === schema));
    if (exists) continue;
    const others = rows.map((row) => `${row.schema}.${row.name}`.replace(/^public\./, ''));
    throw new PgLockUsageError(
      `There is no table ${printable(schema === undefined ? table : `${schema}.${table}`)} in this database. ${others.length === 0 ? 'There is none at all.' : `There are: ${others.join(', ')}.`}`,
    );
  }
}

function named(target: unknown): NamedTable | undefined {
  if (typeof target === 'string') return namedTable(target);
  return typeof target === 'object' && target !== null && 'table' in target
    ? (target as NamedTable)
    : undefined;
}
