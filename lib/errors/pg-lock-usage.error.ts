import { PgLockError } from './pg-lock.error.js';

/**
 * A call is invalid: an id out of range, an unreadable Duration, an unknown mode, releasing what only a
 * transaction can release. Thrown before any SQL is sent. Fix the calling code; retrying does not help.
 *
 * @publicApi
 */
export class PgLockUsageError extends PgLockError {
  readonly code = 'PGLOCK_USAGE';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
