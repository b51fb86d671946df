import { namedTable, quotedTable, type NamedTable } from '../vocabulary/lock-target.js';
import type { Statement } from './statement.js';

/** @internal */
export const DEFAULT_LEDGER_TABLE = 'pglock_jobs';

/** Each run of `keep` deletes at most so many old ones. */
const DELETED_AT_ONCE = 100;

/** The columns that the ledger reads and writes. @internal */
export const LEDGER_COLUMNS = {
  job: 'text',
  name: 'text',
  tick: 'timestamp with time zone',
  started_at: 'timestamp with time zone',
  finished_at: 'timestamp with time zone',
  outcome: 'text',
  error: 'text',
  replica: 'text',
  late_ms: 'bigint',
} as const;

/** Whether a text is `table` or `schema.table`. @internal */
export function isTableName(text: string): boolean {
  try {
    namedTable(text);
    return true;
  } catch {
    return false;
  }
}

/** The two tables of a ledger, with their schema. @internal */
export class LedgerTables {
  readonly latest: string;
  readonly runs: string;

  constructor(readonly table: NamedTable) {
    this.latest = quotedTable(table);
    this.runs = quotedTable(runsTable(table));
  }
}

/** The table of all runs that stands beside that of the last ones. @internal */
export function runsTable(table: NamedTable): NamedTable {
  return { ...table, table: `${table.table}_runs` };
}

const COLUMNS = `
  name        text NOT NULL,
  tick        timestamptz NOT NULL,
  started_at  timestamptz NOT NULL,
  finished_at timestamptz,
  outcome     text,
  error       text,
  replica     text NOT NULL,
  late_ms     bigint NOT NULL,`;

/**
 * What makes the tables of a ledger, for people and for `pglock jobs init`. Does nothing where they exist.
 *
 * @internal
 */
export function ledgerDdl(name: string, keep: boolean): string[] {
  const table = namedTable(name);
  const tables = new LedgerTables(table);
  const latest = `CREATE TABLE IF NOT EXISTS ${tables.latest} (
  job         text NOT NULL,${COLUMNS}
  PRIMARY KEY (job)
)`;
  if (!keep) return [latest];
  const index = quotedTable({ table: `${runsTable(table).table}_started_at` });
  return [
    latest,
    `CREATE TABLE IF NOT EXISTS ${tables.runs} (
  job         text NOT NULL,${COLUMNS}
  PRIMARY KEY (job, tick)
)`,
    `CREATE INDEX IF NOT EXISTS ${index} ON ${tables.runs} (started_at)`,
  ];
}

/** What the application's role needs, and no more. @internal */
export function ledgerGrants(name: string, keep: boolean, role = 'the_application'): string[] {
  const tables = new LedgerTables(namedTable(name));
  const latest = `GRANT SELECT, INSERT, UPDATE ON ${tables.latest} TO ${role}`;
  return keep ? [latest, `GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables.runs} TO ${role}`] : [latest];
}

/** A tick that is to be taken. @internal */
export interface TickClaimValues {
  readonly job: string;
  readonly name: string;
  /** Milliseconds of the Unix epoch. */
  readonly at: number;
  readonly late: number;
  readonly windowMs: number;
  readonly replica: string;
  readonly isFromBefore: boolean;
}

/**
 * Takes a tick: one row where it was taken, none where it (or a later one) was taken before, or its time is over by the
 * server's clock. With `keepMs` also notes the run, and deletes some that are too old.
 *
 * @internal
 */
