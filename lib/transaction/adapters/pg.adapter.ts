import type { QueryResult } from 'pg';
import type { TransactionAdapter, TransactionRow } from '../transaction-adapter.js';

/** What is used of a `pg` `Client` or `PoolClient`. */
interface PgTransaction {
  query(text: string, values: unknown[]): Promise<QueryResult<TransactionRow>>;
  /** pg 8.20 and later. `I` idle, `T` in a transaction, `E` in a failed one, `null` not connected yet. */
  getTransactionStatus?(): 'I' | 'T' | 'E' | null;
}

/**
 * `pg`: a `Client` or `PoolClient` between `BEGIN` and `COMMIT`. Statements have no name, so that none is prepared.
 *
 * @see https://node-postgres.com/features/transactions
 * @internal
 */
export const pgAdapter: TransactionAdapter<PgTransaction> = {
  name: 'pg',
  async run(client, text, values) {
    return (await client.query(text, [...values])).rows;
  },
  isOpen(client) {
    if ('totalCount' in client) return false;
    if (typeof client.getTransactionStatus !== 'function') return undefined;
    const status = client.getTransactionStatus();
    return status === 'T' || status === 'E';
  },
  pgClientOf: (client) => client,
};
