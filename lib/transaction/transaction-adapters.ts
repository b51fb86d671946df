import { TransactionStateError } from '../errors/transaction-state.error.js';
import { printable } from '../vocabulary/printable.js';
import { drizzleAdapter } from './adapters/drizzle.adapter.js';
import { knexAdapter } from './adapters/knex.adapter.js';
import { kyselyAdapter } from './adapters/kysely.adapter.js';
import { mikroOrmAdapter } from './adapters/mikro-orm.adapter.js';
import { pgPromiseAdapter } from './adapters/pg-promise.adapter.js';
import { pgAdapter } from './adapters/pg.adapter.js';
import { postgresJsAdapter } from './adapters/postgres-js.adapter.js';
import { prismaAdapter } from './adapters/prisma.adapter.js';
import { sequelizeAdapter } from './adapters/sequelize.adapter.js';
import { slonikAdapter } from './adapters/slonik.adapter.js';
import { typeOrmAdapter } from './adapters/typeorm.adapter.js';
import type { DetectingTransactionAdapter, TransactionAdapter } from './transaction-adapter.js';

/** Those that come with the library; `pg` last, for others look like it. */
const OWN_ADAPTERS = [
  mikroOrmAdapter,
  typeOrmAdapter,
  prismaAdapter,
  kyselyAdapter,
  knexAdapter,
  sequelizeAdapter,
  drizzleAdapter,
  postgresJsAdapter,
  pgPromiseAdapter,
  slonikAdapter,
  pgAdapter,
] as readonly DetectingTransactionAdapter[];

const registered: DetectingTransactionAdapter[] = [];

/**
 * Registers how to use the transactions of another database client, for the whole process. A registered adapter is asked
 * before the ones that come with the library, the latest first. Sends nothing.
 *
 * @returns a function that removes the adapter.
 * @publicApi
 */
export function registerTransactionAdapter<Transaction extends object>(
  adapter: DetectingTransactionAdapter<Transaction>,
): () => void {
  // An object of its own: one adapter may be registered twice, and forgotten once.
  const entry = Object.create(adapter) as DetectingTransactionAdapter;
  registered.unshift(entry);
  return () => {
    const position = registered.indexOf(entry);
    if (position !== -1) registered.splice(position, 1);
  };
}

/**
 * The adapter of a caller's transaction, found by its shape. Sends nothing.
 *
 * @throws {TransactionStateError} when it is a transaction of none of the known clients.
 * @internal
 */
export function adapterOf(transaction: unknown): TransactionAdapter {
  const adapter = isObject(transaction)
    ? [...registered, ...OWN_ADAPTERS].find((known) => known.detects(transaction))
    : undefined;
  if (adapter !== undefined) return adapter;
  throw new TransactionStateError(
    `transaction must be an open transaction of pg, TypeORM, Prisma, Drizzle, Kysely, Knex, Objection, MikroORM, Sequelize, postgres.js, pg-promise or Slonik, or of a client made known by registerTransactionAdapter(); got ${printable(transaction)}.`,
  );
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
