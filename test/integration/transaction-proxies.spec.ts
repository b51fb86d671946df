import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as immediate } from 'node:timers/promises';
import { Test } from '@nestjs/testing';
import { EntitySchema, MikroORM, TransactionPropagation } from '@mikro-orm/postgresql';
import { PrismaPg } from '@prisma/adapter-pg';
import { drizzle } from 'drizzle-orm/node-postgres';
import knexFactory from 'knex';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import pgPromise from 'pg-promise';
import postgres from 'postgres';
import { DataSource } from 'typeorm';
import {
  addTransactionalDataSource,
  initializeTransactionalContext,
  runInTransaction,
} from 'typeorm-transactional';
import { DeadlockError } from '../../lib/errors/deadlock.error.js';
import { TransactionStateError } from '../../lib/errors/transaction-state.error.js';
import { PgLockModule } from '../../lib/pg-lock.module.js';
import { PgLockService } from '../../lib/pg-lock.service.js';
import { registerTransactionResolver } from '../../lib/transaction/ambient-transaction.js';
import { advisoryLocks } from '../support/cores.js';
import { useDatabase } from '../support/database.js';
import { generatedClient } from './transaction-clients/prisma.client.js';

const database = useDatabase({ schema: 'CREATE TABLE users (id int PRIMARY KEY)', mayStay: () => true });
const SESSIONS = 20;

beforeAll(async () => {
  // Locks that are waited for in both orders are deadlocks, which PostgreSQL looks for after that.
  await database.admin.query(`ALTER DATABASE ${database.name} SET deadlock_timeout = '5ms'`);
});

interface Client {
  /** What stands for the transaction outside of one. */
  readonly root: object;
  begin(work: (tx: object) => Promise<void>): Promise<unknown>;
  close(): Promise<unknown>;
}

/** What nestjs-cls makes of a client; itself is in `test/e2e/transactional.spec.ts`, since Jest on Node 20 cannot load it. */
class TransactionHost {
  readonly #storage = new AsyncLocalStorage<{ tx: object }>();
  /** As `@InjectTransaction()` gives it: whatever is asked of it is asked of the transaction of the running flow. */
  readonly proxy: object;

  constructor(private readonly client: Client) {
    const current = (): object => this.tx;
    this.proxy = new Proxy(client.root, {
      get: (_, name) => {
        const tx = current();
        const value: unknown = Reflect.get(tx, name, tx);
        return typeof value === 'function' ? (value as () => unknown).bind(tx) : value;
      },
      apply: (_, __, args: unknown[]): unknown =>
        Reflect.apply(current() as () => unknown, current(), args) as unknown,
    });
  }

  get tx(): object {
    return this.#storage.getStore()?.tx ?? this.client.root;
  }

  isTransactionActive(): boolean {
    return this.#storage.getStore() !== undefined;
  }

