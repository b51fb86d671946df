import { DeadlockError } from '../errors/deadlock.error.js';
import { LockTableBudgetError } from '../errors/lock-table-budget.error.js';
import { PermissionError } from '../errors/permission.error.js';
import { SQLSTATE, sqlStateOf } from '../vocabulary/sqlstate.js';

/** The library's own error for a driver's error about a lock, or the very same error where there is none. @internal */
export function translateError(cause: unknown, what: string, state = sqlStateOf(cause)): unknown {
  const message = cause instanceof Error ? cause.message : String(cause);
  switch (state) {
    case SQLSTATE.outOfMemory:
      return new LockTableBudgetError(
        `The server's lock table is full; ${what} was not locked. Raise max_locks_per_transaction, or hold fewer locks. (${message})`,
        { cause },
      );
    case SQLSTATE.deadlockDetected:
      return new DeadlockError(`Waiting for ${what} was a deadlock: ${message}.`, { cause });
    case SQLSTATE.insufficientPrivilege:
      return new PermissionError(`The connected role may not lock ${what}: ${message}.`, { cause });
    default:
      return cause;
  }
}
