import { PgLockError } from './pg-lock.error.js';

/**
 * The lock is gone although it was not released: the session that held it was terminated, the server restarted, the
 * network failed for longer than the lease, or `maxHold` ran out. It is the `reason` of `LockHandle.signal`.
 *
 * @publicApi
 */
export class LockLostError extends PgLockError {
  readonly code = 'PGLOCK_LOST';
  /** The lock id (or ids) that was lost. */
  readonly id: unknown;

  constructor(message: string, id: unknown, options?: ErrorOptions) {
    super(message, options);
    this.id = id;
  }
}
