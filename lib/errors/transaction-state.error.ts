import { PgLockError } from './pg-lock.error.js';

/**
 * A transaction was needed and none is open, one is open where a new one was asked for, or the given one has ended.
 *
 * @see https://www.postgresql.org/docs/current/sql-lock.html
 *
 * @publicApi
 */
export class TransactionStateError extends PgLockError {
  readonly code = '25P01';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
