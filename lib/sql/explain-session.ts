import { startText } from './inspection-rows.js';
import type { Statement } from './statement.js';

/** What tells one database from another, wherever it is reached. @internal */
export interface DatabaseIdentity {
  readonly started: string;
  readonly oid: string;
  readonly name: string;
}

/** Reads {@link DatabaseIdentity}. No two servers begin in the same microsecond. @internal */
export const READ_DATABASE_IDENTITY: Statement = {
  text: `SELECT ${startText('pg_catalog.pg_postmaster_start_time()')} AS started, d.oid::pg_catalog.text AS oid,
 d.datname::pg_catalog.text AS name FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()`,
};

/** Which backend runs it. @internal */
export const READ_OWN_BACKEND: Statement = {
  text: 'SELECT pg_catalog.pg_backend_pid()::pg_catalog.text AS pid',
};

/** Sets `lock_timeout` for the whole session. @internal */
export function setSessionTimeout(milliseconds: number): Statement {
  return {
    text: `SELECT pg_catalog.set_config('lock_timeout', $1, false)`,
    values: [String(milliseconds)],
  };
}

/** Reads a setting; null where there is none of that name. @internal */
export function readSettingValue(name: string): Statement {
  return { text: 'SELECT pg_catalog.current_setting($1, true) AS value', values: [name] };
}

/** Sets a setting to the end of the transaction. @internal */
export function setLocalSetting(name: string, value: string): Statement {
  return { text: 'SELECT pg_catalog.set_config($1, $2, true)', values: [name, value] };
}

/** Another client that is connected to the database. @internal */
export interface OtherSession {
  readonly pid: string;
  readonly application: string;
  readonly role: string;
}

/**
 * All clients of the database but this session; sessions of the same run are named in `$1`. Of sessions of other roles a role
 * without `pg_read_all_stats` does not see what they are.
 *
 * @internal
 */
export function otherSessions(ownPids: readonly number[]): Statement {
  return {
    text: `SELECT a.pid::pg_catalog.text AS pid, COALESCE(a.application_name, '') AS application, a.usename::pg_catalog.text AS role
FROM pg_catalog.pg_stat_activity a
WHERE a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AND a.pid OPERATOR(pg_catalog.<>) ALL ($1::pg_catalog.int4[])
 AND (a.backend_type OPERATOR(pg_catalog.=) 'client backend' OR (a.backend_type IS NULL AND a.usesysid IS NOT NULL)) ORDER BY a.backend_start`,
    values: [ownPids],
  };
}

/** Ends what a backend runs. @internal */
export function cancelBackend(pid: number): Statement {
  return { text: 'SELECT pg_catalog.pg_cancel_backend($1) AS cancelled', values: [pid] };
}

/** An index that no query uses, left by a concurrent build that failed. @internal */
export interface InvalidIndex {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
}

/** @internal */
export const READ_INVALID_INDEXES: Statement = {
  text: `SELECT c.oid::pg_catalog.text AS oid, n.nspname::pg_catalog.text AS schema, c.relname::pg_catalog.text AS name
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE NOT i.indisvalid AND c.relkind OPERATOR(pg_catalog.=) 'i'`,
};

/** @param index its quoted name. @internal */
export function dropIndex(index: string): Statement {
  return { text: `DROP INDEX IF EXISTS ${index}` };
}

/** What a backend holds or waits for, as one JSON text, and whether it still runs the statement. @internal */
export function sampleBackend(pid: number): Statement {
  return {
    text: `SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(l.relation::pg_catalog.int8, l.mode)), '[]')::pg_catalog.text AS locks,
 COALESCE(pg_catalog.bool_or(NOT l.granted), false) AS waits
FROM pg_catalog.pg_locks l WHERE l.pid OPERATOR(pg_catalog.=) $1::pg_catalog.int4 AND l.locktype OPERATOR(pg_catalog.=) 'relation'
 AND l.relation OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid`,
    values: [pid],
  };
}

/** A lock on every table that VACUUM, ANALYZE and concurrent builds stop at, and nothing that reads or writes does. @internal */
export function lockGate(tables: readonly string[]): Statement {
  return { text: `LOCK TABLE ONLY ${tables.join(', ONLY ')} IN SHARE UPDATE EXCLUSIVE MODE NOWAIT` };
}
