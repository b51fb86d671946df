import type { Duration } from '../vocabulary/duration.js';
import type { TransactionOption } from '../transaction/ambient-transaction.js';

/** What happens when a lock is not acquired in time: an error, or nothing. @publicApi */
export type OnContention = 'throw' | 'skip';

/** How to take a session-level advisory lock. @publicApi */
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
  /** Keep the lock at least this long from the moment it was acquired, even if the work is faster. The caller does not wait. */
  readonly holdAtLeast?: Duration | undefined;
  /** The handle is lost after this Duration, and the lock free: a safety net for endless streams. */
  readonly maxHold?: Duration | undefined;
  /**
   * Keep the lock in this process between runs, until shutdown or death, so that no other process gets it meanwhile.
   *
   * @default false; true on scheduled jobs
   */
  readonly sticky?: boolean | undefined;
  /**
   * Run under the lock that this async flow holds already, as long as the work that holds it runs; works that do so exclude each
   * other. Otherwise a flow is a stranger to its own locks: it waits for them, or is refused, as any other caller.
   *
   * @default false, or the module's `advisory.reentrant`
   */
  readonly reentrant?: boolean | undefined;
  /**
   * How many may hold the id at once, in all processes together: a semaphore, whose permits are a lock of their own beside the
   * plain lock of the id. A whole number from 1 to 1000; all processes are to give the same, else the smallest holds. Not with
   * `shared`, `xact` or `transaction`.
   */
  readonly permits?: number | undefined;
  /**
   * Hold the lock until the transactions end that began before it and are used by the work, on sessions of the module's (or lent)
   * pool; `maxHold` bounds it. Where there are none, the lock is released with the work. The caller does not wait. Not for
   * `acquire`.
   *
   * @default false
   */
  readonly untilCommit?: boolean | undefined;
  /** Open a transaction, and hold the lock exactly until it ends. @default false */
  readonly xact?: boolean | undefined;
  /** An open transaction of the caller; the lock is held exactly until it ends. */
  readonly transaction?: TransactionOption;
}
