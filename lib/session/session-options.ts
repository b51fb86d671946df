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
   * The most lock connections of this process to this database that are free, or wait for a lock; at least 2. One that holds
   * what it has waited for comes on top, until that is released; all together are never more than four times as many.
   *
   * @default 4
   */
  readonly max?: number | undefined;
  /**
   * How often a lock session that holds something shows that it is alive, where nothing else was asked of it; one that holds
   * nothing need not.
   *
   * @default '2s', or 40 % of `lease` where that is given
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
   * For how long a lock whose `timeout` was left out waits for a server that cannot be reached; `null` indefinitely. A timeout
   * that is given counts instead of it.
   *
   * @default '30s'
   */
  readonly connectTimeout?: Duration | null | undefined;
  /** Where lock sessions, and the session of `prioritize`, connect when a pooler stands before the database. */
  readonly directConnection?: PgLockConnection | undefined;
  /**
   * Trust that a pooler in between gives each client one backend for its whole life (session pooling).
   *
   * @default false: such a connection cannot be told from a transaction pooler and is refused
   */
  readonly trustPooler?: boolean | undefined;
  /**
   * Take locks on a read replica as well: they exclude the sessions of that replica, and none of the primary. There are no
   * ticks, leaders, permits or deadlock detection then.
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
