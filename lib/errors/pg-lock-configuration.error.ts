import { PgLockError } from './pg-lock.error.js';

/**
 * The module's options are wrong. Thrown while the application boots, before anything is sent to the server; the message
 * names the option, what came and what is allowed.
 *
 * @publicApi
 */
export class PgLockConfigurationError extends PgLockError {
  readonly code = 'PGLOCK_CONFIGURATION';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
