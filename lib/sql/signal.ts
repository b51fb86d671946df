import { EDGES } from './blocked-rows.js';
import { matches, orderAndLimit, rowsCte, type RowQuery } from './inspection-query.js';
import { epochMs, startText } from './inspection-rows.js';
import { LOCK_SESSION_SUFFIX } from '../vocabulary/lock-session-name.js';
import { allOf, type Predicate } from './inspection-predicate.js';
import { BLOCKED_ATTRIBUTES } from './inspection-attributes.js';
import { onPrimary } from './on-primary.js';
import type { Statement } from './statement.js';
import { StatementValues } from './statement-values.js';

/** A backend, told from a later one with the same pid by the microsecond at which its session began. @internal */
export interface BackendIdentity {
  readonly pid: number;
  readonly backendStartText: string;
}

/** What to signal: the sessions on one side of the rows that a question finds. @internal */
export interface SignalQuery extends RowQuery {
  readonly action: 'cancel' | 'terminate';
  /** Whose session: the one that holds or awaits the lock, or its blocker. */
  readonly side: 'activity' | 'blockingActivity';
  /** Only these, if they are still the same sessions. */
  readonly only?: readonly BackendIdentity[];
  /** Never these, whatever matches. */
  readonly sparedPids?: readonly number[];
  /** Never those whose blocking activity meets all of these. */
  readonly spared?: readonly Predicate[];
  /** Signal sessions of other databases as well: shared catalogs put them in each other's way. */
  readonly otherDatabases: boolean;
  /** Signal sessions that hold further locks of this library as well. */
  readonly lockSessions: boolean;
  /** Find, and signal nothing. */
  readonly dryRun: boolean;
}

const FUNCTIONS = { cancel: 'pg_cancel_backend', terminate: 'pg_terminate_backend' } as const;

/**
 * What the server itself asks before it signals, and what the guard needs to see.
 *
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL
 */
const IS_SUPERUSER = `pg_catalog.current_setting('is_superuser')::pg_catalog.bool`;
const MAY_SIGNAL = `(${IS_SUPERUSER} OR NOT COALESCE(o.rolsuper, TRUE)
 AND (pg_catalog.pg_has_role(g.usesysid, 'USAGE') OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')))`;

/**
 * Finds and signals in one statement. A row for each session found, with what was made of it in `verdict`: `signal` (then
 * `signalled` tells whether it was reached), `gone`, `notPermitted`, `hidden` (not permitted either: its start cannot be seen),
 * or the reason for which it is left alone: `preparedTransaction`, `background`, `otherDatabase`, `lockSession`, `spared`,
 * `waitsForReplication` (a blocker that has committed and waits for a synchronous standby).
 *
 * @internal
 */
export function findAndSignal(query: SignalQuery, version: number): Statement {
  const values = new StatementValues();
  const { side } = query;
  const text = `${rowsCte(query, version, values)}, found AS (
SELECT r.* FROM rows r WHERE ${matches(query, values)}${onlyThese(query, values)}
${orderAndLimit(query, values)}
), picked AS MATERIALIZED (
SELECT DISTINCT ON (f."${side}.pid", f."preparedTransaction") f.*,
 pg_catalog.string_agg(f."activityId"::pg_catalog.text, ',') OVER (PARTITION BY f."${side}.pid") AS "activityIds"
FROM found f
), judged AS MATERIALIZED (
SELECT r.*, g.pid AS target, COALESCE(o.rolsuper, TRUE) AS "isSuperuser", ${otherKeys(query)} AS "otherKeys", ${verdict(query, values)} AS verdict
FROM picked r
LEFT JOIN pg_catalog.pg_stat_activity g ON g.pid = r."${side}.pid"
LEFT JOIN pg_catalog.pg_roles o ON o.oid = g.usesysid
)
SELECT j.*, ${query.dryRun ? 'NULL' : signal(query)} AS signalled FROM judged j`;
  return { text, values: values.list };
}

function signal({ action }: SignalQuery): string {
  return `CASE WHEN j.verdict = 'signal' THEN pg_catalog.${FUNCTIONS[action]}(j.target) END`;
}

function onlyThese({ only, side }: SignalQuery, values: StatementValues): string {
  if (only === undefined) return '';
  const pids = values.add(
    only.map(({ pid }) => pid),
    'int4[]',
  );
  const starts = values.add(
    only.map(({ backendStartText }) => backendStartText),
    'text[]',
  );
  // A start that is hidden from the role matches only one that was hidden before; such a session is never signalled.
  return ` AND (r."${side}.pid", COALESCE(r."${side}.backendStartText", '')) IN (
SELECT k.pid, k.start FROM ROWS FROM (pg_catalog.unnest(${pids}), pg_catalog.unnest(${starts})) AS k(pid, start))`;
}

