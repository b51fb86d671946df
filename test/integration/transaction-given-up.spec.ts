import { PrismaPg } from '@prisma/adapter-pg';
import { EntitySchema, MikroORM } from '@mikro-orm/postgresql';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import postgres from 'postgres';
import { DataSource } from 'typeorm';
import { Sequelize } from 'sequelize';
import { DeadlockError } from '../../lib/errors/deadlock.error.js';
import { LockNotAvailableError } from '../../lib/errors/lock-not-available.error.js';
import { TransactionStateError } from '../../lib/errors/transaction-state.error.js';
import type { PgLockService } from '../../lib/pg-lock.service.js';
import { advisoryLocks, openCore } from '../support/cores.js';
import { useDatabase } from '../support/database.js';
import { generatedClient } from './transaction-clients/prisma.client.js';

const database = useDatabase({ schema: 'CREATE TABLE users (id int PRIMARY KEY)', mayStay: () => true });

interface Ender {
  /** Runs work in a transaction, which ends with it. */
  run(work: (transaction: object) => Promise<void>): Promise<unknown>;
  close(): Promise<unknown>;
}

describe('a wait that the client gives up by query_timeout', () => {
  it.each(['advisory lock', 'table'])(
    'is over in the server, and leaves the transaction usable: %s',
    async (what) => {
      const holder = await database.connect();
      await holder.query('BEGIN; LOCK TABLE users; SELECT pg_advisory_xact_lock(9)');
      const pool = new pg.Pool({ connectionString: database.url, max: 1, query_timeout: 2_500 });
      database.defer(() => pool.end());
      const { service } = openCore(database);
      const client = await pool.connect();
      await client.query('BEGIN');
      const waiting =
        what === 'table'
          ? service.model('users', { transaction: client, timeout: null })
          : service.acquire(9, { transaction: client });
      await expect(waiting).rejects.toThrow('Query read timeout');
      await holder.query('COMMIT');
      await expect(client.query(`SELECT current_setting('lock_timeout') AS value`)).resolves.toMatchObject({
        rows: [{ value: '0' }],
      });
      await expect(advisoryLocks(database)).resolves.toEqual([]);
      await client.query('COMMIT');
      client.release();
    },
  );

  it('does so under TypeORM', async () => {
    const holder = await database.connect();
    await holder.query('SELECT pg_advisory_lock(9)');
    const source = new DataSource({
      type: 'postgres',
      url: database.url,
      extra: { query_timeout: 2_500, max: 1 },
    });
    await source.initialize();
    const { service } = openCore(database);
    const failing = source.transaction((manager) => service.acquire(9, { transaction: manager }));
    await expect(failing).rejects.toThrow('Query read timeout');
    await holder.query('SELECT pg_advisory_unlock(9)');
    await expect(source.query('SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
    await expect(advisoryLocks(database)).resolves.toEqual([]);
    await source.destroy();
  });
});

describe('a wait whose transaction is ended meanwhile', () => {
  const waits = {
    'for an advisory lock': (pglock: PgLockService, transaction: object) =>
      pglock.acquire(9, { transaction, timeout: null }),
    'for a table': (pglock: PgLockService, transaction: object) => pglock.model('users', { transaction }),
  };

  it.each(['a pool of its own', "the module's pool"])(
    'by the timeout of Prisma, on %s, is over in the server',
    async (whose) => {
      const holder = await database.connect();
      await holder.query('BEGIN; LOCK TABLE users; SELECT pg_advisory_xact_lock(9)');
      const { service } = openCore(database);
      const { PrismaClient } = await generatedClient();
      const pool = whose.startsWith('a') ? { connectionString: database.url } : service.pool;
      const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
      for (const wait of Object.values(waits)) {
        const failing = prisma.$transaction(
          async (tx) => {
            await wait(service, tx);
          },
          { maxWait: 60_000, timeout: 2_500 },
        );
        await expect(failing).rejects.toThrow(TransactionStateError);
        await expect(failing).rejects.toThrow(/Prisma transaction was ended by its client/);
      }
      await holder.query('COMMIT');
      await expect(advisoryLocks(database)).resolves.toEqual([]);
      await prisma.$disconnect();
    },
  );

  it.each(Object.entries(waits))(
    'because its work gave up, %s, does not keep the rollback waiting',
    async (_, wait) => {
      const holder = await database.connect();
      await holder.query('BEGIN; LOCK TABLE users; SELECT pg_advisory_xact_lock(9)');
      const { service } = openCore(database);
      const source = await new DataSource({ type: 'postgres', url: database.url }).initialize();
      const db = new Kysely<unknown>({
        dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: database.url }) }),
      });
      const impatient = async (transaction: object): Promise<void> => {
        const waiting = wait(service, transaction);
        waiting.catch(() => undefined);
        await database.waitForWaiter();
        throw new Error('impatient');
      };
      await expect(source.transaction(impatient)).rejects.toThrow('impatient');
      await expect(db.transaction().execute(impatient)).rejects.toThrow('impatient');
      await holder.query('COMMIT');
      await expect(advisoryLocks(database)).resolves.toEqual([]);
      await Promise.all([source.destroy(), db.destroy()]);
    },
  );

  class User {
    id!: number;
  }

  const enders: Readonly<Record<string, () => Promise<Ender>>> = {
    'a controlled transaction of Kysely': async () => {
      const db = new Kysely<unknown>({
        dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: database.url }) }),
      });
      return {
        run: async (work) => {
          const trx = await db.startTransaction().execute();
          await work(trx).catch(() => undefined);
          await trx.rollback().execute();
          throw new Error('impatient');
        },
        close: () => db.destroy(),
      };
    },
    'a transaction of MikroORM': async () => {
      const schema = new EntitySchema({
        class: User,
        tableName: 'users',
        properties: { id: { type: 'integer', primary: true } },
      });
      const orm = await MikroORM.init({ entities: [schema], clientUrl: database.url });
      return { run: (work) => orm.em.fork().transactional(work), close: () => orm.close(true) };
    },
    'a nested transaction of MikroORM': async () => {
      const schema = new EntitySchema({
        class: User,
        tableName: 'users',
        properties: { id: { type: 'integer', primary: true } },
      });
      const orm = await MikroORM.init({ entities: [schema], clientUrl: database.url });
      return {
        run: (work) => orm.em.fork().transactional((em) => em.transactional(work)),
        close: () => orm.close(true),
      };
    },
  };

  it.each(Object.keys(enders))(
    '%s, which ends when nothing runs in it, is not kept waiting',
    async (name) => {
      const holder = await database.connect();
      await holder.query('BEGIN; LOCK TABLE users; SELECT pg_advisory_xact_lock(9)');
      const { service } = openCore(database);
      const { run, close } = await enders[name]!();
      for (const wait of Object.values(waits)) {
        let waiting: Promise<unknown> = Promise.resolve();
        const failing = run(async (transaction) => {
          waiting = wait(service, transaction);
          waiting.catch(() => undefined);
          await database.waitForWaiter();
          throw new Error('impatient');
        });
        await expect(failing).rejects.toThrow('impatient');
        await expect(waiting).rejects.toThrow(TransactionStateError);
      }
      await holder.query('COMMIT');
      await expect(advisoryLocks(database)).resolves.toEqual([]);
      await close();
    },
  );

  it('postgres.js rolls back behind the wait, which settles then', async () => {
    const holder = await database.connect();
    await holder.query('SELECT pg_advisory_lock(9)');
    const { service } = openCore(database);
    const sql = postgres(database.url, { max: 2 });
    let waiting: Promise<unknown> = Promise.resolve();
    const failing = sql.begin(async (transaction) => {
      waiting = service.acquire(9, { transaction, timeout: '4s', onContention: 'throw' });
      waiting.catch(() => undefined);
      await database.waitForWaiter();
      throw new Error('impatient');
    });
    await expect(failing).rejects.toThrow('impatient');
    await expect(waiting).rejects.toThrow(LockNotAvailableError);
    await holder.query('SELECT pg_advisory_unlock(9)');
    await sql.end();
  });
});

it('a deadlock stays one under a retry of Sequelize, and is sent once', async () => {
  const sequelize = new Sequelize(database.url, { logging: false, retry: { match: [/deadlock/i], max: 5 } });
  const { service } = openCore(database);
  const other = await database.connect();
  await other.query('BEGIN; SELECT pg_advisory_xact_lock(1)');
  const transaction = await sequelize.transaction();
  const mine = await service.acquire(2, { transaction, onContention: 'throw' });
  const theirs = other.query('SELECT pg_advisory_xact_lock(2)').catch((error: unknown) => error);
  await database.waitForWaiter(database.pidOf(other));
  const outcome = await service
    .acquire(1, { transaction, onContention: 'throw' })
    .catch((error: unknown) => error);
  if (outcome instanceof Error) expect(outcome).toBeInstanceOf(DeadlockError);
  else expect(await theirs).toMatchObject({ code: '40P01' });
  expect(mine.shared).toBe(false);
  await transaction.rollback();
  await other.query('ROLLBACK');
  await theirs;
  await sequelize.close();
});
