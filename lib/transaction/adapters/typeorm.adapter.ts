import type { TransactionAdapter, TransactionRow } from '../transaction-adapter.js';

interface EntityMetadata {
  readonly schema?: string;
  readonly tableName: string;
}

interface DataSource {
  hasMetadata(model: object): boolean;
  getMetadata(model: object): EntityMetadata;
}

/** What is used of a TypeORM `QueryRunner`. */
interface QueryRunner {
  readonly isTransactionActive: boolean;
  readonly isReleased: boolean;
  readonly manager?: EntityManager;
  readonly dataSource?: DataSource;
  readonly connection?: DataSource;
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** What is used of a TypeORM `EntityManager`. */
interface EntityManager {
  readonly queryRunner?: QueryRunner;
}

/**
 * TypeORM: the `EntityManager` of `dataSource.transaction(…)`, or a `QueryRunner` after `startTransaction()`.
 *
 * @see https://typeorm.io/docs/advanced-topics/transactions
 * @internal
 */
export const typeOrmAdapter: TransactionAdapter<EntityManager | QueryRunner> = {
  name: 'TypeORM',
  async run(transaction, text, values) {
    const rows = await runnerOf(transaction)?.query(text, [...values]);
    return Array.isArray(rows) ? (rows as TransactionRow[]) : [];
  },
  isOpen(transaction) {
    const runner = runnerOf(transaction);
    return runner !== undefined && runner.isTransactionActive && !runner.isReleased;
  },
  tableOf(transaction, model) {
    const runner = runnerOf(transaction);
    const source = runner?.dataSource ?? runner?.connection;
    if (!source?.hasMetadata(model)) return undefined;
    const { schema, tableName } = source.getMetadata(model);
    return schema ? { schema, table: tableName } : { table: tableName };
  },
  sessionOf: (transaction) => runnerOf(transaction) ?? transaction,
  pgClientOf: (transaction) => (runnerOf(transaction) as { databaseConnection?: object }).databaseConnection,
};

function runnerOf(transaction: EntityManager | QueryRunner): QueryRunner | undefined {
  return 'isTransactionActive' in transaction ? transaction : transaction.queryRunner;
}
