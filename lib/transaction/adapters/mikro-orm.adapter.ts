import type { TransactionAdapter } from '../transaction-adapter.js';
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
}

/**
 * MikroORM: the `em` of `em.transactional(…)`, or an `em` after `em.begin()`. The statement goes to the Kysely transaction
 * that MikroORM 7 holds (the Knex one of 6), with true parameters; `em.execute` would write the values into the text.
 *
 * @see https://mikro-orm.io/docs/transactions
 * @internal
 */
export const mikroOrmAdapter: TransactionAdapter<EntityManager> = {
  name: 'MikroORM',
  run(em, text, values) {
    const context = contextOf(em);
    const adapter = 'executeQuery' in context ? kyselyAdapter : knexAdapter;
    return (adapter as TransactionAdapter).run(context, text, values);
  },
  isOpen(em) {
    if (!em.isInTransaction()) return false;
    const context = em.getTransactionContext() as
      { isCommitted?: boolean; isRolledBack?: boolean } | undefined;
    return context?.isCommitted !== true && context?.isRolledBack !== true;
  },
  tableOf(em, model) {
    const metadata = em.getMetadata().find(model);
    const table = metadata?.tableName ?? metadata?.collection;
    if (table === undefined) return undefined;
    // An entity with the schema '*' lives in the schema that the entity manager is set to.
    const schema = metadata?.schema === '*' ? em.schema : (metadata?.schema ?? em.schema);
    return schema ? { schema, table } : { table };
  },
  sessionOf: (em) => em.getTransactionContext() ?? em,
};

function contextOf(em: EntityManager): object {
  const context = em.getTransactionContext();
  if (context === undefined) throw new Error('this EntityManager is in no transaction');
  return context;
}
