import { PgLockError } from './pg-lock.error.js';

/**
 * The connection for locks ended while something was asked on it, and a further one could not be had either: the server
 * does not answer, or closed it. Nothing of what was asked for is held. What the driver itself says about a server that
 * cannot be reached passes through as it is.
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
