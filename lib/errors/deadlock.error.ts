import { PgLockError } from './pg-lock.error.js';

/**
 * Waiting any longer could never end: this flow holds what another waits for, and the other way round, in one process,
 * across processes, or as PostgreSQL itself found. The waiting request gave up; what the flow held before it still holds.
 * Take locks in one order everywhere (a list of ids does that by itself), or retry from the start.
 *
 * @see https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-DEADLOCKS
 *
 * @publicApi
 */
export class DeadlockError extends PgLockError {
  readonly code = '40P01';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
