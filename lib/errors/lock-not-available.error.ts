import { PgLockError } from './pg-lock.error.js';

/** The session that holds a lock. Frozen. @publicApi */
export interface LockHolder {
  /** Process id of its backend. */
  readonly pid: number;
  /** Its `application_name`. */
  readonly applicationName: string | null;
  /** The client's IP address; null for a local socket, and where the connected role may not see it. */
  readonly clientAddress: string | null;
}

/** What {@link LockNotAvailableError} knows beside its message. @publicApi */
export interface LockNotAvailableDetails {
  /** The lock id, or the table, that was not acquired. */
  readonly id: unknown;
  /** How long was waited, in milliseconds. */
  readonly waited: number;
  /** Who holds it, where that is known. */
  readonly holder?: LockHolder | undefined;
}

/**
 * Another session holds the lock, and it was not acquired in time. The same code as PostgreSQL's `lock_not_available`.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 * @publicApi
 */
export class LockNotAvailableError extends PgLockError {
  readonly code = '55P03';
  /** The lock id, or the table, that was not acquired. */
  readonly id: unknown;
  /** How long was waited, in milliseconds. */
  readonly waited: number;

  /**
   * Who holds an advisory lock, at most a second ago; undefined where it cannot be seen within 60 ms, of tables, and where the
   * lock was released meanwhile.
   */
  readonly holder: LockHolder | undefined;

  constructor(message: string, details: LockNotAvailableDetails, options?: ErrorOptions) {
    super(message, options);
    this.id = details.id;
    this.waited = details.waited;
    this.holder = details.holder;
  }
}
