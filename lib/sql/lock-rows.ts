import { ACTIVITY_NAMES } from './inspection-attributes.js';
import {
  activityColumns,
  lockColumns,
  OWN_DATABASE,
  relationJoins,
  sessionCtes,
  type InspectionScope,
} from './inspection-rows.js';

/**
 * `rows`: every lock that is held or awaited, but for those of the asking session. Left joins throughout: an advisory
 * lock has no relation, and a prepared transaction no backend.
 *
 * @see https://www.postgresql.org/docs/current/view-pg-locks.html
 * @internal
 */
export function lockRows(scope: InspectionScope): string {
  const where = scope.allDatabases
    ? ''
    : `AND (l.database = ${OWN_DATABASE}
 OR COALESCE(l.database, 0) = 0 AND s."database" = pg_catalog.current_database())`;
  return `held AS MATERIALIZED (
SELECT * FROM pg_catalog.pg_locks l WHERE l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
), ${sessionCtes('held')}, rows AS (
SELECT ${lockColumns(scope)}, s.gid AS "preparedTransaction",
 ${activityColumns(ACTIVITY_NAMES, 's', 'activity')}
FROM held l
LEFT JOIN prepared p ON l.pid IS NULL AND p.virtualtransaction = l.virtualtransaction
LEFT JOIN sessions s ON s.key = COALESCE(l.pid, p.key)
${relationJoins('l.relation', 'l.database')}
WHERE TRUE ${where}
)`;
}
