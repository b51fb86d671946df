import { epochMs, startText } from './inspection-rows.js';
import type { Statement } from './statement.js';

/** A session of this library, as {@link READ_REPLICAS} gives it. @internal */
export interface ReplicaRow {
  readonly pid: string;
  readonly backendStart: string | null;
  readonly application: string;
  readonly host: string | null;
  readonly role: string | null;
  readonly since: string | null;
  readonly heartbeatAge: string | null;
  readonly held: string;
  readonly waits: string;
  readonly tableLocks: string;
  readonly tableSize: string;
}

/**
 * The lock sessions of every process that uses this library on the connected database: known by the end of their
 * `application_name`, which every role may see. One pass over `pg_locks` counts for all of them.
 *
 * @see https://www.postgresql.org/docs/current/view-pg-locks.html
 * @internal
 */
export const READ_REPLICAS: Statement = {
  text: `WITH counted AS MATERIALIZED (
SELECT l.pid, pg_catalog.count(*) FILTER (WHERE l.granted AND l.locktype = 'advisory') AS held,
 pg_catalog.count(*) FILTER (WHERE NOT l.granted) AS waits,
 pg_catalog.count(*) FILTER (WHERE NOT l.fastpath) AS slots
FROM pg_catalog.pg_locks l GROUP BY l.pid
)
SELECT a.pid, ${startText('a.backend_start')} AS "backendStart", a.application_name AS application,
 pg_catalog.host(a.client_addr) AS host, a.usename AS role,
 ${epochMs('a.backend_start')} AS since,
 GREATEST(${epochMs('(pg_catalog.statement_timestamp() - a.state_change)')}, 0) AS "heartbeatAge",
 COALESCE(c.held, 0) AS held, COALESCE(c.waits, 0) AS waits,
 (SELECT pg_catalog.sum(t.slots) FROM counted t) AS "tableLocks",
 pg_catalog.current_setting('max_locks_per_transaction')::pg_catalog.int8
 * (pg_catalog.current_setting('max_connections')::pg_catalog.int8
 + pg_catalog.current_setting('max_prepared_transactions')::pg_catalog.int8) AS "tableSize"
FROM pg_catalog.pg_stat_activity a LEFT JOIN counted c ON c.pid = a.pid
WHERE a.datname = pg_catalog.current_database() AND a.application_name LIKE '%pglock:%'
ORDER BY a.application_name, a.backend_start, a.pid`,
};
