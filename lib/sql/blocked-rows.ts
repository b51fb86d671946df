import { ACTIVITY_NAMES } from './inspection-attributes.js';
import {
  activityColumns,
  lockColumns,
  relationJoins,
  sessionCtes,
  type InspectionScope,
} from './inspection-rows.js';
import type { StatementValues } from './statement-values.js';

/**
 * The replay of a standby, which waits for sessions there to release a table, and of which `pg_blocking_pids` says nothing.
 * Read on a standby only.
 */
const BEHIND_SESSIONS = `UNION
SELECT w.pid, w.pid, h.pid FROM pg_catalog.pg_locks w
JOIN pg_catalog.pg_stat_activity a ON a.pid = w.pid AND a.backend_type = 'startup'
JOIN pg_catalog.pg_locks h ON h.locktype = w.locktype AND h.database = w.database AND h.relation = w.relation
 AND h.granted AND h.pid <> w.pid
WHERE pg_catalog.pg_is_in_recovery() AND NOT w.granted AND w.locktype = 'relation'`;

/**
 * `edges`: who waits (`pid`, and `leader` where that is a parallel worker) and who blocks it (`blocker`). Starts from
 * the sessions that wait, so that held locks cost nothing; whether a session of another role waits is hidden from roles
 * without `pg_read_all_stats`, so such sessions are asked one by one.
 *
 * @see https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SESSION
 * @internal
 */
export const EDGES = `edges AS MATERIALIZED (
SELECT DISTINCT w.pid, COALESCE(w.leader_pid, w.pid) AS leader, b.pid AS blocker
FROM pg_catalog.pg_stat_activity w CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) AS b(pid)
WHERE (w.wait_event_type = 'Lock' OR w.backend_start IS NULL) AND w.pid <> pg_catalog.pg_backend_pid()
${BEHIND_SESSIONS}
)`;

/** `pairs`: every edge, each the way it is. @internal */
const DIRECT = 'pairs AS (SELECT e.pid, e.pid AS via, e.blocker FROM edges e)';

/**
 * `pairs`: each of the given sessions that waits, with those at the root of its queue: they block it, directly or
 * through others (`via` the last of them), and do not wait themselves.
 */
function rootPairs(pids: readonly number[], values: StatementValues): string {
  return `reach(pid, via, blocker) AS (
SELECT e.pid, e.pid, e.blocker FROM edges e WHERE e.leader = ANY (${values.add(pids, 'int4[]')})
UNION SELECT r.pid, e.pid, e.blocker FROM reach r JOIN edges e ON e.leader = r.blocker
), pairs AS (
SELECT DISTINCT ON (r.pid, r.blocker) r.pid, r.via, r.blocker FROM reach r
WHERE NOT EXISTS (SELECT FROM edges e WHERE e.leader = r.blocker)
)`;
}

/** `awaited`: what is waited for, and what helps to name it; not even read while no session waits. */
const AWAITED = `awaited AS MATERIALIZED (
SELECT * FROM pg_catalog.pg_locks l
WHERE (NOT l.granted OR l.locktype = 'tuple' OR l.pid IS NULL) AND (SELECT pg_catalog.count(*) FROM edges) > 0
)`;

/** A backend that waits for a row's last writer holds the row's tuple lock: that tells the table. */
const TABLE_OF_ROW = `LEFT JOIN LATERAL (
SELECT t.relation, t.database FROM awaited t
WHERE l.locktype = 'transactionid' AND t.pid = l.pid AND t.granted AND t.locktype = 'tuple' LIMIT 1
) t ON TRUE`;

/** Which prepared transactions hold what the session at the end of the chain waits for. */
const PREPARED_BLOCKER = `LEFT JOIN LATERAL (
SELECT p.key FROM awaited v
JOIN awaited h ON h.pid IS NULL AND h.granted AND h.locktype = v.locktype
 AND h.database IS NOT DISTINCT FROM v.database AND h.relation IS NOT DISTINCT FROM v.relation
 AND h.page IS NOT DISTINCT FROM v.page AND h.tuple IS NOT DISTINCT FROM v.tuple
 AND h.virtualxid IS NOT DISTINCT FROM v.virtualxid AND h.transactionid IS NOT DISTINCT FROM v.transactionid
 AND h.classid IS NOT DISTINCT FROM v.classid AND h.objid IS NOT DISTINCT FROM v.objid
 AND h.objsubid IS NOT DISTINCT FROM v.objsubid
JOIN prepared p ON p.virtualtransaction = h.virtualtransaction
WHERE e.blocker = 0 AND v.pid = e.via AND NOT v.granted
) x ON TRUE`;

