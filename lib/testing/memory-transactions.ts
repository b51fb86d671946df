import type { PoolClient } from 'pg';
import { Transactions, type TransactionOptions } from '../transaction/transactions.js';
import type { MemoryXactHandle } from './memory-xact-handle.js';

/** The transactions of `pglock.transaction`, on clients without a server, and the locks that end with them. @internal */
export class MemoryTransactions extends Transactions {
  readonly #handles = new WeakMap<object, MemoryXactHandle[]>();

  override run<T>(work: (client: PoolClient) => Promise<T> | T, options?: TransactionOptions): Promise<T> {
    const lockedWork = async (client: PoolClient): Promise<T> => {
      this.#handles.set(client, []);
      try {
        return await work(client);
      } finally {
        await Promise.all(this.handlesOf(client).map((handle) => handle.end()));
        this.#handles.delete(client);
      }
    };
    return super.run(lockedWork, options);
  }

  /** Whether it is one of `pglock.transaction` or `xact`, whose end is known. */
  isOwn(transaction: object): boolean {
    return this.#handles.has(transaction);
  }

  /** Keeps a lock until the transaction ends, if it is one whose end is known. */
  keep(transaction: object, handle: MemoryXactHandle): void {
    this.#handles.get(transaction)?.push(handle);
  }

  /** What a transaction holds, if it is one whose end is known. */
  handlesOf(transaction: object): readonly MemoryXactHandle[] {
    return this.#handles.get(transaction) ?? [];
  }
}
