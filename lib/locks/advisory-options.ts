import type { Duration } from '../vocabulary/duration.js';
import type { TransactionOption } from '../transaction/ambient-transaction.js';

/** What happens when a lock is not acquired in time: an error, or nothing. @publicApi */
export type OnContention = 'throw' | 'skip';

/**
 * How to acquire an advisory lock: session-level, unless `xact` or `transaction` is given.
 *
 * @see https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
 * @publicApi
 */
export interface AdvisoryLockOptions {
  /**
   * How long to wait: a Duration, `0` to try once, `null` to wait indefinitely. Left out: the module's default, then the
   * ambient `lock_timeout` (of `pglock.timeout`, or the server's).
   */
  readonly timeout?: Duration | null | undefined;
  /**
   * What happens when the lock is not acquired in time.
   *
   * @default 'throw' where work is given, 'skip' for `acquire`
   */
  readonly onContention?: OnContention | undefined;
  /** Share the lock with other shared holders; only exclusive ones wait. @default false */
  readonly shared?: boolean | undefined;
  /** Stops the wait: the call rejects with the signal's reason. Has no effect once the lock is held. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Keep the lock for at least this long after it was acquired, even if the work is faster. The caller does not wait.
   *
   * @default 0, or the module's `advisory.holdAtLeast`
   */
  readonly holdAtLeast?: Duration | undefined;
  /**
   * After this Duration the lock is released, and the handle reports it as lost: a safety net for endless streams.
   *
   * @default none, or the module's `advisory.maxHold`
   */
  readonly maxHold?: Duration | undefined;
  /**
   * Keep the lock in this process between runs, until shutdown or death, so that no other process gets it in between.
   *
   * @default false; true on scheduled jobs
   */
  readonly sticky?: boolean | undefined;
  /**
   * Run under the lock that this async flow already holds, while the work that holds it runs; inner calls that do so exclude each
   * other. Otherwise a flow waits for its own locks, or is refused, like any other caller.
   *
   * @default false, or the module's `advisory.reentrant`
   */
  readonly reentrant?: boolean | undefined;
  /**
   * How many may hold the id at once, in all processes together: a semaphore, independent of the plain lock with the same id. A
   * whole number from 1 to 1000; all processes must give the same number, otherwise the smallest applies. Not with `shared`, `xact`
   * or `transaction`.
   *
   * @default a plain lock
   */
  readonly permits?: number | undefined;
  /**
   * Hold the lock until the open transactions that began before it and that its work uses have ended, on sessions of the module's
   * (or the lent) pool; `maxHold` limits it. If there are none, the lock is released when the work ends. The caller does not wait.
   * Not for `acquire`.
   *
   * @default false
   */
  readonly untilCommit?: boolean | undefined;
  /** Open a transaction, and hold the lock exactly until it ends. @default false */
  readonly xact?: boolean | undefined;
  /** An open transaction of the caller; the lock is held exactly until it ends. */
  readonly transaction?: TransactionOption;
}
