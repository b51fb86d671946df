import type { PoolClient } from 'pg';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { TransactionStateError } from '../errors/transaction-state.error.js';
import type { AdvisoryLocks } from '../locks/advisory-locks.js';
import type { AdvisoryLockOptions } from '../locks/advisory-options.js';
import type { LockHandle } from '../locks/lock-handle.js';
import type { TransactionLockHandle } from '../locks/xact-lock-handle.js';
import {
  idsOf,
  xactLockRequest,
  type XactLockReading,
  type XactLockRequest,
} from '../locks/xact-lock-options.js';
import { coveringHandle, heldTwice } from '../locks/xact-reentry.js';
import { FlowVariable } from '../vocabulary/flow-variable.js';
import type { LockId, LockKey } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import type { MemoryTransactions } from './memory-transactions.js';
import { MemoryXactHandle } from './memory-xact-handle.js';
import type { InTransaction } from '../transaction/ambient-transaction.js';

/** What {@link MemoryXactLocks} works with. @internal */
export interface MemoryXactContext extends XactLockReading {
  readonly advisory: AdvisoryLocks;
  readonly transactions: MemoryTransactions;
  readonly nextToken: () => bigint;
}

type TransactionWork<T> = (lock: TransactionLockHandle<PoolClient>) => Promise<T> | T;

/**
 * Transaction-level advisory locks without transactions at a server. In a transaction of `pglock.transaction` or `xact` they
 * last until its end. The end of a transaction that a test passes in cannot be seen: its locks are had only if nobody is in
 * the way, and kept for the work of `advisory` only.
 *
 * @internal
 */
export class MemoryXactLocks {
  readonly #context: MemoryXactContext;
  readonly #flows = new FlowVariable<readonly MemoryXactHandle[]>();

  constructor(context: MemoryXactContext) {
    this.#context = context;
  }

  async acquire(
    id: LockId | readonly LockId[],
    options: InTransaction<AdvisoryLockOptions>,
  ): Promise<TransactionLockHandle | null> {
    const request = this.#request(id, options, 'skip');
    const transaction = options.transaction ?? this.#ambientTransaction();
    const handle = await this.#take(request, transaction);
    await this.#workIsOver(transaction, handle);
    return handle;
  }

  async advisory<T>(
    id: LockId | readonly LockId[],
    options: InTransaction<AdvisoryLockOptions>,
    work: TransactionWork<T> | undefined,
  ): Promise<T | undefined> {
    if (typeof work !== 'function')
      throw new PgLockUsageError(
        `The work to run under the lock must be a function; got ${printable(work)}.`,
      );
    const request = this.#request(id, options, 'throw');
    const locked = async (transaction: object): Promise<T | undefined> => {
      const handle = await this.#take(request, transaction);
      if (handle === null) return undefined;
      const held = [...(this.#flows.getStore() ?? []), handle];
      const given = handle as unknown as TransactionLockHandle<PoolClient>;
      return this.#flows
        .run(held, async () => work(given))
        .finally(() => this.#workIsOver(transaction, handle));
    };
    if (options.transaction !== undefined) return locked(options.transaction);
    request.signal?.throwIfAborted();
    return this.#context.transactions.run(locked);
  }

  isHeld(key: LockKey): boolean {
    return this.#held().some((handle) => handle.held && handle.covers(key));
  }

  get holdsAny(): boolean {
    return this.#held().length > 0;
  }

  covering(id: LockId | readonly LockId[], shared: boolean): MemoryXactHandle | undefined {
    const keys = idsOf(id).map((one) => this.#context.names.keyOf(one));
    return coveringHandle({ id, keys, shared }, this.#held());
  }

  #held(): readonly MemoryXactHandle[] {
    const { transactions } = this.#context;
    const ambient = transactions.peek();
    return [
      ...(this.#flows.getStore() ?? []),
      ...(ambient === undefined ? [] : transactions.handlesOf(ambient)),
    ];
  }

  #request(
    id: LockId | readonly LockId[],
    options: InTransaction<AdvisoryLockOptions>,
    otherwise: 'throw' | 'skip',
  ): XactLockRequest {
    const request = xactLockRequest(id, options, this.#context, otherwise);
    const own = idsOf(id).find((one) => this.#context.advisory.isHeld(one));
    const opensItsOwn = options.xact === true && otherwise === 'throw';
    if (own !== undefined && !opensItsOwn)
      throw heldTwice(own, 'at session level, where its transaction would wait');
    return request;
  }

  async #take(request: XactLockRequest, transaction: object): Promise<MemoryXactHandle | null> {
    const { advisory, names, transactions, nextToken } = this.#context;
    const held = [...(this.#flows.getStore() ?? []), ...transactions.handlesOf(transaction)].filter(
      (handle) => handle.client === transaction,
    );
    const missing = idsOf(request.id).filter((id) => !held.some((handle) => handle.covers(names.keyOf(id))));
    const lock = missing.length === 0 ? null : await advisory.acquire(missing, optionsOf(request));
    if (lock === null && missing.length > 0) return null;
    const covering = lock ?? (held[0] as LockHandle);
    const handle = new MemoryXactHandle({ request, transaction, lock, covering, nextToken });
    transactions.keep(transaction, handle);
    return handle;
  }

  /** Nobody would let go of it later where the end of the transaction cannot be seen. */
  async #workIsOver(transaction: object, handle: MemoryXactHandle | null): Promise<void> {
    if (!this.#context.transactions.isOwn(transaction)) await handle?.letGo();
  }

  #ambientTransaction(): object {
    const ambient = this.#context.transactions.current();
    if (ambient !== undefined) return ambient;
    throw new TransactionStateError(
      'A transaction-level lock needs a transaction: pass { transaction }, or call acquire() within pglock.transaction().',
    );
  }
}

function optionsOf({ timeoutMs, shared, onContention, signal }: XactLockRequest): AdvisoryLockOptions {
  return {
    shared,
    onContention,
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  };
}
