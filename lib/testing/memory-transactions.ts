import type { PoolClient } from 'pg';
import {
  Transactions,
  type HowToBegin,
  type TransactionOptions,
  type TransactionSource,
} from '../transaction/transactions.js';
import type { MemoryTransactionBackend } from './memory-transaction-backend.js';

/** The transactions of `pglock.transaction`, on clients without a server, whose locks end with them. @internal */
export class MemoryTransactions extends Transactions {
  constructor(
    source: TransactionSource,
    private readonly backend: MemoryTransactionBackend,
  ) {
    super(source);
  }

  override run<T>(
    work: (client: PoolClient) => Promise<T> | T,
    options?: TransactionOptions,
    how?: HowToBegin,
  ): Promise<T> {
    const lockedWork = async (client: PoolClient): Promise<T> => {
      const session = this.backend.begin(client);
      try {
        return await work(client);
      } finally {
        this.backend.end(client, session);
      }
    };
    return super.run(lockedWork, options, how);
  }
}
