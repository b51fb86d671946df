import type { FencingToken, FencingTokenOptions } from './fencing-token.js';
import type { AdvisoryKey, LockId } from '../vocabulary/lock-id.js';

/**
 * A held advisory lock.
 *
 * It is *held* from the moment that it is handed out, and ends in one of two ways: *released* (by `release()`, by the end
 * of an `await using` block, or by the end of the work that it was taken for) or *lost* (its session was closed by
 * another session, or `maxHold` ran out): then `signal` aborts and `held` turns false. A lost handle never comes back.
 *
 * @publicApi
 */
export interface LockHandle extends AsyncDisposable {
  /** What was locked, as it was asked for: one id, or the list of ids. */
  readonly id: LockId | readonly LockId[];
  /** The key of `id` as `pg_locks` shows it; of a list, the key of its first id. */
  readonly key: AdvisoryKey;
  /** All keys that this handle holds, in the order in which they were locked. */
  readonly keys: readonly AdvisoryKey[];
  /** Whether the lock is shared with other shared holders. */
  readonly shared: boolean;
  /** With `permits`: the number of this permit, from 1, which no other holder has; of several ids, that of the first. */
  readonly permit?: number | undefined;
  /** Whether the lock is held at this moment: neither released nor lost, nor older than the last trusted heartbeat. */
  readonly held: boolean;
  /** Process id of the PostgreSQL backend that holds the lock, as `pg_stat_activity.pid`; of a list, that of its first id. */
  readonly pid: number;
  /** The backends of all keys, in the order of `keys`: of several ids some may be held on one session and some on another. */
  readonly pids: readonly number[];
  /** Aborts with a `LockLostError` as soon as the lock is known to be lost. Never aborts on release. */
  readonly signal: AbortSignal;
  /**
   * A number that grows from holder to holder, strictly, in the whole database: write it beside what the lock guards, and
   * refuse smaller ones. Asked for once per lock, on the session that holds it; later calls give the same number.
   *
   * Sends `SELECT pg_catalog.pg_current_xact_id(), …`, which spends one transaction id and waits until that is on disk: the
   * number grows also across a crash of the server.
   *
   * With `{ epoch: true }` it comes with the server's timeline, which a promotion raises: compare `epoch` first, then `token`,
   * where what you guard is outside of the database. Sends `SELECT pg_catalog.pg_walfile_name(…)` besides.
   *
   * @throws {LockLostError} when the lock is lost.
   * @throws {PgLockUsageError} for any other option, for a released lock, and for `epoch` with a transaction-level lock.
   * @see https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
   */
  fencingToken(): Promise<bigint>;
  /** The token with the epoch of its primary. */
  fencingToken(options: { readonly epoch: true }): Promise<FencingToken>;
  /** Either, by the options. */
  fencingToken(options?: FencingTokenOptions): Promise<bigint | FencingToken>;
  /**
   * Releases the lock. Idempotent; a no-op on a lost handle. Resolves when the server has released it.
   *
   * Sends `SELECT pg_catalog.pg_advisory_unlock(…)`, fused with whatever else is asked for in the same turn.
   *
   * @throws {PgLockUsageError} for a transaction-level lock: only the end of its transaction releases it.
   */
  release(): Promise<void>;
}
