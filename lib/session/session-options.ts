import type { PoolConfig } from 'pg';
import type { Duration } from '../vocabulary/duration.js';

/**
 * Where a database is: a connection string, or the configuration of a `pg` pool.
 *
 * @see https://node-postgres.com/apis/pool
 * @publicApi
 */
export type PgLockConnection = string | PoolConfig;

/** The connections that the module opens for itself. @publicApi */
export interface SessionsOptions {
  /**
   * The maximum number of lock connections of this process to this database; at least 2. One holds the locks; each of the others
   * waits for one key that another process holds. A connection that has acquired a lock by waiting keeps it, and does not count
   * until the lock is released; the total never exceeds four times `max`.
   *
   * @default 4
   */
  readonly max?: number | undefined;
  /**
   * How often an otherwise idle lock session that holds a lock sends a statement to show that it is alive; one that holds nothing
   * sends none.
   *
   * @default '2s', or 40 % of `lease` if only that is set
   */
  readonly heartbeat?: Duration | undefined;
  /**
   * How long a lock outlives a process that was stopped or cut off. The server enforces it by `idle_session_timeout`
   * (PostgreSQL 14 and later). At least twice `heartbeat`.
   *
   * @default '5s'
   */
  readonly lease?: Duration | undefined;
  /**
   * How long a lock request without a `timeout` waits for a server that cannot be reached; `null`: indefinitely. A `timeout` of
   * the call takes precedence.
   *
   * @default '30s'
   */
  readonly connectTimeout?: Duration | null | undefined;
  /** Where lock sessions, and the session of `prioritize`, connect if `connection` leads to a pooler. @default `connection` */
  readonly directConnection?: PgLockConnection | undefined;
  /**
   * Accept a pooler that keeps one backend for each client (session pooling).
   *
   * @default false: such a connection cannot be told from a transaction pooler and is refused
   */
  readonly trustPooler?: boolean | undefined;
  /**
   * Allow locks on a read replica, where they only exclude sessions of that replica, and where fencing tokens, ticks, leaders,
   * permits and deadlock detection across processes are not available.
   *
   * @default false: a lock on a replica is a `ReadReplicaError`
   */
  readonly allowStandby?: boolean | undefined;
  /** The share of the server's lock table that this process may fill, above 0 and at most 1. @default 0.8 */
  readonly lockTableShare?: number | undefined;
}

/** {@link SessionsOptions} with nothing left out. @internal */
export interface ResolvedSessionsOptions {
  readonly max: number;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  /** `null` indefinitely. */
  readonly connectTimeoutMs: number | null;
  readonly trustPooler: boolean;
  readonly allowStandby: boolean;
  readonly lockTableShare: number;
}
