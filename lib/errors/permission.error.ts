import { PgLockError } from './pg-lock.error.js';

/**
 * The connected role may not do this. The message holds the exact GRANT that is missing.
 *
 * @see https://www.postgresql.org/docs/current/predefined-roles.html
 *
 * @publicApi
 */
export class PermissionError extends PgLockError {
  readonly code = '42501';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
