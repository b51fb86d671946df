import type { TransactionWatcher } from '../transaction/pg-session-watch.js';
import type { LockMode } from '../vocabulary/lock-mode.js';
import type { XactLockRequest } from './xact-lock-options.js';

/** Which locks to take in a transaction, and how long to wait for all of them. @internal */
export type TransactionLockRequest = Pick<XactLockRequest, 'keys' | 'shared' | 'timeoutMs' | 'signal'>;

/** An open transaction in which locks can be taken. @internal */
export interface LockingTransaction {
  /** What the caller passed. */
  readonly transaction: object;
  /** Whether it is open, `undefined` where only the server knows. */
  readonly isOpen: boolean | undefined;
  /**
   * Takes locks that last until the transaction ends; those that it holds already are taken again.
   *
   * @returns the pid of the backend that holds them.
   * @throws {LockUnavailable} when they are not acquired in time: the transaction is then as it was before.
   */
  lock(request: TransactionLockRequest): Promise<number>;
  /** The library's error for what {@link LockingTransaction.lock} threw. */
  errorFor(cause: unknown, asked: AskedInTransaction): unknown;
  /** Has the watcher told when the transaction ends. @returns false when its end cannot be known. */
  watch(watcher: TransactionWatcher, pid: number): boolean;
  /** The work under a lock is over, or its handle was handed out. */
  onWorkOver(): Promise<void>;
}

/** What was asked for in a transaction, for the words of an error. @internal */
export interface AskedInTransaction {
  /** As messages name it, such as `advisory lock "invoice:7"` or `table "users"`. */
  readonly what: string;
  /** As the caller gave it. */
  readonly id: unknown;
  readonly once: boolean;
  readonly startedAt: number;
  /** The table lock mode, which decides which right it needs. */
  readonly mode?: LockMode;
}

/**
 * Where transaction-level locks are taken: PostgreSQL, or a table in memory for tests. Rules that both have in common stand above
 * it.
 *
 * @internal
 */
export interface TransactionBackend {
  /** Recognises a caller's transaction. Sends nothing. @throws {TransactionStateError} when it is none, or not open. */
  open(transaction: object): LockingTransaction;
  /** A number greater than any before, from outside of the transaction, whose own may be older than the lock. */
  freshToken(): Promise<bigint>;
}
