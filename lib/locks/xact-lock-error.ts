import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { LockTargetError } from '../errors/lock-target.error.js';
import { PermissionError } from '../errors/permission.error.js';
import { PgLockError } from '../errors/pg-lock.error.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import { isInRecovery, replicaError } from '../session/server-check.js';
import { translateError } from '../session/translate-error.js';
import { deniedRelation, errorText } from '../transaction/error-text.js';
import type { OpenTransaction } from '../transaction/open-transaction.js';
import { sqlStateWithin } from '../transaction/sqlstate-within.js';
import { SQLSTATE } from '../vocabulary/sqlstate.js';
import type { LockMode } from '../vocabulary/lock-mode.js';
import { withFacts } from './named-holder.js';
import type { AskedInTransaction } from './transaction-backend.js';
import { LockUnavailable } from './xact-lock-wait.js';

const NO_SUCH_TABLE: readonly (string | undefined)[] = [
  SQLSTATE.undefinedTable,
  SQLSTATE.invalidSchemaName,
  SQLSTATE.wrongObjectType,
  SQLSTATE.untranslatableCharacter,
];

/** The library's error for whatever a lock statement in a transaction threw; what is no affair of locks stays itself. @internal */
export function xactLockError(
  error: unknown,
  request: AskedInTransaction,
  transaction: OpenTransaction,
): unknown {
  if (error instanceof LockUnavailable)
    return withFacts(notAvailable(request, error.cause), { askedBy: error.pid });
  if (error instanceof PgLockError) return error;
  if (isInRecovery(error)) return replicaError(request.what, { cause: error });
  const state = sqlStateWithin(error);
  if (NO_SUCH_TABLE.includes(state))
    return new LockTargetError(`Could not lock ${request.what}: ${sentence(error)} ${whatToLock(state)}`, {
      cause: error,
    });
  if (state === SQLSTATE.insufficientPrivilege && request.mode !== undefined)
    return new PermissionError(
      `Could not lock ${request.what}: ${sentence(error)} ${whatToGrant(error, request)}`,
      {
        cause: error,
      },
    );
  return transaction.stateError(error) ?? translateError(error, request.what, state);
}

function sentence(error: unknown): string {
  return errorText(error).replace(/\.?$/, '.');
}

function whatToLock(state: string | undefined): string {
  if (state === SQLSTATE.wrongObjectType)
    return 'Only tables, partitioned tables and views can be locked: lock the tables that it is made of, or take an advisory lock.';
  return 'Check the name; one without a schema is looked up in the `search_path` of the session.';
}

function whatToGrant(error: unknown, { what, mode }: AskedInTransaction): string {
  const right = rightFor(mode);
  const denied = deniedRelation(error);
  if (denied === undefined)
    return `The connected role needs USAGE on the schema, and ${right} on the table. GRANT what it lacks.`;
  if (!isNamed(what, denied))
    return `The relations of a view are locked as its owner (as the connected role, where it is security_invoker), who lacks the right: GRANT ${right} on ${denied} to the owner.`;
  return `The connected role needs ${right} on it; GRANT that to the role.`;
}

/** @see https://www.postgresql.org/docs/current/sql-lock.html */
function rightFor(mode: LockMode | undefined): string {
  if (mode === 'ACCESS SHARE') return 'SELECT';
  if (mode === 'ROW SHARE' || mode === 'ROW EXCLUSIVE') return 'INSERT or UPDATE';
  return 'UPDATE, DELETE or TRUNCATE (from PostgreSQL 17 on also MAINTAIN)';
}

/** Whether the relation is one of those that were asked for. */
function isNamed(what: string, relation: string): boolean {
  return what.includes(`"${relation.replaceAll('"', '""')}"`);
}

/** The public error for contention, of locks in transactions. @internal */
export function notAvailable(
  { what, id, once, startedAt }: AskedInTransaction,
  cause: unknown,
): LockNotAvailableError {
  const waited = once ? 0 : Math.round(monotonicMs() - startedAt);
  const within = once ? 'at once' : `within ${waited} ms`;
  return new LockNotAvailableError(
    `Could not acquire ${what} ${within}: another session holds a conflicting lock. ` +
      "Increase `timeout`, set `onContention: 'skip'`, or retry.",
    { id, waited },
    cause === undefined ? undefined : { cause },
  );
}