  withTransaction(work: () => Promise<void>): Promise<unknown> {
    return this.client.begin((tx) => this.#storage.run({ tx }, work));
  }
}

const CLIENTS: Readonly<Record<string, () => Promise<Client> | Client>> = {
  Knex: () => {
    const db = knexFactory.knex({ client: 'pg', connection: database.url, pool: { max: SESSIONS } });
    return { root: db, begin: (work) => db.transaction(work), close: () => db.destroy() };
  },
  Kysely: () => {
    const pool = new pg.Pool({ connectionString: database.url, max: SESSIONS });
    const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
    return { root: db, begin: (work) => db.transaction().execute(work), close: () => db.destroy() };
  },
  TypeORM: async () => {
    const source = new DataSource({ type: 'postgres', url: database.url, poolSize: SESSIONS });
    await source.initialize();
    return { root: source.manager, begin: (work) => source.transaction(work), close: () => source.destroy() };
  },
  Prisma: async () => {
    const { PrismaClient } = await generatedClient();
    const adapter = new PrismaPg({ connectionString: database.url, max: SESSIONS });
    const prisma = new PrismaClient({ adapter });
    const limits = { maxWait: 50_000, timeout: 50_000 };
    return {
      root: prisma,
      begin: (work) => prisma.$transaction(work, limits),
      close: () => prisma.$disconnect(),
    };
  },
  Drizzle: () => {
    const pool = new pg.Pool({ connectionString: database.url, max: SESSIONS });
    const db = drizzle({ client: pool });
    return { root: db, begin: (work) => db.transaction(work), close: () => pool.end() };
  },
  'postgres.js': () => {
    const sql = postgres(database.url, { max: SESSIONS, onnotice: () => undefined });
    return { root: sql, begin: (work) => sql.begin(work), close: () => sql.end() };
  },
  'pg-promise': () => {
    const db = pgPromise({ noWarnings: true })({ connectionString: database.url, max: SESSIONS });
    return { root: db, begin: (work) => db.tx(work), close: () => db.$pool.end() };
  },
  pg: () => {
    const pool = new pg.Pool({ connectionString: database.url, max: SESSIONS });
    const begin = async (work: (tx: object) => Promise<void>) => {
      const client = await pool.connect();
      await client.query('BEGIN');
      try {
        await work(client);
      } finally {
        await client.query('COMMIT');
        client.release();
      }
    };
    return { root: pool, begin, close: () => pool.end() };
  },
};

async function boot(...found: readonly object[]): Promise<PgLockService> {
  const module = await Test.createTestingModule({
    imports: [PgLockModule.forRoot({ connection: database.url })],
    providers: found.map((useValue) => ({ provide: useValue.constructor.name, useValue })),
  }).compile();
  await module.init();
  database.defer(() => module.close());
  return module.get(PgLockService);
}

describe.each(Object.keys(CLIENTS))('a proxy for all transactions of %s', (name) => {
  it('stands for that of the running flow, and for none outside', async () => {
    const client = await CLIENTS[name]!();
    const host = new TransactionHost(client);
    const pglock = await boot(host);
    const { proxy } = host;
    await expect(pglock.acquire('x', { transaction: proxy })).rejects.toThrow(TransactionStateError);
    await expect(pglock.acquire('x', { transaction: 'ambient' })).rejects.toThrow(TransactionStateError);
    await host.withTransaction(async () => {
      const pids = new Set<number>();
      for (const [id, transaction] of Object.entries({ a: proxy, b: 'ambient', c: host.tx } as const)) {
        const lock = await pglock.acquire(id, { transaction, timeout: 0, onContention: 'throw' });
        pids.add(lock.pid);
      }
      expect(pids.size).toBe(1);
      await expect(pglock.model('users', { transaction: proxy, mode: 'SHARE' })).resolves.toBe(true);
      await expect(advisoryLocks(database)).resolves.toHaveLength(3);
    });
    await expect(advisoryLocks(database)).resolves.toEqual([]);
    await client.close();
  });

  it('never has two of them take turns: 200 at once, each waiting for the other kind of lock, come to an end', async () => {
    const client = await CLIENTS[name]!();
    const host = new TransactionHost(client);
    const pglock = await boot(host);
    const options = { transaction: host.proxy, timeout: '50s', onContention: 'throw' } as const;
    const locks = [() => pglock.acquire('kind', options), () => pglock.model('users', options)];
    let inside = 0;
    const one = (index: number) =>
      host.withTransaction(async () => {
        for (const kind of [index % 2, (index + 1) % 2]) await locks[kind]!();
        expect((inside += 1)).toBe(1);
        await immediate();
        inside -= 1;
      });
    const outcomes = await Promise.allSettled(Array.from({ length: 200 }, (_, index) => one(index)));
    const refused = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
    );
    for (const reason of refused) expect(reason).toBeInstanceOf(DeadlockError);
    expect(refused.length).toBeLessThan(200);
    await expect(advisoryLocks(database)).resolves.toEqual([]);
    await client.close();
  });
});

it('finds the transaction of typeorm-transactional, by the data source, its manager and by itself', async () => {
  initializeTransactionalContext();
  const source = await new DataSource({ type: 'postgres', url: database.url }).initialize();
  addTransactionalDataSource(source);
  const manager = source.manager;
  const pglock = await boot(source);
  await expect(pglock.acquire('x', { transaction: source })).rejects.toThrow(TransactionStateError);
  await runInTransaction(async () => {
    for (const transaction of [source, manager, 'ambient'] as const)
      await expect(pglock.acquire('x', { transaction, timeout: 0 })).resolves.toMatchObject({ held: true });
    await expect(advisoryLocks(database)).resolves.toHaveLength(1);
  });
  await expect(advisoryLocks(database)).resolves.toEqual([]);
  await source.destroy();
});

it('finds the transaction of the context of MikroORM', async () => {
  class Thing {
    id!: number;
  }
  const schema = new EntitySchema({ class: Thing, properties: { id: { type: 'integer', primary: true } } });
  const orm = await MikroORM.init({
    clientUrl: database.url,
    dbName: database.name,
    entities: [schema],
    allowGlobalContext: true,
  });
  const pglock = await boot(orm.em);
  await expect(pglock.acquire('x', { transaction: 'ambient' })).rejects.toThrow(TransactionStateError);
  await orm.em.transactional(
    async () => {
      for (const transaction of [orm.em, 'ambient'] as const)
        await expect(pglock.acquire('x', { transaction, timeout: 0 })).resolves.toMatchObject({ held: true });
      await expect(advisoryLocks(database)).resolves.toHaveLength(1);
    },
    { propagation: TransactionPropagation.REQUIRED },
  );
  await expect(advisoryLocks(database)).resolves.toEqual([]);
  await orm.close();
});

it('asks what was registered first', async () => {
  const pglock = await boot();
  const client = await database.connect();
  await client.query('BEGIN');
  const forget = registerTransactionResolver(() => client);
  await expect(pglock.acquire('x', { transaction: 'ambient', timeout: 0 })).resolves.toMatchObject({
    pid: database.pidOf(client),
  });
  forget();
  await client.query('ROLLBACK');
  await expect(pglock.acquire('x', { transaction: 'ambient' })).rejects.toThrow(TransactionStateError);
});
