import { asPgClient, queryPg, type PgClient } from '../pg-client.js';
import { hasMethods, type DetectingTransactionAdapter } from '../transaction-adapter.js';

/** What is used of a Sequelize `Transaction`, of 6 and of 7. */
interface SequelizeTransaction {
  readonly sequelize?: object;
  readonly finished?: 'commit' | 'rollback';
  /** Sequelize 6. */
  readonly connection?: object;
  /** Sequelize 7. */
  getConnectionIfExists?(): object | undefined;
}

/**
 * Sequelize 6 and 7: the `Transaction` of `sequelize.transaction(async (t) => …)`. Statements go to its connection, past
 * `retry`, which would send one again that failed for a lock, and past what shapes the rows.
 *
 * @see https://sequelize.org/docs/v6/other-topics/transactions/
 * @internal
 */
export const sequelizeAdapter: DetectingTransactionAdapter<SequelizeTransaction> = {
  name: 'Sequelize',
  hooks: 'a replacement of `query` on the connection',
  detects: (value) =>
    hasMethods(value, 'prepareEnvironment') || hasMethods(value, 'getQueryInterface', 'define'),
  isDirect: () => true,
  run(transaction, text, values) {
    const client = clientOf(transaction);
    if (client !== undefined) return queryPg(client, text, values);
    return Promise.reject(new Error('the transaction has no connection'));
  },
  isOpen: (transaction) =>
    transaction.sequelize !== undefined && clientOf(transaction) !== undefined && !transaction.finished,
  sessionOf: (transaction) => clientOf(transaction) ?? transaction,
  pgClientOf: clientOf,
};

function clientOf(transaction: SequelizeTransaction): PgClient | undefined {
  return asPgClient(transaction.connection ?? transaction.getConnectionIfExists?.());
}
