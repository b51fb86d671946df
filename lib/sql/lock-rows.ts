import { EDGES } from './blocked-rows.js';
import { ACTIVITY_NAMES } from './inspection-attributes.js';
import {
  activityColumns,
  lockColumns,
  OWN_DATABASE,
  relationJoins,
  sessionCtes,
  type InspectionScope,
} from './inspection-rows.js';

/** What is locked, as a text: equal for equal things. */
const tag = (row: string): string =>
  `pg_catalog.concat_ws('/', ${row}.locktype, ${row}.database, ${row}.relation, ${row}.page, ${row}.tuple, ${row}.virtualxid, ${row}.transactionid, ${row}.classid, ${row}.objid, ${row}.objsubid)`;

/**
 * `urgency`: 0 what a root (it blocks others and does not wait) blocks them by, 1 what is awaited, 2 what others that
 * wait block by, 3 everything else. `ownXact`: a session's lock on its own transaction id, which each has.
 */
const SURVEY = {
  ctes: `${EDGES}, standing AS MATERIALIZED (
SELECT e.blocker AS pid, pg_catalog.count(DISTINCT e.pid) AS waiters, pg_catalog.bool_or(w.pid IS NOT NULL) AS waits
FROM edges e LEFT JOIN edges w ON w.leader = e.blocker GROUP BY e.blocker
), awaited AS MATERIALIZED (
SELECT DISTINCT ${tag('w')} AS tag FROM held w WHERE NOT w.granted
), `,
  columns: `,
 CASE WHEN NOT l.granted THEN 1 WHEN k.pid IS NULL OR w.tag IS NULL THEN 3 WHEN k.waits THEN 2 ELSE 0 END AS "urgency",
 COALESCE(k.waiters, 0) AS "waiters",
 (l.granted AND l.locktype IN ('transactionid', 'virtualxid') AND l.mode = 'ExclusiveLock' AND w.tag IS NULL) AS "ownXact"`,
  joins: `LEFT JOIN standing k ON k.pid = l.pid
LEFT JOIN awaited w ON w.tag = ${tag('l')}`,
} as const;
const NO_SURVEY = { ctes: '', columns: '', joins: '' } as const;

/**
 * `rows`: every lock that is held or awaited, but for those of the asking session. Left joins throughout: an advisory
 * lock has no relation, and a prepared transaction no backend.
 *
 * @see https://www.postgresql.org/docs/current/view-pg-locks.html
 * @internal
 */
export function lockRows(scope: InspectionScope): string {
  const { ctes, columns, joins } = scope.survey ? SURVEY : NO_SURVEY;
  const where = scope.allDatabases
    ? ''
    : `AND (l.database = ${OWN_DATABASE}
 OR COALESCE(l.database, 0) = 0 AND s."database" = pg_catalog.current_database())`;
  return `held AS MATERIALIZED (
SELECT * FROM pg_catalog.pg_locks l WHERE l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
), ${ctes}${sessionCtes('held')}, rows AS (
SELECT ${lockColumns(scope)}, s.gid AS "preparedTransaction",
 ${activityColumns(ACTIVITY_NAMES, 's', 'activity')}${columns}
FROM held l
LEFT JOIN prepared p ON l.pid IS NULL AND p.virtualtransaction = l.virtualtransaction
LEFT JOIN sessions s ON s.key = COALESCE(l.pid, p.key)
${relationJoins('l.relation', 'l.database')}
${joins}
WHERE TRUE ${where}
)`;
}
