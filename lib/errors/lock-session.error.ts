import { PgLockError } from './pg-lock.error.js';

/**
 * No connection for locks could be opened in time, or it ended during a request and no other one could be opened either: the server
 * does not answer, or has closed it. No lock of that request is held. `cause` is the driver's error. An error that no retry can cure,
 * such as a wrong password, is thrown as the driver's own error.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 * @publicApi
 */
export class LockSessionError extends PgLockError {
  readonly code = '08006';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
