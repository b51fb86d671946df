import { asPgClient, queryPg, type PgClient } from '../pg-client.js';
import { hasMethods, type DetectingTransactionAdapter } from '../transaction-adapter.js';

interface EntityMetadata {
  readonly schema?: string;
  readonly tableName: string;
}

/** TypeORM's `DataSource`. Under typeorm-transactional its `manager` is that of the transaction of the running flow. */
interface DataSource {
  readonly manager?: EntityManager;
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
  readonly databaseConnection?: object;
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** What is used of a TypeORM `EntityManager`. */
interface EntityManager {
  readonly queryRunner?: QueryRunner;
  readonly dataSource?: DataSource;
  readonly connection?: DataSource;
  readonly manager?: EntityManager;
}

/**
 * TypeORM: the `EntityManager` of `dataSource.transaction(…)`, or a `QueryRunner` after `startTransaction()`; also what stands
 * for them, as `@InjectTransaction()` does or a `DataSource` under typeorm-transactional.
 *
 * @see https://typeorm.io/docs/advanced-topics/transactions
 * @internal
 */
export const typeOrmAdapter: DetectingTransactionAdapter<EntityManager | QueryRunner> = {
  name: 'TypeORM',
  hooks: 'a replacement of `QueryRunner.query`',
  detects: (value) =>
    hasMethods(value, 'getTreeRepository') || hasMethods(value, 'startTransaction', 'commitTransaction'),
  resolve: (transaction) => runnerOf(transaction) ?? transaction,
  isDirect: (transaction) => pgClientOf(transaction)?.native === undefined,
  run(transaction, text, values) {
    const client = pgClientOf(transaction);
    if (client !== undefined) return queryPg(client, text, values);
    const runner = runnerOf(transaction);
    if (runner === undefined) return Promise.reject(new Error('it has no query runner'));
    return runner.query(text, [...values]);
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
  pgClientOf,
};

function pgClientOf(transaction: EntityManager | QueryRunner): PgClient | undefined {
  return asPgClient(runnerOf(transaction)?.databaseConnection);
}

function runnerOf(transaction: EntityManager | QueryRunner): QueryRunner | undefined {
  if ('isTransactionActive' in transaction) return transaction;
  if (transaction.queryRunner !== undefined) return transaction.queryRunner;
  // Without one it is no transaction, unless the running flow is in one that the data source knows.
  const source = transaction.dataSource ?? transaction.connection ?? transaction;
  return source.manager?.queryRunner;
}
