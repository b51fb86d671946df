/**
 * Which server the SQL is for, and what it looks at.
 *
 * @internal
 */
export interface InspectionScope {
  /** `server_version_num`; PostgreSQL 14 and later know since when a lock is awaited. */
  readonly version: number;
  /** Look at all databases of the server rather than at the connected one. */
  readonly allDatabases: boolean;
  /** Of each lock: how much it blocks others, and whether it is a session's on its own transaction. */
  readonly survey?: boolean;
}

/** The instant that a session began, to the microsecond: a JavaScript `Date` would lose what the guard compares. @internal */
export function startText(column: string): string {
  return `pg_catalog.to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')`;
}

/**
 * Milliseconds of the Unix epoch, or of an interval. Whole numbers: how many digits of others are written is a setting
 * (`extra_float_digits`), which is not ours behind a pooler.
 *
 * @internal
 */
export const epochMs = (column: string): string =>
  `pg_catalog.trunc(pg_catalog.date_part('epoch', ${column}) * 1000)::pg_catalog.int8`;
/** Never below zero: a statement may begin while ours is on its way. */
const sinceMs = (column: string): string =>
  `CASE WHEN ${column} IS NOT NULL
 THEN GREATEST(${epochMs(`(pg_catalog.statement_timestamp() - ${column})`)}, 0) END`;

/**
 * Comments that application code puts at either end of its SQL, such as sqlcommenter's and django-pgactivity's; the end
 * only counts where the server has not cut it off.
 */
const TAGGED = String.raw`/\\*((?:[^*]|\\*(?!/))*(?:pga_context=|='')(?:[^*]|\\*(?!/))*)\\*/`;
const CONTEXT = `COALESCE(pg_catalog.substring(a.query, E'^\\\\s*${TAGGED}'),
 pg_catalog.substring(a.query, E'${TAGGED}[\\\\s;]*$'))`;

/**
 * `sessions`: what can hold a lock, by `key`: a backend by its pid, a prepared transaction by its negated xid.
 * `prepared`: the prepared transactions, with the virtual transaction under which `source` lists their locks.
 *
 * @see https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
 * @see https://www.postgresql.org/docs/current/view-pg-prepared-xacts.html
 * @internal
 */
export function sessionCtes(source: string): string {
  return `prepared AS MATERIALIZED (
SELECT -(x.transaction::pg_catalog.text::pg_catalog.int8) AS key, l.virtualtransaction, x.gid, x.database, x.owner, x.prepared
FROM pg_catalog.pg_prepared_xacts x
LEFT JOIN ${source} l ON l.pid IS NULL AND l.transactionid = x.transaction AND l.granted
), sessions AS MATERIALIZED (
SELECT a.pid::pg_catalog.int8 AS key, NULL::pg_catalog.text AS gid, a.pid, a.datname AS "database", a.usename AS "user",
 a.application_name AS "applicationName", pg_catalog.host(a.client_addr) AS "clientAddress",
 a.backend_type AS "backendType", a.state, a.wait_event_type AS "waitEventType", a.wait_event AS "waitEvent", a.query,
 ${CONTEXT} AS context, ${sinceMs('a.query_start')} AS duration, ${sinceMs('a.xact_start')} AS "xactDuration",
 ${epochMs('a.backend_start')} AS "backendStart", ${epochMs('a.xact_start')} AS "xactStart",
 ${epochMs('a.query_start')} AS "queryStart", ${epochMs('a.state_change')} AS "stateChange",
 ${startText('a.backend_start')} AS "backendStartText"
FROM pg_catalog.pg_stat_activity a
UNION ALL
SELECT p.key, p.gid, 0, p.database, p.owner, NULL, NULL, NULL, 'prepared transaction', NULL, NULL,
 'PREPARE TRANSACTION ' OPERATOR(pg_catalog.||) pg_catalog.quote_literal(p.gid), NULL,
 ${sinceMs('p.prepared')}, ${sinceMs('p.prepared')}, NULL, ${epochMs('p.prepared')}, NULL, NULL, NULL
FROM prepared p
)`;
}

/** `own`: the oid of the connected database. @internal */
export const OWN_DATABASE =
  '(SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())';

/** The columns of a lock, from `l` (pg_locks), `o` (what names its relation), `c` (pg_class) and `n` (pg_namespace). @internal */
export function lockColumns({ version }: InspectionScope): string {
  const since = version >= 140_000 ? 'l.waitstart' : 'NULL::pg_catalog.timestamptz';
  return `COALESCE(l.pid, 0) AS "activityId", pg_catalog.upper(l.locktype) AS "type", ${MODE} AS "mode", l.granted AS "granted",
 ${epochMs(since)} AS "waitStart", ${sinceMs(since)} AS "waitDuration",
 ${REL_KIND} AS "relKind", c.relname::pg_catalog.text AS "relName", n.nspname::pg_catalog.text AS "relSchema",
 CASE WHEN l.locktype = 'advisory' THEN
  pg_catalog.concat(l.classid::pg_catalog.int8, ':', l.objid::pg_catalog.int8, ':', l.objsubid) END AS "advisoryKey",
 l.transactionid::pg_catalog.text AS "transactionId"`;
}

const MODE = `CASE l.mode WHEN 'AccessShareLock' THEN 'ACCESS SHARE' WHEN 'RowShareLock' THEN 'ROW SHARE'
 WHEN 'RowExclusiveLock' THEN 'ROW EXCLUSIVE' WHEN 'ShareUpdateExclusiveLock' THEN 'SHARE UPDATE EXCLUSIVE'
 WHEN 'ShareLock' THEN 'SHARE' WHEN 'ShareRowExclusiveLock' THEN 'SHARE ROW EXCLUSIVE'
 WHEN 'ExclusiveLock' THEN 'EXCLUSIVE' WHEN 'AccessExclusiveLock' THEN 'ACCESS EXCLUSIVE'
 WHEN 'SIReadLock' THEN 'SI READ' ELSE l.mode END`;

const REL_KIND = `CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'i' THEN 'INDEX' WHEN 'S' THEN 'SEQUENCE' WHEN 't' THEN 'TOAST'
 WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED_VIEW' WHEN 'c' THEN 'COMPOSITE_TYPE' WHEN 'f' THEN 'FOREIGN_TABLE'
 WHEN 'p' THEN 'PARTITIONED_TABLE' WHEN 'I' THEN 'PARTITIONED_INDEX' ELSE c.relkind::pg_catalog.text END`;

/** Joins `c` and `n` to the relation of a lock; catalogs of other databases cannot be read. @internal */
export function relationJoins(relation: string, database: string): string {
  return `LEFT JOIN pg_catalog.pg_class c ON c.oid = ${relation} AND ${database} IN (${OWN_DATABASE}, 0)
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`;
}

/** The columns of an activity, from a row of `sessions`. @internal */
export function activityColumns(names: readonly string[], alias: string, prefix: string): string {
  return names.map((name) => `${alias}."${name}" AS "${prefix}.${name}"`).join(', ');
}
