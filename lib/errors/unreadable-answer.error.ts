import { PgLockError } from './pg-lock.error.js';

/**
 * What PostgreSQL answered to a statement of this library came back without its value: a result hook, a plugin or a type
 * parser of the client replaced it. Nothing was kept: what the statement had locked or set is rolled back. The message
 * names the likely place; let the value of the column `pglock` through there.
 *
 * @publicApi
 */
export class UnreadableAnswerError extends PgLockError {
  readonly code = 'PGLOCK_UNREADABLE_ANSWER';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
