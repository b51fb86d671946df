import { PgLockError } from './pg-lock.error.js';

/**
 * No connection for locks could be opened in time, or it ended while something was asked on it, and a further one could not be
 * had either: the server does not answer, or closed it. Nothing of what was asked for is held. What the driver says is the
 * `cause`. What does not pass by itself, such as a wrong password, comes as the driver's own error.
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
