import type { FencingToken, FencingTokenOptions } from './fencing-token.js';
import type { AdvisoryKey, LockId } from '../vocabulary/lock-id.js';

/**
 * A held advisory lock.
 *
 * It is *held* from the moment that it is returned, and ends in one of two ways: *released* (by `release()`, by the end of an
 * `await using` block, or by the end of the work that it was acquired for) or *lost* (its session has ended, the server did not
 * answer within the lease, or `maxHold` ran out): then `signal` aborts and `held` turns false. A lost handle never becomes valid
 * again.
 *
 * @publicApi
 */
export interface LockHandle extends AsyncDisposable {
  /** What was locked, as requested: one id, or the list of ids. */
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
   * The fencing token: a number that increases strictly from holder to holder across the whole database. Store it next to the data
   * that the lock guards, and refuse smaller ones. Read once per lock, on the session that holds it; later calls return the same
   * number.
   *
   * Sends `SELECT pg_catalog.pg_current_xact_id(), …`, which uses up one transaction id and waits until it is on disk: the number
   * also increases across a crash of the server.
   *
   * With `{ epoch: true }` the token comes with the server's timeline, which a promotion increases: where the data that you guard
   * is outside of the database, compare `epoch` first, then `token`. Also sends `SELECT pg_catalog.pg_walfile_name(…)`.
   *
   * @throws {LockLostError} when the lock is lost.
   * @throws {PgLockUsageError} on any other option, on a released lock, and on `epoch` with a transaction-level lock.
   * @throws {ReadReplicaError} on a standby, which has no transaction ids to give.
   * @see https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
   */
  fencingToken(): Promise<bigint>;
  /** The token, with the epoch of its primary. */
  fencingToken(options: { readonly epoch: true }): Promise<FencingToken>;
  /** Either of the two, depending on the options. */
  fencingToken(options?: FencingTokenOptions): Promise<bigint | FencingToken>;
  /**
   * Releases the lock. Idempotent; a no-op on a lost handle. Resolves when the server has released it.
   *
   * Sends `SELECT pg_catalog.pg_advisory_unlock(…)` in one statement with all other requests of the same turn of the
   * event loop.
   *
   * @throws {PgLockUsageError} on a transaction-level lock, which only the end of its transaction releases.
   */
  release(): Promise<void>;
}
