import { PgLockError } from './pg-lock.error.js';

/**
 * The table to lock does not exist, or the model given names no table.
 *
 * @see https://www.postgresql.org/docs/current/sql-lock.html
 *
 * @publicApi
 */
export class LockTargetError extends PgLockError {
  readonly code = '42P01';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
