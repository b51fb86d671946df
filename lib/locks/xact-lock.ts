import { AsyncLocalStorage } from 'node:async_hooks';
import type { PoolClient } from 'pg';
import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { TransactionStateError } from '../errors/transaction-state.error.js';
import { monotonicMs } from '../session/monotonic.js';
import { lockXact, tryLockXact, type XactLockRow } from '../sql/advisory-xact-lock.js';
import { OpenTransaction } from '../transaction/open-transaction.js';
import type { Transactions } from '../transaction/transactions.js';
import type { LockId, LockKey } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import type { AdvisoryLockOptions, OnContention } from './advisory-options.js';
import { xactLockError } from './xact-lock-error.js';
import { XactLockHandle, type TransactionLockHandle } from './xact-lock-handle.js';
import { idsOf, xactLockRequest, type XactLockReading, type XactLockRequest } from './xact-lock-options.js';
import { Contended, type XactWait } from './xact-lock-wait.js';

/** What {@link XactLocks} works with. @internal */
export interface XactLocksContext extends XactLockReading {
  readonly transactions: Transactions;
  readonly wait: XactWait;
  /** A transaction id that no transaction had before, from another connection. */
  freshToken(): Promise<bigint>;
  /** Whether the running flow holds the id at session level, on another session, so that it would wait for itself. */
  isHeldBySession(id: LockId): boolean;
}

/** Takes advisory locks that last exactly as long as a transaction. @internal */
export class XactLocks {
  readonly #context: XactLocksContext;
  readonly #flows = new AsyncLocalStorage<readonly XactLockHandle[]>();
  readonly #ambient = new WeakMap<PoolClient, XactLockHandle[]>();

  constructor(context: XactLocksContext) {
    this.#context = context;
  }

  /**
   * Takes the lock in the given transaction, or in the ambient one.
   *
   * Sends `SELECT pg_advisory_xact_lock(…)`, or `pg_try_advisory_xact_lock` where the timeout is 0, behind a savepoint.
   *
   * @returns the handle, or null when the lock was not had in time: the transaction is then as it was before.
   * @throws {TransactionStateError} when no transaction is open.
   * @throws {LockNotAvailableError} under `onContention: 'throw'`.
   * @throws {DeadlockError} when PostgreSQL finds that the wait could never end.
   * @see https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
   */
  async acquire(
    id: LockId | readonly LockId[],
    options: AdvisoryLockOptions,
  ): Promise<XactLockHandle | null> {
    return this.#take(this.#request(id, options, 'skip'), options.transaction);
  }

  /**
   * Runs the work under the lock: in the given transaction, where the lock outlasts the work until that ends; or, with
   * `xact`, in a transaction of its own, which commits when the work succeeds and rolls back when it throws.
   *
   * @returns what the work returns; undefined when the lock was not had in time, under `onContention: 'skip'`.
   * @throws {TransactionStateError} when `xact` would open a transaction within the ambient one.
   */
  async advisory<T>(
    id: LockId | readonly LockId[],
    options: AdvisoryLockOptions,
    work: ((lock: TransactionLockHandle<PoolClient>) => Promise<T> | T) | undefined,
  ): Promise<T | undefined> {
    if (typeof work !== 'function')
      throw new PgLockUsageError(
        `The work to run under the lock must be a function; got ${printable(work)}.`,
      );
    const request = this.#request(id, options, 'throw');
    const locked = async (transaction: object) => {
      const handle = await this.#take(request, transaction);
      if (handle === null) return undefined;
      const held = [...(this.#flows.getStore() ?? []), handle];
      return this.#flows.run(held, async () => work(handle as unknown as TransactionLockHandle<PoolClient>));
    };
    if (options.transaction !== undefined) return locked(options.transaction);
    request.signal?.throwIfAborted();
    return this.#context.transactions.run(locked);
  }

  /** Whether the running flow holds the key in one of its transactions. */
  isHeld(key: LockKey): boolean {
    const ambient = this.#context.transactions.peek();
    const handles = [
      ...(this.#flows.getStore() ?? []),
      ...((ambient === undefined ? undefined : this.#ambient.get(ambient)) ?? []),
    ];
    return handles.some((handle) => handle.held && handle.covers(key));
  }

  /**
   * Refuses a session-level request for what this flow holds in a transaction: it would wait for itself for ever.
   *
   * @throws {PgLockUsageError} when the flow holds one of the ids.
   */
  assertNotHeld(id: LockId | readonly LockId[]): void {
    if (this.#flows.getStore() === undefined && this.#context.transactions.peek() === undefined) return;
    const own = idsOf(id).find((one) => this.isHeld(this.#context.names.keyOf(one)));
    if (own !== undefined) throw heldTwice(own, 'in its transaction, where a session-level lock would wait');
  }

  #request(
    id: LockId | readonly LockId[],
    options: AdvisoryLockOptions,
    otherwise: OnContention,
  ): XactLockRequest {
    const request = xactLockRequest(id, options, this.#context, otherwise);
    const own = idsOf(id).find((one) => this.#context.isHeldBySession(one));
    if (own !== undefined) throw heldTwice(own, 'at session level, where its transaction would wait');
    return request;
  }

  async #take(request: XactLockRequest, given: object | undefined): Promise<XactLockHandle | null> {
    const ambient = given === undefined ? this.#ambientTransaction() : undefined;
    request.signal?.throwIfAborted();
    const transaction = await OpenTransaction.of(given ?? ambient);
    const startedAt = monotonicMs();
    try {
      const pid = await this.#lock(transaction, request);
      const handle = new XactLockHandle(request, pid, transaction, () => this.#context.freshToken());
      if (ambient !== undefined) this.#ambient.set(ambient, [...(this.#ambient.get(ambient) ?? []), handle]);
      return handle;
    } catch (cause) {
      const what = `advisory lock ${printable(request.id)}`;
      const asked = { what, id: request.id, once: request.timeoutMs === 0, startedAt };
      const error = xactLockError(cause, asked, transaction);
      if (error instanceof LockNotAvailableError && request.onContention === 'skip') return null;
      throw error;
    }
  }

  /** @returns the pid of the backend that holds the lock now. */
  async #lock(transaction: OpenTransaction, request: XactLockRequest): Promise<number> {
    const { keys, shared, timeoutMs, signal } = request;
    const { wait } = this.#context;
    if (timeoutMs !== 0) {
      const statement = lockXact(keys, shared);
      const rows = await transaction.withSavepoint(() =>
        wait.run<XactLockRow>(transaction, statement, { timeoutMs, signal }),
      );
      return pidOf(rows);
    }
    const tryOnce = async () => pidOf(await wait.once<XactLockRow>(transaction, tryLockXact(keys, shared)));
    // One try of one key takes all or nothing, and a transaction that is known to be open needs no savepoint to find out.
    const plain = keys.length === 1 && transaction.isOpen === true;
    return plain ? transaction.inTurn(tryOnce) : transaction.withSavepoint(tryOnce);
  }

  #ambientTransaction(): PoolClient {
    const ambient = this.#context.transactions.current();
    if (ambient !== undefined) return ambient;
    throw new TransactionStateError(
      'A transaction-level lock needs a transaction: pass { transaction }, or call acquire() within pglock.transaction().',
    );
  }
}

function heldTwice(id: LockId, where: string): PgLockUsageError {
  return new PgLockUsageError(
    `This flow holds advisory lock ${printable(id)} already, ${where} for it for ever: take one of the two.`,
  );
}

function pidOf([row]: readonly XactLockRow[]): number {
  if (row?.granted !== true) throw new Contended();
  return row.pid;
}
