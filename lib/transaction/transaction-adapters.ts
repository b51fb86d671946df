import { TransactionStateError } from '../errors/transaction-state.error.js';
import { printable } from '../vocabulary/printable.js';
import type { DetectingTransactionAdapter, TransactionAdapter } from './transaction-adapter.js';

interface KnownClient {
  detects(value: object): boolean;
  load(): Promise<TransactionAdapter> | TransactionAdapter;
}

/** A client that comes with the library: its adapter is loaded when the first of its transactions is passed. */
function known<Transaction extends object>(
  detects: (value: object) => boolean,
  load: () => Promise<TransactionAdapter<Transaction>>,
): KnownClient {
  return { detects, load };
}

const OWN_CLIENTS: readonly KnownClient[] = [
  known(
    (value) => has(value, 'getTransactionContext', 'isInTransaction'),
    async () => (await import('./adapters/mikro-orm.adapter.js')).mikroOrmAdapter,
  ),
  known(
    (value) => has(value, 'getTreeRepository') || has(value, 'startTransaction', 'commitTransaction'),
    async () => (await import('./adapters/typeorm.adapter.js')).typeOrmAdapter,
  ),
  known(
    (value) => has(value, '$queryRawUnsafe', '$executeRawUnsafe'),
    async () => (await import('./adapters/prisma.adapter.js')).prismaAdapter,
  ),
  known(
    (value) => 'isTransaction' in value && has(value, 'executeQuery'),
    async () => (await import('./adapters/kysely.adapter.js')).kyselyAdapter,
  ),
  known(
    (value) => has(value, 'raw', 'transaction') && typeof value === 'function',
    async () => (await import('./adapters/knex.adapter.js')).knexAdapter,
  ),
  known(
    (value) => has(value, 'prepareEnvironment') || has(value, 'getQueryInterface', 'define'),
    async () => (await import('./adapters/sequelize.adapter.js')).sequelizeAdapter,
  ),
  known(
    (value) => 'dialect' in value && 'session' in value && has(value, 'execute'),
    async () => (await import('./adapters/drizzle.adapter.js')).drizzleAdapter,
  ),
  known(
    (value) => has(value, 'query') && (has(value, 'escapeIdentifier') || 'totalCount' in value),
    async () => (await import('./adapters/pg.adapter.js')).pgAdapter,
  ),
];

const registered: KnownClient[] = [];

/**
 * Teaches the library the transactions of another database client, for the whole process. A registered adapter is asked
 * before the ones that come with the library, the latest first. Sends nothing.
 *
 * @returns a function that forgets the adapter again.
 * @publicApi
 */
export function registerTransactionAdapter<Transaction extends object>(
  adapter: DetectingTransactionAdapter<Transaction>,
): () => void {
  const entry: KnownClient = {
    detects: (value) => adapter.detects(value),
    load: () => adapter,
  };
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
export async function adapterOf(transaction: unknown): Promise<TransactionAdapter> {
  if ((typeof transaction === 'object' && transaction !== null) || typeof transaction === 'function') {
    const client = [...registered, ...OWN_CLIENTS].find((known) => known.detects(transaction));
    if (client !== undefined) return client.load();
  }
  throw new TransactionStateError(
    `transaction must be an open transaction of pg, TypeORM, Prisma, Drizzle, Kysely, Knex, MikroORM or Sequelize, or of a client made known by registerTransactionAdapter(); got ${printable(transaction)}.`,
  );
}

function has(value: object, ...methods: readonly string[]): boolean {
  return methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function');
}
