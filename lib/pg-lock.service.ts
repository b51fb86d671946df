import type { AdvisoryLockOptions } from './locks/advisory-options.js';
import type { AdvisoryLocks } from './locks/advisory-locks.js';
import type { LockHandle } from './locks/lock-handle.js';
import type { LockNames } from './locks/lock-names.js';
import type { AdvisoryKey, LockId } from './vocabulary/lock-id.js';
import type { PgLockEvents } from './pg-lock.core.js';

/** One id, or several to be had all together or not at all. @publicApi */
export type LockIds = LockId | readonly LockId[];

/** Options under which a lock may not be had without an error, so that there may be no result. @publicApi */
export type SkippingOptions = AdvisoryLockOptions & { readonly onContention: 'skip' };

/** What the service is the reception desk of. @internal */
export interface PgLockRooms {
  readonly advisory: AdvisoryLocks;
  readonly names: LockNames;
  readonly events: PgLockEvents;
}

/**
 * PostgreSQL locks on one database: what applications inject.
 *
 * @publicApi
 */
export class PgLockService {
  readonly #rooms: PgLockRooms;

  constructor(rooms: PgLockRooms) {
    this.#rooms = rooms;
  }

  /**
   * Takes an advisory lock, runs the work, and lets go: on success, on error, and when the process dies.
   *
   * Several ids are had all together or not at all, in one order everywhere, so that two callers cannot deadlock over
   * them. Inside the work the same async flow gets the same id again at once, counted.
   *
   * Sends `SELECT pg_catalog.pg_try_advisory_lock($1)` on a connection that all locks of the process share, fused with
   * whatever else is asked for in the same turn; if somebody else has the lock, `SELECT pg_catalog.pg_advisory_lock(…)`
   * on a connection that only waits; at the end `SELECT pg_catalog.pg_advisory_unlock($1)`.
   *
   * @param id a string (hashed), a bigint, a safe integer, a pair of int4, or a list of these.
   * @param work what to do while the lock is held; it gets the handle, whose `signal` tells when the lock is lost.
   * @returns what the work returns; `undefined` when the lock was not had and `onContention` is `'skip'`.
   * @throws {LockNotAvailableError} when the lock was not had in time (`onContention: 'throw'`, the default here).
   * @throws {DeadlockError} when waiting could never end.
   * @throws {PgLockUsageError} on bad ids or options, before any SQL; and when the flow holds the id shared already.
   * @throws {PoolerError} behind a transaction pooler.
   * @see https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
   */
  advisory<R>(id: LockIds, work: (lock: LockHandle) => R | Promise<R>): Promise<R>;
  advisory<R>(id: LockIds, options: SkippingOptions, work: (lock: LockHandle) => R | Promise<R>): Promise<R | undefined>;
  advisory<R>(id: LockIds, options: AdvisoryLockOptions, work: (lock: LockHandle) => R | Promise<R>): Promise<R>;
  async advisory<R>(
    id: LockIds,
    optionsOrWork: AdvisoryLockOptions | ((lock: LockHandle) => R | Promise<R>),
    work?: (lock: LockHandle) => R | Promise<R>,
  ): Promise<R | undefined> {
    if (typeof optionsOrWork === 'function') return this.#rooms.advisory.run(id, undefined, optionsOrWork);
    return this.#rooms.advisory.run(id, optionsOrWork, work);
  }

  /**
   * Takes an advisory lock and hands it out, to be released by the caller: with `await using`, or `release()`.
   *
   * The handle belongs to no flow: asking again is contention, and `isHeld` does not know of it.
   *
   * Sends what {@link PgLockService.advisory} sends.
   *
   * @returns the handle, or `null` when the lock was not had in time.
   * @throws {LockNotAvailableError} when it was not had in time and `onContention` is `'throw'`.
   * @throws {DeadlockError} when waiting could never end.
   * @throws {PgLockUsageError} on bad ids or options, before any SQL.
   * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS
   */
  acquire(id: LockIds, options: AdvisoryLockOptions & { readonly onContention: 'throw' }): Promise<LockHandle>;
  acquire(id: LockIds, options?: AdvisoryLockOptions): Promise<LockHandle | null>;
  async acquire(id: LockIds, options?: AdvisoryLockOptions): Promise<LockHandle | null> {
    return this.#rooms.advisory.acquire(id, options);
  }

  /** Whether the running async flow holds the id at this moment. Sends no SQL. @throws {PgLockUsageError} on a bad id. */
  isHeld(id: LockId): boolean {
    return this.#rooms.advisory.isHeld(id);
  }

  /**
   * Makes sure that the running async flow holds the id: for code that relies on a decorator far away. Sends no SQL.
   *
   * @throws {PgLockUsageError} when it does not.
   */
  assertHeld(id: LockId): void {
    this.#rooms.advisory.assertHeld(id);
  }

  /** The key of an id as `pg_locks` shows it, with this module's `namespace` before string ids. Sends no SQL. */
  advisoryKey(id: LockId): AdvisoryKey {
    return this.#rooms.names.keyOf(id).toAdvisoryKey();
  }

  /** Emits what the module also logs: locks lost, sessions ended, backends signalled. Each event under its `type`. */
  get events(): PgLockEvents {
    return this.#rooms.events;
  }
}
