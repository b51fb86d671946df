import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';
import { printable } from '../../vocabulary/printable.js';
import type { FindingSeverity } from '../report.js';

/** Every hazard: its name, its id, how much it matters, and what it is. Neither name nor id ever changes. */
const TABLE = [
  ['no-lock-timeout', 'H01', 'warning', 'waits for a lock without a limit, and everything queues behind it'],
  ['access-exclusive', 'H02', 'info', 'takes ACCESS EXCLUSIVE: reads and writes wait'],
  ['rewrite', 'H03', 'danger', 'writes a table or index anew'],
  ['volatile-default', 'H04', 'danger', 'a new column whose default is another one for each row'],
  ['type-change-rewrite', 'H05', 'danger', 'a change of type that writes the table anew'],
  ['set-not-null', 'H06', 'danger', 'SET NOT NULL that reads the whole table'],
  ['index-not-concurrent', 'H07', 'danger', 'an index built without CONCURRENTLY'],
  ['foreign-key-not-valid', 'H08', 'danger', 'a foreign key checked while both tables are locked'],
  ['check-not-valid', 'H09', 'danger', 'a CHECK constraint checked under ACCESS EXCLUSIVE'],
  ['unique-not-by-index', 'H10', 'danger', 'a unique constraint or primary key that builds its index'],
  ['exclusion-constraint', 'H11', 'danger', 'an exclusion constraint, which nothing builds concurrently'],
  ['several-tables', 'H12', 'warning', 'several tables locked in one transaction'],
  ['lock-order', 'H13', 'danger', 'two transactions of the run lock the same tables in different orders'],
  ['data-change-before-ddl', 'H14', 'warning', 'DDL behind a long change of data in one transaction'],
  ['data-change-under-lock', 'H15', 'danger', 'a long change of data while reads or writes wait'],
  ['rename', 'H16', 'warning', 'a rename that code in use does not know'],
  ['drop-in-use', 'H17', 'warning', 'drops what code in use may still read'],
  ['enum-value-in-transaction', 'H18', 'danger', 'an enum value used in the transaction that adds it'],
  ['attach-without-check', 'H19', 'danger', 'ATTACH PARTITION that reads a whole table'],
  ['lock-table', 'H20', 'warning', 'LOCK TABLE in a mode that stops reads or writes'],
  ['validate-in-same-transaction', 'H21', 'danger', 'VALIDATE CONSTRAINT while a stronger lock is held'],
  ['invalid-index', 'H22', 'danger', 'a concurrent build that failed and left an invalid index'],
  ['domain-constraint', 'H23', 'danger', 'a constraint of a domain locks every table with a column of it'],
  ['detach-partition', 'H24', 'danger', 'DETACH PARTITION locks other tables than the two'],
  [
    'attach-with-foreign-key',
    'H25',
    'danger',
    'ATTACH PARTITION locks the table that a foreign key refers to',
  ],
  ['drop-foreign-key', 'H26', 'warning', 'dropping a foreign key locks the table that it refers to'],
  [
    'index-rename-by-table',
    'H27',
    'warning',
    'ALTER TABLE renames an index: ALTER INDEX blocks neither reads nor writes',
  ],
  [
    'partition-of-referenced',
    'H28',
    'warning',
    'a new partition stops writers of tables that a foreign key connects it with',
  ],
  ['default-partition', 'H29', 'warning', 'the default partition is locked as well'],
  ['truncate', 'H30', 'danger', 'TRUNCATE stops reads too'],
  ['refresh-not-concurrent', 'H31', 'warning', 'REFRESH MATERIALIZED VIEW without CONCURRENTLY'],
  ['reindex-not-concurrent', 'H32', 'danger', 'REINDEX without CONCURRENTLY'],
  ['full-vacuum', 'H33', 'danger', 'VACUUM FULL or CLUSTER'],
  ['other-table-locked', 'H34', 'warning', 'locks a table that the statement does not name'],
  ['cannot-run-in-transaction', 'H35', 'info', 'cannot run in a transaction'],
  ['whole-table-change', 'H36', 'warning', 'changes all rows of a table at once'],
  ['analyze-keeps-partitions', 'H37', 'info', 'ANALYZE of a partitioned table keeps every partition'],
  ['grant-takes-lock', 'H38', 'info', 'GRANT and REVOKE lock tables from PostgreSQL 18 on'],
  ['first-use-of-partition', 'H39', 'info', 'a session that first writes to a partition locks the parent'],
  ['long-lock-timeout', 'H40', 'info', 'waits long for a lock, and everything queues behind it'],
] as const satisfies readonly (readonly [string, string, FindingSeverity, string])[];

/** @internal */
export type HazardName = (typeof TABLE)[number][0];

/** @internal */
export interface Hazard {
  readonly name: HazardName;
  readonly id: string;
  readonly severity: FindingSeverity;
  readonly about: string;
}

/** All hazards, in the order of their ids. @internal */
export const HAZARDS: readonly Hazard[] = TABLE.map(([name, id, severity, about]) => ({
  name,
  id,
  severity,
  about,
}));

const BY_TEXT = new Map(
  HAZARDS.flatMap((hazard) => [[hazard.name, hazard] as const, [hazard.id, hazard] as const]),
);

/** @internal */
export function hazardNamed(name: HazardName): Hazard {
  return BY_TEXT.get(name) as Hazard;
}

/** By id or name, in any case; undefined where there is none. @internal */
export function findHazard(text: string): Hazard | undefined {
  return BY_TEXT.get(text.toLowerCase()) ?? BY_TEXT.get(text.toUpperCase());
}

/** @throws {PgLockUsageError} when one of these ids or names means no hazard. @internal */
export function assertHazards(texts: readonly string[], where: string): void {
  const stranger = texts.find((text) => findHazard(text) === undefined);
  if (stranger === undefined) return;
  throw new PgLockUsageError(
    `${where}: there is no hazard ${printable(stranger)}. There are: ${HAZARDS.map(({ id, name }) => `${id} ${name}`).join(', ')}.`,
  );
}
