import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { LockTargetError } from '../errors/lock-target.error.js';
import { PermissionError } from '../errors/permission.error.js';
import { PgLockError } from '../errors/pg-lock.error.js';
import { monotonicMs } from '../session/monotonic.js';
import { isInRecovery, replicaError } from '../session/server-check.js';
import { translateError } from '../session/translate-error.js';
import { deniedRelation, errorText } from '../transaction/error-text.js';
import type { OpenTransaction } from '../transaction/open-transaction.js';
import { sqlStateWithin } from '../transaction/sqlstate-within.js';
import { SQLSTATE } from '../vocabulary/sqlstate.js';
import type { AskedInTransaction } from './transaction-backend.js';
import { LockUnavailable } from './xact-lock-wait.js';

const NO_SUCH_TABLE: readonly (string | undefined)[] = [
  SQLSTATE.undefinedTable,
  SQLSTATE.invalidSchemaName,
  SQLSTATE.wrongObjectType,
];

/** The library's error for whatever a lock statement in a transaction threw; what is no affair of locks stays itself. @internal */
export function xactLockError(
  error: unknown,
  request: AskedInTransaction,
  transaction: OpenTransaction,
): unknown {
  if (error instanceof LockUnavailable) return notAvailable(request, error.cause);
  if (error instanceof PgLockError) return error;
  if (isInRecovery(error)) return replicaError(request.what, { cause: error });
  const state = sqlStateWithin(error);
  if (NO_SUCH_TABLE.includes(state))
    return new LockTargetError(`Could not lock ${request.what}: ${errorText(error)}.`, { cause: error });
  const denied = state === SQLSTATE.insufficientPrivilege ? deniedRelation(error) : undefined;
  if (denied !== undefined && !request.what.includes(denied))
    return new PermissionError(
      `Could not lock ${request.what}: ${errorText(error)}. The relations of a view are locked as its owner (unless it is security_invoker), who lacks the right: GRANT it to the owner.`,
      { cause: error },
    );
  return transaction.stateError(error) ?? translateError(error, request.what, state);
}

/** The public error for contention, of locks in transactions. @internal */
export function notAvailable(
  { what, id, once, startedAt }: AskedInTransaction,
  cause: unknown,
): LockNotAvailableError {
  const waited = once ? 0 : Math.round(monotonicMs() - startedAt);
  const within = once ? 'at once' : `within ${waited} ms`;
  return new LockNotAvailableError(
    `Could not acquire ${what} ${within}: another session is in the way. ` +
      "Increase `timeout`, set `onContention: 'skip'`, or retry.",
    { id, waited },
    cause === undefined ? undefined : { cause },
  );
}
