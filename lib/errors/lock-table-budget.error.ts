import { PgLockError } from './pg-lock.error.js';

/**
 * The lock would take more of the server's shared lock table than this module may use (`sessions.lockTableShare`), or
 * the table is full. A full table fails *every* session's statements, so the library refuses before that.
 *
 * @see https://www.postgresql.org/docs/current/runtime-config-locks.html#GUC-MAX-LOCKS-PER-TRANSACTION
 *
 * @publicApi
 */
export class LockTableBudgetError extends PgLockError {
  readonly code = '53200';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
