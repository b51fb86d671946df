import { epochMs, startText } from './inspection-rows.js';
import type { Statement } from './statement.js';

/** Settings that decide how locks behave and how much can be seen of them. @internal */
export const WATCHED_SETTINGS = [
  'deadlock_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'log_lock_waits',
  'max_connections',
  'max_locks_per_transaction',
  'max_prepared_transactions',
  'track_activity_query_size',
  'statement_timeout',
  'transaction_timeout',
  'idle_session_timeout',
  'default_transaction_read_only',
] as const;

/** The values that a new session of this role would have, with their units. @internal */
export const READ_WATCHED_SETTINGS: Statement = {
  text: `SELECT name, COALESCE(reset_val, setting) AS value, COALESCE(unit, '') AS unit
FROM pg_catalog.pg_settings WHERE name = ANY ($1::pg_catalog.text[])`,
  values: [WATCHED_SETTINGS],
};

/** Which server it is, how full its lock table is, and how many sessions wait. @internal */
export const READ_LOCK_USE: Statement = {
  text: `SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks WHERE NOT fastpath) AS locks,
 (SELECT pg_catalog.count(DISTINCT pid) FROM pg_catalog.pg_locks WHERE NOT granted) AS waiting,
 pg_catalog.current_setting('server_version') AS version, pg_catalog.version() AS "versionText",
 pg_catalog.pg_is_in_recovery() AS recovery, pg_catalog.current_database() AS database`,
};

/**
 * How many connections of the connected role, and of the database, are in use, where there is a limit.
 *
 * @see https://www.postgresql.org/docs/current/sql-createrole.html
 * @internal
 */
export const READ_CONNECTION_LIMITS: Statement = {
  text: `SELECT 'role ' OPERATOR(pg_catalog.||) r.rolname AS of, r.rolconnlimit AS most,
 (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.usesysid = r.oid) AS used
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user AND r.rolconnlimit >= 0 AND NOT r.rolsuper
UNION ALL
SELECT 'database ' OPERATOR(pg_catalog.||) d.datname, d.datconnlimit,
 (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid)
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database() AND d.datconnlimit >= 0`,
};

/** Sessions that have committed and wait for a synchronous standby. @internal */
export const READ_SYNC_REP: Statement = {
  text: `SELECT pg_catalog.count(*) AS waiting, pg_catalog.current_setting('synchronous_standby_names') AS names
FROM pg_catalog.pg_stat_activity WHERE wait_event = 'SyncRep'`,
};

/** How many sessions the role may not see: neither what they do nor since when. @internal */
export function hiddenSessions(allDatabases: boolean): Statement {
  const where = allDatabases ? 'datname IS NOT NULL' : 'datname = pg_catalog.current_database()';
  return {
    text: `SELECT pg_catalog.count(*) AS count FROM pg_catalog.pg_stat_activity
WHERE ${where} AND backend_start IS NULL AND query = '<insufficient privilege>'`,
  };
}

/** Whether tables of these names exist; and some others, for the message where one does not. @internal */
export function tablesLike(names: readonly string[]): Statement {
  return {
    text: `SELECT n.nspname::pg_catalog.text AS schema, c.relname::pg_catalog.text AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = ANY ($1::pg_catalog.text[])
 OR c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
ORDER BY c.relname <> ALL ($1::pg_catalog.text[]), n.nspname <> 'public', 1, 2 LIMIT 30`,
    values: [names],
  };
}

/** The roles of backends; every role may see them. @internal */
export function rolesOf(pids: readonly number[]): Statement {
  return {
    text: `SELECT pid, usesysid AS role FROM pg_catalog.pg_stat_activity WHERE pid = ANY ($1::pg_catalog.int4[])`,
    values: [pids],
  };
}

/** Transactions that do nothing and hold what they have, longest first. @internal */
export function idleTransactions(olderThanMs: number): Statement {
  return {
    text: `SELECT pid, application_name AS application, usename AS role, ${startText('xact_start')} AS since,
 ${epochMs('(pg_catalog.statement_timestamp() - xact_start)')} AS age
FROM pg_catalog.pg_stat_activity
WHERE state LIKE 'idle in transaction%' AND datname = pg_catalog.current_database()
 AND xact_start < pg_catalog.statement_timestamp() - pg_catalog.make_interval(secs => $1::pg_catalog.float8 / 1000)
ORDER BY xact_start LIMIT 10`,
    values: [olderThanMs],
  };
}

/** Prepared transactions of the database, oldest first. @internal */
export const READ_PREPARED: Statement = {
  text: `SELECT gid, owner, ${epochMs('(pg_catalog.statement_timestamp() - prepared)')} AS age
FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() ORDER BY prepared LIMIT 10`,
};

/** Backends that wait for a lock, of those that call themselves so. @internal */
export function backendsNamed(applicationName: string): Statement {
  return {
    text: `SELECT pid FROM pg_catalog.pg_stat_activity WHERE application_name = $1::pg_catalog.text`,
    values: [applicationName],
  };
}
