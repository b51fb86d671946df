import { PgLockError } from './pg-lock.error.js';

/** What {@link LockNotAvailableError} knows beside its message. @publicApi */
export interface LockNotAvailableDetails {
  /** The lock id, or the table, that was not had. */
  readonly id: unknown;
  /** How long was waited, in milliseconds. */
  readonly waited: number;
}

/**
 * Somebody else holds the lock, and it was not had in time. The same code as PostgreSQL's `lock_not_available`.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 * @publicApi
 */
export class LockNotAvailableError extends PgLockError {
  readonly code = '55P03';
  /** The lock id, or the table, that was not had. */
  readonly id: unknown;
  /** How long was waited, in milliseconds. */
  readonly waited: number;

  constructor(message: string, details: LockNotAvailableDetails, options?: ErrorOptions) {
    super(message, options);
    this.id = details.id;
    this.waited = details.waited;
  }
}
