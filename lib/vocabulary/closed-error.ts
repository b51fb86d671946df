import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';

/** The error of whatever is asked for after the shutdown: none that could pass, so that nothing waits for it. @internal */
export function closedError(): PgLockUsageError {
  return new PgLockUsageError('The module is shut down and takes no more locks.');
}

/** The same, of what would begin a transaction. @internal */
export function noTransactionsError(): PgLockUsageError {
  return new PgLockUsageError('The module is shut down and begins no more transactions.');
}

/** The same, of questions about locks. @internal */
export function noQueriesError(): PgLockUsageError {
  return new PgLockUsageError('The module is shut down and sends no more queries.');
}