/** `urgency`: 0 where the blocker itself does not wait; `waiters`: how many it blocks. */
const SURVEY = `,
 CASE WHEN EXISTS (SELECT FROM edges w WHERE w.leader = e.blocker) THEN 1 ELSE 0 END AS "urgency",
 pg_catalog.count(*) OVER (PARTITION BY e.blocker) AS "waiters", FALSE AS "ownXact"`;

/** What {@link blockedRows} shows: every edge, or the roots that hold up the given sessions. @internal */
export interface BlockedScope extends InspectionScope {
  readonly rootsOf?: readonly number[];
}

/**
 * `rows`: one for each awaited lock and each blocker. Prepared transactions are pid 0, as in
 * `pg_blocking_pids`.
 *
 * @internal
 */
export function blockedRows(scope: BlockedScope, values: StatementValues): string {
  const pairs = scope.rootsOf === undefined ? DIRECT : rootPairs(scope.rootsOf, values);
  const where = scope.allDatabases
    ? ''
    : 'AND COALESCE(s."database", b."database") = pg_catalog.current_database()';
  return `${EDGES}, ${pairs}, ${AWAITED}, ${sessionCtes('awaited')}, rows AS (
SELECT ${lockColumns(scope)}, b.gid AS "preparedTransaction", e.blocker AS "blockingActivityId",
 ${activityColumns(ACTIVITY_NAMES, 's', 'activity')},
 ${activityColumns(ACTIVITY_NAMES, 'b', 'blockingActivity')}${scope.survey ? SURVEY : ''}
FROM pairs e
JOIN awaited l ON l.pid = e.pid AND NOT l.granted
${TABLE_OF_ROW}
${PREPARED_BLOCKER}
LEFT JOIN sessions s ON s.key = e.pid
LEFT JOIN sessions b ON b.key = COALESCE(x.key, e.blocker)
${relationJoins('COALESCE(t.relation, l.relation)', 'COALESCE(t.database, l.database)')}
WHERE TRUE ${where}
)`;
}

/**
 * One row for each session that waits or blocks: itself, the lock that it awaits, and the `key`s of its blockers
 * as a list. However many edges there are, each session is sent once.
 *
 * @internal
 */
export function treeRows(scope: InspectionScope): string {
  const waiters = scope.allDatabases
    ? 'edges'
    : `(SELECT w.* FROM edges w
 JOIN pg_catalog.pg_stat_activity a ON a.pid = w.pid LEFT JOIN pg_catalog.pg_stat_activity b ON b.pid = w.blocker
 WHERE COALESCE(a.datname, b.datname) = pg_catalog.current_database())`;
  return `WITH ${EDGES}, ${AWAITED}, ${sessionCtes('awaited')}, links AS MATERIALIZED (
SELECT DISTINCT e.leader::pg_catalog.int8 AS key, e.pid, COALESCE(x.key, e.blocker) AS blocker
FROM (SELECT w.*, w.pid AS via FROM ${waiters} w) e
${PREPARED_BLOCKER}
), members AS (
SELECT k.key, pg_catalog.min(k.pid) AS pid, pg_catalog.string_agg(k.blocker::pg_catalog.text, ',') AS blockers
FROM links k GROUP BY k.key
UNION ALL
SELECT DISTINCT k.blocker, NULL::pg_catalog.int4, NULL FROM links k
WHERE NOT EXISTS (SELECT FROM links w WHERE w.key = k.blocker)
)
SELECT m.key, m.blockers, s.gid AS "preparedTransaction", ${lockColumns(scope)},
 ${activityColumns(ACTIVITY_NAMES, 's', 'activity')}
FROM members m
LEFT JOIN awaited l ON l.pid = m.pid AND NOT l.granted
${TABLE_OF_ROW}
LEFT JOIN sessions s ON s.key = m.key
${relationJoins('COALESCE(t.relation, l.relation)', 'COALESCE(t.database, l.database)')}`;
}
