import { PgLockError } from './pg-lock.error.js';

/**
 * The connection goes through a pooler in transaction mode: each statement may run on another backend, so a session lock would be
 * taken on one and released on another. Give `sessions.directConnection`, or use transaction-level locks (`xact`).
 *
 * @publicApi
 */
export class PoolerError extends PgLockError {
  readonly code = 'PGLOCK_POOLER';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
