import { TransactionStateError } from '../errors/transaction-state.error.js';
import { ambientTransaction } from '../transaction/ambient-transaction.js';
import type { PooledTransactions } from '../transaction/pooled-transactions.js';
import { adapterOf } from '../transaction/transaction-adapters.js';
import type { Transactions } from '../transaction/transactions.js';
import type { FlowTransaction } from './commit-watch.js';

/** Finds the transaction of the running flow among those on the pool's sessions. @internal */
export function flowTransaction(transactions: Transactions, pooled: PooledTransactions): FlowTransaction {
  const own = () => {
    const client = transactions.peek();
    return client === undefined ? undefined : pooled.of(client);
  };
  const visible = () => {
    const mine = own();
    const other = mine === undefined ? ambientTransaction() : undefined;
    if (other === undefined) return mine;
    const client = clientOf(other);
    if (client !== undefined && pooled.knows(client)) return pooled.of(client);
    throw new TransactionStateError(
      "untilCommit cannot see the end of this flow's transaction: its client does not share the module's pool. Let it use " +
        'pglock.pool, or pass the transaction as `transaction`.',
    );
  };
  return { own, visible };
}

function clientOf(transaction: object): object | undefined {
  const adapter = adapterOf(transaction);
  return adapter.pgClientOf?.(adapter.resolve?.(transaction) ?? transaction);
}
