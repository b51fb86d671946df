import type { LockId } from '../vocabulary/lock-id.js';
import type { LockTarget } from '../vocabulary/lock-target.js';
import type { BlockedPgLockWhere, PgLockWhere } from './lock-where.js';
import type { LockOrder } from './order-by.js';

/**
 * A query for locks. A lock must match every option given, except that with both `on` and `ids` it must be on one of the tables
 * *or* be one of the advisory locks.
 *
 * @publicApi
 */
export interface LockQuery<Where = PgLockWhere> {
  /** Locks on these tables. A name without a schema matches tables in any schema. Not empty. */
  readonly on?: LockTarget | readonly LockTarget[] | undefined;
  /** Advisory locks by their ids, strings with the module's `namespace`. Not empty. */
  readonly ids?: readonly LockId[] | undefined;
  /** Locks that these backends hold or wait for. */
  readonly pids?: readonly number[] | undefined;
  /** Conditions on the lock and its session; all must hold. */
  readonly where?: Where | undefined;
  /** `where` as text, as it is typed in a terminal: `['activity.duration>=5s']`. */
  readonly filters?: readonly string[] | undefined;
  /** The order of the rows. @default waiters first, longest wait first, then by the longest statement */
  readonly orderBy?: LockOrder | undefined;
  /** The maximum number of rows, at least 1. @default the module's `limit` if set; else all */
  readonly limit?: number | undefined;
  /** A saved query, by its name; options given next to it take precedence. */
  readonly config?: string | undefined;
  /** Search all databases of the server. Tables of the others have no names, since their catalogs cannot be read. @default false */
  readonly allDatabases?: boolean | undefined;
}

/** A query for blocked locks; `pids` and `on` refer to the session and the lock that wait. @publicApi */
export type BlockedLockQuery = LockQuery<BlockedPgLockWhere>;

/** One particular session: signals reach it, but no later session with the same pid. Each `PgActivity` is one. @publicApi */
export interface SessionIdentity {
  /** Process id of its backend. */
  readonly pid: number;
  /** When the backend started, to the microsecond, as the server spells it. */
  readonly backendStartText: string | null;
}

/** Options of signals, in addition to the query that finds the sessions. @publicApi */
export interface SignalOptions {
  /**
   * Only these of the sessions found, such as those that were shown and confirmed. One that has ended is `gone`, even if a later
   * session has its pid.
   *
   * @default all that are found
   */
  readonly sessions?: readonly SessionIdentity[] | undefined;
  /** Find sessions, but signal none: outcomes are `dryRun`. @default false */
  readonly dryRun?: boolean | undefined;
}