export function claimTick(
  { latest, runs }: LedgerTables,
  keepMs: number | undefined,
  { job, name, at, late, windowMs, replica, isFromBefore }: TickClaimValues,
): Statement {
  const kept =
    keepMs === undefined
      ? ''
      : `, kept AS (
 INSERT INTO ${runs} (job, name, tick, started_at, replica, late_ms)
 SELECT job, name, tick, started_at, replica, late_ms FROM taken
 ON CONFLICT (job, tick) DO NOTHING
), dropped AS (
 DELETE FROM ${runs} WHERE EXISTS (SELECT FROM taken) AND ctid = ANY (ARRAY(
  SELECT ctid FROM ${runs} WHERE started_at < pg_catalog.clock_timestamp() - ${interval('$8')}
  ORDER BY started_at LIMIT ${DELETED_AT_ONCE}))
)`;
  return {
    text: `WITH taken AS (
 INSERT INTO ${latest} AS l (job, name, tick, started_at, finished_at, outcome, error, replica, late_ms)
 SELECT $1, $2, ${instant('$3')}, pg_catalog.clock_timestamp(), NULL, NULL, NULL, $4, $5::pg_catalog.int8
 WHERE pg_catalog.clock_timestamp() <= ${instant('$3')} + ${interval('$6')}
 AND (NOT $7::pg_catalog.bool OR EXISTS (SELECT FROM ${latest} WHERE job = $1))
 ON CONFLICT (job) DO UPDATE SET name = EXCLUDED.name, tick = EXCLUDED.tick, started_at = pg_catalog.clock_timestamp(),
  finished_at = NULL, outcome = NULL, error = NULL, replica = EXCLUDED.replica, late_ms = EXCLUDED.late_ms
 WHERE l.tick < EXCLUDED.tick
 RETURNING job, name, tick, started_at, replica, late_ms
)${kept}
SELECT replica FROM taken`,
    values: [job, name, at, replica, late, windowMs, isFromBefore, ...(keepMs === undefined ? [] : [keepMs])],
  };
}

/** Notes how the run of a tick ended, where it is still the last one. @internal */
export function finishTick(
  { latest, runs }: LedgerTables,
  keeps: boolean,
  values: {
    readonly job: string;
    readonly at: number;
    readonly outcome: string;
    readonly error: string | null;
  },
): Statement {
  const update = (table: string) =>
    `UPDATE ${table} SET finished_at = pg_catalog.clock_timestamp(), outcome = $3, error = $4
 WHERE job = $1 AND tick = ${instant('$2')} AND outcome IS NULL`;
  return {
    text: keeps ? `WITH latest AS (${update(latest)}) ${update(runs)}` : update(latest),
    values: [values.job, values.at, values.outcome, values.error],
  };
}

/** The last tick of each job. @internal */
export function readLedger({ latest }: LedgerTables): Statement {
  const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::pg_catalog.int8`;
  return {
    text: `SELECT job, name, ${ms('tick')} AS at, ${ms('started_at')} AS "startedAt", ${ms('finished_at')} AS "finishedAt",
 outcome, error, replica, late_ms AS late FROM ${latest}`,
  };
}

/** The schema in which an unqualified name would be made: the first of the role's own search path. @internal */
export const FIRST_SCHEMA: Statement = {
  text: `SELECT pg_catalog.set_config('search_path', reset_val, true) AS path, pg_catalog.current_schema() AS schema
 FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'search_path'`,
};

/** What a table of the ledger is like: a row a column, with the table's unique keys and the privileges of the connected role. @internal */
export function ledgerTableFacts({ schema = '', table }: NamedTable): Statement {
  return {
    text: `SELECT a.attname AS "column", pg_catalog.format_type(a.atttypid, NULL) AS type,
 a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS required,
 (SELECT pg_catalog.string_agg((SELECT pg_catalog.string_agg(k.attname::pg_catalog.text, ',' ORDER BY k.attname)
  FROM pg_catalog.pg_attribute k WHERE k.attrelid = c.oid AND k.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1])), ';')
  FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
  AND i.indpred IS NULL AND i.indexprs IS NULL) AS keys,
 pg_catalog.has_table_privilege(c.oid, 'SELECT') AS "select", pg_catalog.has_table_privilege(c.oid, 'INSERT') AS "insert",
 pg_catalog.has_table_privilege(c.oid, 'UPDATE') AS "update", pg_catalog.has_table_privilege(c.oid, 'DELETE') AS "delete",
 pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS "usage"
 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')`,
    values: [schema, table],
  };
}

function instant(parameter: string): string {
  return `pg_catalog.to_timestamp(${parameter}::pg_catalog.float8 / 1000)`;
}

function interval(parameter: string): string {
  return `${parameter}::pg_catalog.float8 * '1 millisecond'::pg_catalog.interval`;
}