/** A session's advisory locks beside those by which it was found, whose end was not asked for. */
function otherLocks({ side }: SignalQuery): string {
  return `FROM pg_catalog.pg_locks h WHERE h.pid = g.pid AND h.locktype = 'advisory' AND h.granted
 AND NOT EXISTS (SELECT FROM found f WHERE f."${side}.pid" = h.pid
  AND f."advisoryKey" = pg_catalog.concat(h.classid::pg_catalog.int8, ':', h.objid::pg_catalog.int8, ':', h.objsubid))`;
}

function otherKeys(query: SignalQuery): string {
  return `CASE WHEN ${isLockSession('g')} THEN (SELECT pg_catalog.string_agg(
 pg_catalog.concat(h.classid::pg_catalog.int8, ':', h.objid::pg_catalog.int8, ':', h.objsubid), ',') ${otherLocks(query)}) END`;
}

/** Only a question that names advisory locks means to end them, and then those alone. */
function keepsOthers(query: SignalQuery): string {
  return query.keys.length === 0 ? 'TRUE' : `EXISTS (SELECT ${otherLocks(query)})`;
}

/** @see LOCK_SESSION_SUFFIX */
function isLockSession(row: string): string {
  return `pg_catalog."right"(${row}.application_name, ${LOCK_SESSION_SUFFIX.length}) = '${LOCK_SESSION_SUFFIX}'`;
}

/** Which sessions must never be signalled: the first reason that holds. */
function verdict(query: SignalQuery, values: StatementValues): string {
  const { side, spared = [], sparedPids = [] } = query;
  const isSpared = [
    `g.pid = ANY (${values.add(sparedPids, 'int4[]')})`,
    ...(spared.length > 0 ? [`(${allOf(spared, BLOCKED_ATTRIBUTES, values)})`] : []),
  ];
  return `CASE WHEN r."preparedTransaction" IS NOT NULL OR r."${side}.pid" = 0 THEN 'preparedTransaction'
 WHEN g.pid IS NULL THEN 'gone'
 WHEN ${isSpared.join(' OR ')} THEN 'spared'
 ${query.otherDatabases ? '' : "WHEN g.datname <> pg_catalog.current_database() THEN 'otherDatabase'"}
 ${query.lockSessions ? '' : `WHEN ${isLockSession('g')} AND ${keepsOthers(query)} THEN 'lockSession'`}
 WHEN g.usesysid IS NULL AND NOT ${IS_SUPERUSER} THEN 'background'
 WHEN g.backend_start IS NULL THEN 'hidden'
 WHEN ${startText('g.backend_start')} <> r."${side}.backendStartText" THEN 'gone'
 WHEN g.backend_type NOT IN ('client backend', 'autovacuum worker')
  OR g.backend_type = 'autovacuum worker' AND g.query LIKE '%(to prevent wraparound)%' THEN 'background'
 WHEN NOT ${MAY_SIGNAL} THEN 'notPermitted'
 ${side === 'activity' ? '' : "WHEN g.wait_event = 'SyncRep' THEN 'waitsForReplication'"}
 ELSE 'signal' END`;
}

/**
 * Which of the given sessions are still there: whether each blocks another, and what it does since when.
 *
 * @internal
 */
export function stillThere(backends: readonly BackendIdentity[]): Statement {
  const values = new StatementValues();
  const pids = values.add(
    backends.map(({ pid }) => pid),
    'int4[]',
  );
  const starts = values.add(
    backends.map(({ backendStartText }) => backendStartText),
    'text[]',
  );
  const text = `WITH ${EDGES}
SELECT g.pid, g.state, ${epochMs('g.query_start')} AS "queryStart",
 EXISTS (SELECT FROM edges e WHERE e.blocker = g.pid) AS blocks
FROM pg_catalog.pg_stat_activity g
JOIN ROWS FROM (pg_catalog.unnest(${pids}), pg_catalog.unnest(${starts})) AS k(pid, start)
 ON k.pid = g.pid AND k.start = ${startText('g.backend_start')}`;
  return { text, values: values.list };
}

/**
 * Whether the connected role lacks what signalling others takes.
 *
 * @see https://www.postgresql.org/docs/current/predefined-roles.html
 * @internal
 */
export const READ_GRANTS: Statement = {
  text: `SELECT current_user AS role,
 pg_catalog.current_setting('is_superuser')::pg_catalog.bool AS superuser,
 pg_catalog.pg_has_role('pg_signal_backend', 'USAGE') AS signals,
 pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees`,
};

/** The backend that serves the asking session. @internal */
export const BACKEND_PID: Statement = { text: 'SELECT pg_catalog.pg_backend_pid() AS pid' };

/**
 * The same, of the server on which a transaction writes: pgpool-II does not send elsewhere what reads a system catalog, even
 * where its `allow_sql_comments` has it overlook comments.
 *
 * @see https://www.pgpool.net/docs/latest/en/html/runtime-config-load-balancing.html
 * @internal
 */
export const BACKEND_PID_OF_TRANSACTION: Statement = onPrimary({
  text: `${BACKEND_PID.text} WHERE EXISTS (SELECT FROM pg_catalog.pg_namespace)`,
});
