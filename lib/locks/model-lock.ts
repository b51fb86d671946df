import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { TransactionStateError } from '../errors/transaction-state.error.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import { lockTables } from '../sql/model-lock.js';
import { OpenTransaction } from '../transaction/open-transaction.js';
import { resolveTarget } from '../transaction/resolve-target.js';
import type { Transactions } from '../transaction/transactions.js';
import { waitMs, type Duration } from '../vocabulary/duration.js';
import { assertOptions, assertSignal } from '../vocabulary/known-options.js';
import { assertLockMode, type LockMode } from '../vocabulary/lock-mode.js';
import type { LockTarget } from '../vocabulary/lock-target.js';
import type { OnContention } from './advisory-options.js';
import type { AskedInTransaction } from './transaction-backend.js';
import { xactLockError } from './xact-lock-error.js';
import { assertOnContention } from './xact-lock-options.js';
import type { XactWait } from './xact-lock-wait.js';
import type { InTransaction, TransactionOption } from '../transaction/ambient-transaction.js';

/** How to lock tables. @publicApi */
export interface ModelLockOptions {
  /**
   * An open transaction of the caller, of any supported client.
   *
   * @default the ambient transaction of `pglock.transaction`
   */
  readonly transaction?: TransactionOption;
  /** One of PostgreSQL's eight table lock modes. @default 'ACCESS EXCLUSIVE' */
  readonly mode?: LockMode | undefined;
  /**
   * How long to wait for all of the tables: a Duration, `0` to try once (`NOWAIT`), `null` to wait indefinitely.
   *
   * @default the ambient timeout of `pglock.timeout`, or else the session's `lock_timeout`
   */
  readonly timeout?: Duration | null | undefined;
  /** Resolve to false, or throw, when a table is not locked in time. @default 'skip' */
  readonly onContention?: OnContention | undefined;
  /** Stops the wait: the call rejects with the signal's reason, and the transaction stays usable. */
  readonly signal?: AbortSignal | undefined;
}

const KNOWN: readonly (keyof ModelLockOptions)[] = [
  'transaction',
  'mode',
  'timeout',
  'onContention',
  'signal',
];

interface ModelLockRequest {
  readonly list: readonly LockTarget[];
  readonly mode: LockMode;
  readonly onContention: OnContention;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | null | undefined;
}

interface Wanted extends AskedInTransaction {
  readonly mode: LockMode;
  readonly timeoutMs: number | null | undefined;
}

/** Locks whole tables in a transaction. @internal */
export class ModelLocks {
  readonly #transactions: Transactions;
  readonly #wait: XactWait;

  constructor(transactions: Transactions, wait: XactWait) {
    this.#transactions = transactions;
    this.#wait = wait;
  }

  /**
   * Locks tables until the transaction ends, in one statement, in the order of their names.
   *
   * Sends `LOCK TABLE "a", "b" IN … MODE [NOWAIT]` behind a savepoint, with `lock_timeout` set for it and set back.
   *
   * @returns true; or false, with the transaction as it was before, when a table was not locked in time.
   * @throws {PgLockUsageError} for no target, an unknown mode, an unreadable timeout. Nothing was sent.
   * @throws {TransactionStateError} when no transaction is open.
   * @throws {LockTargetError} when a table does not exist, or a model names none.
   * @throws {LockNotAvailableError} under `onContention: 'throw'`.
   * @throws {DeadlockError} when PostgreSQL finds that the wait could never end.
   * @see https://www.postgresql.org/docs/current/sql-lock.html
   */
  async lock(
    targets: LockTarget | readonly LockTarget[],
    options: InTransaction<ModelLockOptions> = {},
  ): Promise<boolean> {
    const { list, mode, onContention, signal, timeoutMs } = readModelLock(targets, options);
    signal?.throwIfAborted();
    const transaction = this.#transaction(options);
    const tables = [...new Set(list.map((target) => resolveTarget(target, transaction)))].sort();
    const what = `table${tables.length > 1 ? 's' : ''} ${tables.join(', ')}`;
    const wanted = { what, id: targets, once: timeoutMs === 0, startedAt: monotonicMs(), mode, timeoutMs };
    try {
      await this.#take(transaction, tables, wanted, signal);
      return true;
    } catch (cause) {
      const error = xactLockError(cause, wanted, transaction);
      if (error instanceof LockNotAvailableError && onContention === 'skip') return false;
      throw error;
    }
  }

  async #take(
    transaction: OpenTransaction,
    tables: readonly string[],
    { mode, once, timeoutMs }: Wanted,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const statement = lockTables(tables, mode, once);
    await transaction.withSavepoint(() =>
      once
        ? this.#wait.once(transaction, statement)
        : this.#wait.run(transaction, statement, { timeoutMs, signal }),
    );
  }

  #transaction({ transaction }: InTransaction<ModelLockOptions>): OpenTransaction {
    const given = transaction ?? this.#transactions.current();
    if (given !== undefined) return OpenTransaction.of(given);
    throw new TransactionStateError(
      'A table lock needs a transaction: pass { transaction }, or call model() within pglock.transaction().',
    );
  }
}

/** Sends nothing. @throws {PgLockUsageError} when it cannot mean anything. @internal */
export function readModelLock(
  targets: LockTarget | readonly LockTarget[],
  options: Omit<ModelLockOptions, 'transaction'>,
): ModelLockRequest {
  assertOptions(options, KNOWN, 'model()');
  const { mode = 'ACCESS EXCLUSIVE', onContention = 'skip', signal, timeout } = options;
  assertLockMode(mode);
  assertOnContention(onContention);
  assertSignal(signal);
  return { list: listed(targets), mode, onContention, signal, timeoutMs: waitMs(timeout) };
}

function listed(targets: LockTarget | readonly LockTarget[]): readonly LockTarget[] {
  // A list may have holes, which `map` would pass over.
  const list = Array.isArray(targets) ? Array.from(targets as readonly LockTarget[]) : [targets];
  if (list.length === 0) throw new PgLockUsageError('model() needs at least one table to lock; got none.');
  return list;
}
