import type { TransactionAdapter, TransactionRow } from '../transaction-adapter.js';

interface QueryOptions {
  readonly transaction: SequelizeTransaction;
  readonly type: 'SELECT';
  readonly raw: true;
  readonly bind?: unknown[];
}

/** What is used of a Sequelize 6 `Transaction`. */
interface SequelizeTransaction {
  readonly sequelize?: { query(text: string, options: QueryOptions): Promise<TransactionRow[] | undefined> };
  readonly finished?: 'commit' | 'rollback';
  readonly connection?: object;
  readonly parent?: SequelizeTransaction | null;
}

/**
 * Sequelize 6: the `Transaction` of `sequelize.transaction(async (t) => …)`.
 *
 * @see https://sequelize.org/docs/v6/other-topics/transactions/
 * @internal
 */
export const sequelizeAdapter: TransactionAdapter<SequelizeTransaction> = {
  name: 'Sequelize',
  async run(transaction, text, values) {
    // Without `bind` Sequelize leaves the text alone: a `$1` in a table's name is no parameter.
    const bind = values.length === 0 ? {} : { bind: [...values] };
    const options: QueryOptions = { transaction, type: 'SELECT', raw: true, ...bind };
    return (await transaction.sequelize?.query(text, options)) ?? [];
  },
  isOpen: (transaction) =>
    transaction.sequelize !== undefined && transaction.connection !== undefined && !transaction.finished,
  sessionOf: (transaction) => transaction.connection ?? transaction,
  pgClientOf: (transaction) => transaction.connection,
};
