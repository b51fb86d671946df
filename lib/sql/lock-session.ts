import { ON_PRIMARY, onPrimary } from './on-primary.js';
import type { Statement } from './statement.js';

/** What the first statement of a lock session reads; it changes nothing, since a pooler may stand between. @internal */
export interface ServerFacts {
  readonly pid: number;
  readonly version: number;
  /** What the server calls itself: `version()`. */
  readonly versionText: string;
  /** Whether it is a read replica. */
  readonly recovery: boolean;
  /** The role's or database's own `lock_timeout`, in milliseconds; 0 means indefinitely. */
  readonly lockTimeout: number;
  readonly deadlockTimeout: number;
  /** How many locks the shared lock table is made for. */
  readonly lockTable: number;
  /** For how long the server has been up, in milliseconds; the end of a recovery from a crash does not count. */
  readonly uptimeMs: number;
}

/** @see https://www.postgresql.org/docs/current/view-pg-settings.html @internal */
export const READ_SERVER_FACTS: Statement = {
  text: `${ON_PRIMARY}SELECT pg_catalog.pg_backend_pid() AS pid,
 pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS version,
 pg_catalog.version() AS "versionText", pg_catalog.pg_is_in_recovery() AS recovery,
 (SELECT setting::pg_catalog.int4 FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'lock_timeout') AS "lockTimeout",
 (SELECT setting::pg_catalog.int4 FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'deadlock_timeout') AS "deadlockTimeout",
 pg_catalog.current_setting('max_locks_per_transaction')::pg_catalog.int4 OPERATOR(pg_catalog.*)
 (pg_catalog.current_setting('max_connections')::pg_catalog.int4 OPERATOR(pg_catalog.+)
  pg_catalog.current_setting('max_prepared_transactions')::pg_catalog.int4) AS "lockTable",
 (extract(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) pg_catalog.pg_postmaster_start_time())
  OPERATOR(pg_catalog.*) 1000)::pg_catalog.int8 AS "uptimeMs"`,
};

/** Reads the row of {@link READ_SERVER_FACTS}, as the server wrote it. @internal */
export function readServerFacts(row: Readonly<Record<string, string | null>>): ServerFacts {
  const { pid, version, versionText, recovery, lockTimeout, deadlockTimeout, lockTable, uptimeMs } = row;
  return {
    pid: Number(pid),
    version: Number(version),
    versionText: versionText ?? '',
    recovery: isTrue(recovery),
    lockTimeout: Number(lockTimeout),
    deadlockTimeout: Number(deadlockTimeout),
    lockTable: Number(lockTable),
    uptimeMs: Number(uptimeMs),
  };
}

/** As the server writes it, or as an application's parser has made it. @internal */
export function isTrue(value: unknown): boolean {
  return value === true || value === 't' || value === 'true' || value === 1 || value === '1';
}

/**
 * Prepares a session to hold locks: no time limit but ours, a lease that the server enforces, and a connection that both
 * sides give up soon when the network is gone. Any role may set these.
 *
 * @param idleTimeoutMs the lease that begins at once; 0 where {@link changeLease} begins it with the first lock.
 *
 * @see https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-IDLE-SESSION-TIMEOUT
 * @see https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-TCP-KEEPALIVES-IDLE
 * @internal
 */
export function prepareLockSession(version: number, leaseMs: number, idleTimeoutMs: number): Statement {
  const settings: Record<string, string> = {
    search_path: 'pg_catalog',
    lock_timeout: '0',
    statement_timeout: '0',
    idle_in_transaction_session_timeout: '0',
    default_transaction_isolation: 'read committed',
    default_transaction_read_only: 'off',
    // A fencing token that was given must not be given again after a crash.
    synchronous_commit: 'local',
    tcp_keepalives_idle: String(Math.max(1, Math.ceil(leaseMs / 2000))),
    tcp_keepalives_interval: '1',
    tcp_keepalives_count: '3',
    tcp_user_timeout: String(leaseMs),
  };
  if (version >= 140_000) settings['idle_session_timeout'] = String(idleTimeoutMs);
  if (version >= 170_000) settings['transaction_timeout'] = '0';
  const calls = Object.entries(settings).map(
    ([name, value]) => `pg_catalog.set_config('${name}', '${value}', false)`,
  );
  // Only some platforms of the server can notice a closed connection while a statement waits; the others refuse the setting.
  // Each look wakes the wait, which says so in the log of a server with log_lock_waits.
  if (version >= 140_000)
    calls.push(`CASE WHEN pg_catalog.strpos(pg_catalog.version(), 'linux') OPERATOR(pg_catalog.>) 0
 THEN pg_catalog.set_config('client_connection_check_interval',
 CASE WHEN pg_catalog.current_setting('log_lock_waits') OPERATOR(pg_catalog.=) 'on' THEN '30000' ELSE '1000' END, false) END`);
  return {
    text: `${ON_PRIMARY}SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.pg_is_in_recovery() AS recovery, ${calls.join(', ')}`,
  };
}

/**
 * Begins the server's lease, or ends it with 0: how long the server keeps a session that says nothing. Gives no rows, so that
 * it may stand beside others.
 *
 * @internal
 */
export function changeLease(leaseMs: number): string {
  return `${ON_PRIMARY}SELECT 1 WHERE pg_catalog.set_config('idle_session_timeout', '${leaseMs}', false) IS NULL`;
}

/** Shows the server, and us, that the session lives. @internal */
export const HEARTBEAT: Statement = onPrimary({ text: 'SELECT' });

/** Has the session told of what is notified on a channel. @see https://www.postgresql.org/docs/current/sql-listen.html @internal */
export function listen(channel: string): Statement {
  return { text: `LISTEN "${channel.replaceAll('"', '""')}"` };
}
