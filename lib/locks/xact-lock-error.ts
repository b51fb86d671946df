import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { LockTargetError } from '../errors/lock-target.error.js';
import { PgLockError } from '../errors/pg-lock.error.js';
import { monotonicMs } from '../session/monotonic.js';
import { translateError } from '../session/translate-error.js';
import type { OpenTransaction } from '../transaction/open-transaction.js';
import { sqlStateWithin } from '../transaction/sqlstate-within.js';
import { SQLSTATE } from '../vocabulary/sqlstate.js';
import { Contended } from './xact-lock-wait.js';

/** What was asked for in a transaction, for the words of an error. @internal */
export interface XactRequest {
  /** As messages name it, such as `advisory lock "invoice:7"` or `table "users"`. */
  readonly what: string;
  /** As the caller gave it. */
  readonly id: unknown;
  readonly once: boolean;
  readonly startedAt: number;
}

const NO_SUCH_TABLE: readonly (string | undefined)[] = [
  SQLSTATE.undefinedTable,
  SQLSTATE.invalidSchemaName,
  SQLSTATE.wrongObjectType,
];

/** The library's error for whatever a lock statement in a transaction threw; what is no affair of locks stays itself. @internal */
export function xactLockError(error: unknown, request: XactRequest, transaction: OpenTransaction): unknown {
  if (error instanceof Contended) return notAvailable(request, error.cause);
  if (error instanceof PgLockError) return error;
  const state = sqlStateWithin(error);
  if (NO_SUCH_TABLE.includes(state))
    return new LockTargetError(`Could not lock ${request.what}: ${messageOf(error)}.`, { cause: error });
  return transaction.stateError(error) ?? translateError(error, request.what, state);
}

function notAvailable({ what, id, once, startedAt }: XactRequest, cause: unknown): LockNotAvailableError {
  const waited = once ? 0 : Math.round(monotonicMs() - startedAt);
  const how = once ? 'it was tried once' : `it was waited for ${waited} ms`;
  return new LockNotAvailableError(
    `Another session is in the way of ${what}; ${how}. Wait longer (\`timeout\`), skip (\`onContention\`), or try later.`,
    { id, waited },
    cause === undefined ? undefined : { cause },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
