import type { Statement } from './statement.js';

/** What {@link READ_DASHBOARD_FACTS} gives. @internal */
export interface DashboardFacts {
  /** Client sessions of this database, our own asking one left out. */
  readonly sessions: string;
  /** Those of other roles, of which the connected role sees neither statement nor state. */
  readonly hidden: string;
  /** Deadlocks that the server has broken in this database since its statistics were reset. */
  readonly deadlocks: string;
}

/**
 * What the trees do not show: how many sessions there are, how many of them are hidden from this role, and how many
 * deadlocks the server has broken.
 *
 * @see https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-DATABASE-VIEW
 * @internal
 */
export const READ_DASHBOARD_FACTS: Statement = {
  name: 'pglock_dashboard_facts',
  text: `SELECT pg_catalog.count(*) AS sessions,
 pg_catalog.count(*) FILTER (WHERE a.backend_start IS NULL) AS hidden,
 COALESCE((SELECT d.deadlocks FROM pg_catalog.pg_stat_database d WHERE d.datname = pg_catalog.current_database()), 0) AS deadlocks
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = pg_catalog.current_database() AND a.usesysid IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid()`,
};
