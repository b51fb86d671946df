import type { QueryContext } from './query-context.js';

/**
 * A session that holds or awaits a lock, as `pg_stat_activity` shows it; a prepared transaction has pid 0 and the state
 * `'prepared transaction'`. Frozen. What the connected role may not see is null: grant it `pg_read_all_stats`.
 *
 * Durations are milliseconds, measured at the moment of the question by the server's clock.
 *
 * @see https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
 * @publicApi
 */
export interface PgActivity {
  /** Process id of the backend; 0 for a prepared transaction. */
  readonly pid: number;
  /** The database that the session is connected to. */
  readonly database: string | null;
  /** The role that the session logged in as. */
  readonly user: string | null;
  /** `application_name`, as the client chose it. */
  readonly applicationName: string | null;
  /** The client's IP address; null for a local socket. */
  readonly clientAddress: string | null;
  /** Such as `'client backend'`, `'autovacuum worker'`, `'walsender'`. */
  readonly backendType: string | null;
  /** `'active'`, `'idle'`, `'idle in transaction'`, `'idle in transaction (aborted)'`, … */
  readonly state: string | null;
  /** What kind of thing the session waits for: `'Lock'` for what this library is about. */
  readonly waitEventType: string | null;
  /** What it waits for: `'relation'`, `'transactionid'`, `'tuple'`, `'advisory'`, … */
  readonly waitEvent: string | null;
  /** The running statement, or the last one; the server cuts it at `track_activity_query_size`, 1024 bytes by default. */
  readonly query: string | null;
  /** What application code attached to the statement or to `application_name`; null when nothing was. */
  readonly context: QueryContext | null;
  /** Since the start of the running or last statement. */
  readonly duration: number | null;
  /** Since the start of the open transaction; null when none is open. */
  readonly xactDuration: number | null;
  /** When the session began. */
  readonly backendStart: Date | null;
  /** When the open transaction began. */
  readonly xactStart: Date | null;
  /** When the running or last statement began. */
  readonly queryStart: Date | null;
  /** When `state` last changed. */
  readonly stateChange: Date | null;
  /** `backendStart` to the microsecond, in UTC: with `pid` it names this session, and no later one with the same pid. */
  readonly backendStartText: string | null;
}
