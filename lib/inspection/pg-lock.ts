import type { AdvisoryKey, LockId } from '../vocabulary/lock-id.js';
import type { LockMode } from '../vocabulary/lock-mode.js';
import type { AdvisoryName } from './names/advisory-name.js';
import type { PgActivity } from './pg-activity.js';

/** What kind of thing is locked, as `pg_locks.locktype` in capitals. @publicApi */
export type PgLockType =
  | 'RELATION'
  | 'EXTEND'
  | 'FROZENID'
  | 'PAGE'
  | 'TUPLE'
  | 'TRANSACTIONID'
  | 'VIRTUALXID'
  | 'SPECTOKEN'
  | 'OBJECT'
  | 'USERLOCK'
  | 'ADVISORY'
  | 'APPLYTRANSACTION';

/** The mode of a lock, spelled as in SQL; `'SI READ'` is a predicate lock of a serializable transaction. @publicApi */
export type PgLockMode = LockMode | 'SI READ';

/** What kind of relation is locked. @publicApi */
export type PgRelationKind =
  | 'TABLE'
  | 'INDEX'
  | 'SEQUENCE'
  | 'TOAST'
  | 'VIEW'
  | 'MATERIALIZED_VIEW'
  | 'COMPOSITE_TYPE'
  | 'FOREIGN_TABLE'
  | 'PARTITIONED_TABLE'
  | 'PARTITIONED_INDEX';

/**
 * One lock that a session holds or waits for: a row of `pg_locks`, frozen.
 *
 * @see https://www.postgresql.org/docs/current/view-pg-locks.html
 * @publicApi
 */
export interface PgLock {
  /** Process id of the backend that holds or awaits the lock; 0 for a prepared transaction. */
  readonly activityId: number;
  /** The session that holds or awaits the lock. */
  readonly activity: PgActivity;
  /** What kind of thing is locked. */
  readonly type: PgLockType;
  /** How it is locked. */
  readonly mode: PgLockMode;
  /** False while the session waits for it. */
  readonly granted: boolean;
  /** Since when it is awaited; null when it is granted, and before PostgreSQL 14. */
  readonly waitStart: Date | null;
  /** How long it has been awaited, in milliseconds; null when it is granted, and before PostgreSQL 14. */
  readonly waitDuration: number | null;
  /** What kind of relation is locked; null for anything else. */
  readonly relKind: PgRelationKind | null;
  /** The locked table, index, …; of blocked locks also the table whose row is awaited, where the server knows it. */
  readonly relName: string | null;
  /** The schema of that relation. */
  readonly relSchema: string | null;
  /** The key of an advisory lock; null for every other lock. */
  readonly advisoryKey: AdvisoryKey | null;
  /** What the application calls that key, where it is known. */
  readonly advisoryId: LockId | null;
  /** Who else may have taken that key, where the application does not know it; empty for every other lock. */
  readonly advisoryNames: readonly AdvisoryName[];
  /** The transaction that is awaited (a row's last writer, for example), or that a session holds as its own. */
  readonly transactionId: string | null;
  /** The name of the prepared transaction: the one that holds this lock or, of a blocked lock, blocks it. */
  readonly preparedTransaction: string | null;
}

/**
 * One lock that a session waits for, and one session that blocks it: a session with three blockers has three rows.
 *
 * @see https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SESSION
 * @publicApi
 */
export interface BlockedPgLock extends PgLock {
  /** Process id of the blocking backend; 0 for a prepared transaction. */
  readonly blockingActivityId: number;
  /** The blocking session. */
  readonly blockingActivity: PgActivity;
}
