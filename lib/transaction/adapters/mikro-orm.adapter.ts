import { overhearCalls } from '../overheard-calls.js';
import {
  hasMethods,
  type DetectingTransactionAdapter,
  type TransactionAdapter,
} from '../transaction-adapter.js';
import { knexAdapter } from './knex.adapter.js';
import { kyselyAdapter } from './kysely.adapter.js';

interface EntityMetadata {
  readonly schema?: string;
  readonly tableName?: string;
  /** MikroORM 6 calls the table a collection. */
  readonly collection?: string;
}

/** What is used of a MikroORM `EntityManager`. */
interface EntityManager {
  readonly schema?: string;
  isInTransaction(): boolean;
  /** A Kysely transaction in MikroORM 7, a Knex one in 6. */
  getTransactionContext(): object | undefined;
  getMetadata(): { find(model: object): EntityMetadata | undefined };
  getConnection?(type: 'write'): object;
}

/** An entity manager, and the transaction that it was in when it was passed. */
interface ResolvedManager extends EntityManager {
  readonly context?: object;
  /** What commits and rolls back. */
  readonly connection?: object | undefined;
  /** The transaction as the connection is handed it. */
  readonly found?: object;
}

/**
 * MikroORM: the `em` of `em.transactional(…)`, an `em` after `em.begin()`, or any `em` whose context is in a transaction. The
 * statement goes to the Kysely transaction that MikroORM 7 holds (the Knex one of 6), with true parameters; `em.execute`
 * would write the values into the text.
 *
 * @see https://mikro-orm.io/docs/transactions
 * @internal
 */
export const mikroOrmAdapter: DetectingTransactionAdapter<ResolvedManager> = {
  name: 'MikroORM',
  hooks: 'a type parser of the driver',
  passesUnknownTypes: true,
  detects: (value) => hasMethods(value, 'getTransactionContext', 'isInTransaction'),
  resolve(em) {
    const found = em.isInTransaction() ? em.getTransactionContext() : undefined;
    if (found === undefined) return em;
    const context = below(found).resolve?.(found) ?? found;
    return {
      context,
      found,
      connection: em.getConnection?.('write'),
      ...(em.schema === undefined ? {} : { schema: em.schema }),
      isInTransaction: () => true,
      getTransactionContext: () => context,
      getMetadata: () => em.getMetadata(),
    };
  },
  isDirect: ({ context }) => (context && below(context).isDirect?.(context)) ?? false,
  run({ context }, text, values) {
    if (context === undefined) return Promise.reject(new Error('this EntityManager is in no transaction'));
    return below(context).run(context, text, values);
  },
  isOpen: ({ context }) => (context === undefined ? false : (below(context).isOpen?.(context) ?? true)),
  tableOf(em, model) {
    const metadata = em.getMetadata().find(model);
    const table = metadata?.tableName ?? metadata?.collection;
    if (table === undefined) return undefined;
    // An entity with the schema '*' lives in the schema that the entity manager is set to.
    const schema = metadata?.schema === '*' ? em.schema : (metadata?.schema ?? em.schema);
    return schema ? { schema, table } : { table };
  },
  sessionOf: (em) => (em.context && below(em.context).sessionOf?.(em.context)) ?? em,
  /** MikroORM ends a transaction when no statement of it is running. */
  watchGiveUp: ({ connection, found }, gaveUp) =>
    connection &&
    overhearCalls(connection, ['commit', 'rollback'], ([ended]) => {
      if (ended === found) gaveUp();
    }),
  pgClientOf: ({ context }) => context && below(context).pgClientOf?.(context),
};

function below(context: object): TransactionAdapter {
  return ('executeQuery' in context ? kyselyAdapter : knexAdapter) as TransactionAdapter;
}
