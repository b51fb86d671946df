import { TransactionStateError } from '../errors/transaction-state.error.js';
import { BACKEND_PID } from '../sql/signal.js';
import { ambientTransaction } from '../transaction/ambient-transaction.js';
import { OpenTransaction } from '../transaction/open-transaction.js';
import type { PooledTransactions } from '../transaction/pooled-transactions.js';
import type { Transactions } from '../transaction/transactions.js';
import type { Flow } from '../vocabulary/flow-variable.js';
import type { FlowTransaction } from './commit-watch.js';

/**
 * Finds the transaction of the running flow among those on the pool's sessions.
 *
 * @param clientOf the `pg` client of a backend of the pool.
 * @internal
 */
export function flowTransaction(
  transactions: Transactions,
  pooled: PooledTransactions,
  clientOf: (pid: number) => object | undefined,
): FlowTransaction {
  const own = (flow?: Flow) => {
    const client = transactions.peek(flow);
    return client === undefined ? undefined : pooled.of(client);
  };
  const visible = async () => {
    if (pooled.isBlind) throw blind();
    const mine = own();
    const other = mine === undefined ? ambientTransaction() : undefined;
    if (other === undefined) return mine;
    const open = OpenTransaction.of(other);
    const client = open.pgClient ?? clientOf(await pidOf(open));
    if (client !== undefined && pooled.knows(client)) return pooled.of(client);
    throw new TransactionStateError(
      "untilCommit cannot see the end of this flow's transaction: its client does not share the module's pool. Let it use " +
        'pglock.pool, or pass the transaction as `transaction`.',
    );
  };
  return { own, visible };
}

/** Of a client that does not show its connection: only the server knows whose session it is. */
async function pidOf(open: OpenTransaction): Promise<number> {
  try {
    const [row] = await open.inTurn(() => open.query<{ pid: number }>(BACKEND_PID));
    return row?.pid ?? 0;
  } catch (error) {
    throw open.stateError(error) ?? error;
  }
}

function blind(): TransactionStateError {
  return new TransactionStateError(
    'untilCommit cannot see when transactions end on the clients of the lent pool: pg-native tells that from pg 8.20 on. Update ' +
      'pg, lend a pool of its JavaScript client, or pass the transaction as `transaction`.',
  );
}
