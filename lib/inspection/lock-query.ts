import type { LockId } from '../vocabulary/lock-id.js';
import type { LockTarget } from '../vocabulary/lock-target.js';
import type { BlockedPgLockWhere, PgLockWhere } from './lock-where.js';
import type { LockOrder } from './order-by.js';

/**
 * A question about locks. Everything that is given must hold, but for `on` and `ids`: a lock is meant when it is on one of
 * the tables *or* one of the advisory locks.
 *
 * @publicApi
 */
export interface LockQuery<Where = PgLockWhere> {
  /** Locks on these tables. A name without a schema means the table in any schema. */
  readonly on?: LockTarget | readonly LockTarget[] | undefined;
  /** Advisory locks by their ids; the module's namespace is put before strings. */
  readonly ids?: readonly LockId[] | undefined;
  /** Locks that these backends hold or wait for. */
  readonly pids?: readonly number[] | undefined;
  /** Conditions on what a lock or its session is; all must hold. */
  readonly where?: Where | undefined;
  /** `where` as text, as it is typed in a terminal: `['activity.duration>=5s']`. */
  readonly filters?: readonly string[] | undefined;
  /** @default who waits first, the longest wait first, then the longest statement */
  readonly orderBy?: LockOrder | undefined;
  /** The most rows, at least 1. @default the module's `limit`, where that is given; else all */
  readonly limit?: number | undefined;
  /** A saved configuration, by its name; what is given beside it goes before what it says. */
  readonly config?: string | undefined;
  /** Look at all databases of the server. Tables of others have no names, since their catalogs cannot be read. @default false */
  readonly allDatabases?: boolean | undefined;
}

/** A question about blocked locks; `pids` and `on` mean the session and the lock that wait. @publicApi */
export type BlockedLockQuery = LockQuery<BlockedPgLockWhere>;

/** A session as it was seen: signals reach it, and no later session with the same pid. `PgActivity` is one. @publicApi */
export interface SessionIdentity {
  /** Process id of its backend. */
  readonly pid: number;
  /** When the backend started, to the microsecond, as the server spells it. */
  readonly backendStartText: string | null;
}

/** Which sessions to signal, beside a question about locks. @publicApi */
export interface SignalOptions {
  /**
   * Only these of the sessions found: those that were shown and confirmed. One that has ended is `gone`, also
   * when a later session has its pid.
   */
  readonly sessions?: readonly SessionIdentity[] | undefined;
  /** Find, and signal nothing: outcomes are `dryRun`. @default false */
  readonly dryRun?: boolean | undefined;
}
