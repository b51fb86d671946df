import type { SessionScopes } from '../session/scoped-pool-scope.js';
import { OpenTransaction } from '../transaction/open-transaction.js';
import { sqlStateWithin } from '../transaction/sqlstate-within.js';
import type { Transactions } from '../transaction/transactions.js';
import { assertWork } from '../vocabulary/assert-work.js';
import { positiveDurationMs, type Duration } from '../vocabulary/duration.js';
import type { Flow } from '../vocabulary/flow-variable.js';
import { assertOptions } from '../vocabulary/known-options.js';
import { SQLSTATE } from '../vocabulary/sqlstate.js';
import { FormerTimeout } from './former-timeout.js';
import { replaceLockTimeout, type FindClient, type FormerLockTimeout } from './replaced-lock-timeout.js';
import type { InTransaction, TransactionOption } from '../transaction/ambient-transaction.js';

/** Where a lock timeout holds. @publicApi */
export interface LockTimeoutOptions {
  /**
   * An open transaction of the caller, of any supported client.
   *
   * @default every session that the flow takes from the pool, and the ambient transaction
   */
  readonly transaction?: TransactionOption;
}

/** Sets `lock_timeout` for a flow, or for one transaction. @internal */
export class LockTimeouts {
  readonly #scopes: SessionScopes;
  readonly #transactions: Transactions;

  constructor(
    scopes: SessionScopes,
    transactions: Transactions,
    private readonly find: FindClient,
  ) {
    this.#scopes = scopes;
    this.#transactions = transactions;
  }

  /** The lock timeout of the running flow: `null` is no limit, `undefined` that none was set. */
  get ambientMs(): number | null | undefined {
    return this.#scopes.current?.lockTimeoutMs;
  }

  /** The same in a flow. */
  ambientMsIn(flow: Flow): number | null | undefined {
    return this.#scopes.in(flow)?.lockTimeoutMs;
  }

  /**
   * Runs the work with a lock timeout. In a flow, each session that it takes from the pool is `SET` when it is taken; an
   * ambient or given transaction is sent `SET LOCAL lock_timeout` now, and the former value afterwards.
   *
   * @throws {PgLockUsageError} when the duration is not above zero. Nothing was sent, and no work done.
   * @throws {TransactionStateError} when the given transaction is not open.
   * @see https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
   */
  async run<T>(
    duration: Duration | null,
    options: InTransaction<LockTimeoutOptions>,
    work: (() => Promise<T> | T) | undefined,
  ): Promise<T> {
    assertWork(work, TIMEOUT_CALL);
    const timeoutMs = readLockTimeout(duration, options);
    if (options.transaction !== undefined) return this.#within(options.transaction, timeoutMs, work);
    const ambient = this.#transactions.peek();
    const inScope = () => this.#scopes.withLockTimeout(timeoutMs, async () => work());
    return ambient === undefined ? inScope() : this.#within(ambient, timeoutMs, inScope);
  }

  async #within<T>(given: object, timeoutMs: number | null, work: () => Promise<T> | T): Promise<T> {
    const transaction = OpenTransaction.of(given);
    const { former, client } = await set(transaction, timeoutMs, this.find);
    const before = new FormerTimeout(transaction, former, client);
    try {
      const result = await work();
      await restore(transaction, before);
      return result;
    } catch (error) {
      await restore(transaction, before).catch(ignore);
      throw error;
    }
  }
}

/** How the verb is called, for errors. @internal */
export const TIMEOUT_CALL = 'timeout(duration, options, work)';

/** Sends nothing. @throws {PgLockUsageError} when it cannot mean anything. @internal */
export function readLockTimeout(duration: Duration | null, options: LockTimeoutOptions): number | null {
  assertOptions(options, ['transaction'], 'timeout()');
  return duration === null ? null : positiveDurationMs(duration);
}

/** Behind a savepoint only where the server must say whether a transaction is open: outside of one nothing would be set. */
async function set(
  transaction: OpenTransaction,
  timeoutMs: number | null,
  find: FindClient,
): Promise<FormerLockTimeout> {
  const send = () => replaceLockTimeout(transaction, timeoutMs, find);
  try {
    return await transaction.inTurnOrSavepoint(send);
  } catch (error) {
    throw transaction.stateError(error) ?? error;
  }
}

/** In a transaction that has failed or ended, the rollback itself gives the former value back. */
async function restore(transaction: OpenTransaction, former: FormerTimeout): Promise<void> {
  if (transaction.isOpen === false) return;
  try {
    await former.sendBack();
  } catch (error) {
    const state = sqlStateWithin(error);
    if (state !== undefined && state !== SQLSTATE.inFailedSqlTransaction) throw error;
  }
}

/** The error of the work says more than the one that follows from it. */
function ignore(): void {}
