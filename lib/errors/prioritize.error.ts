import { PgLockError } from './pg-lock.error.js';

/**
 * `onBlocked` failed while prioritized work ran. Thrown after the work has ended; `cause` is what `onBlocked` threw.
 *
 * @publicApi
 */
export class PrioritizeError extends PgLockError {
  readonly code = 'PGLOCK_PRIORITIZE';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
