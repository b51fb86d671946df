import type { Socket } from 'node:net';
import { EntitySchema, MikroORM } from '@mikro-orm/postgresql';
import { PrismaPg } from '@prisma/adapter-pg';
import { drizzle } from 'drizzle-orm/node-postgres';
import knexFactory from 'knex';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { Sequelize } from 'sequelize';
import { DataSource } from 'typeorm';
import { PoolerError } from '../../lib/errors/pooler.error.js';
import type { PgLockService } from '../../lib/pg-lock.service.js';
import { FlowPids } from '../../lib/session/flow-pids.js';
import { adopt, ScopedPool } from '../../lib/session/scoped-pool.js';
import { SessionScopes } from '../../lib/session/scoped-pool-scope.js';
import { openCore } from '../support/cores.js';
import { deferred, eventually, useDatabase } from '../support/database.js';
import { generatedClient } from './transaction-clients/prisma.client.js';

const database = useDatabase({ schema: 'CREATE TABLE users (id int PRIMARY KEY)' });

const SHOW = `SELECT current_setting('lock_timeout') AS value`;

interface Answer {
  readonly value: string;
}

/** An ORM on the module's pool: what its sessions have as `lock_timeout`, outside of and in a transaction of its own. */
interface OnOurPool {
  plain(): Promise<string>;
  inTransaction(): Promise<string>;
  close(): Promise<unknown>;
}

const RECIPES: Readonly<Record<string, (pglock: PgLockService) => Promise<OnOurPool> | OnOurPool>> = {
  pg: ({ pool }) => ({
    plain: async () => (await pool.query<Answer>(SHOW)).rows[0]!.value,
    async inTransaction() {
      const client = await pool.connect();
      const { rows } = await client.query<Answer>('BEGIN').then(() => client.query<Answer>(SHOW));
      await client.query('COMMIT');
      client.release();
      return rows[0]!.value;
    },
    close: () => pool.end(),
  }),
  Drizzle: ({ pool }) => {
    const db = drizzle({ client: pool });
    const read = async (on: Pick<typeof db, 'execute'>) =>
      (await on.execute<{ value: string }>(SHOW)).rows[0]!.value;
    return { plain: () => read(db), inTransaction: () => db.transaction(read), close: () => pool.end() };
  },
  Kysely: ({ pool }) => {
    const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
    const read = async (on: Kysely<unknown>) => (await sql.raw<Answer>(SHOW).execute(on)).rows[0]!.value;
    return {
      plain: () => read(db),
      inTransaction: () => db.transaction().execute(read),
      close: () => db.destroy(),
    };
  },
  Prisma: async ({ pool }) => {
    const { PrismaClient } = await generatedClient();
    const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
    const read = async (on: object) =>
      (await (on as { $queryRawUnsafe(text: string): Promise<Answer[]> }).$queryRawUnsafe(SHOW))[0]!.value;
    return {
      plain: () => read(prisma),
      async inTransaction() {
        let value = '';
        await prisma.$transaction(async (tx) => void (value = await read(tx)), {
          maxWait: 60_000,
          timeout: 60_000,
        });
        return value;
      },
      close: () => prisma.$disconnect(),
    };
  },
  TypeORM: async ({ pgDriver }) => {
    const source = await new DataSource({ type: 'postgres', driver: pgDriver }).initialize();
    const read = async (on: Pick<DataSource, 'query'>) => (await on.query<Answer[]>(SHOW))[0]!.value;
    return {
      plain: () => read(source),
      inTransaction: () => source.transaction((manager) => read(manager)),
      close: () => source.destroy(),
    };
  },
  MikroORM: async ({ pool }) => {
    class User {
      id!: number;
    }
    const UserSchema = new EntitySchema({
      class: User,
      properties: { id: { type: 'integer', primary: true } },
    });
    const driverOptions = new PostgresDialect({ pool });
    const orm = await MikroORM.init({ entities: [UserSchema], dbName: database.name, driverOptions });
    const read = async (em: typeof orm.em) => (await em.execute<Answer[]>(SHOW))[0]!.value;
    return {
      plain: () => read(orm.em.fork()),
      inTransaction: () => orm.em.fork().transactional((em) => read(em)),
      close: () => orm.close(),
    };
  },
  Knex: ({ pool }) => {
    const db = knexFactory.knex({ client: 'pg', connectionPool: pool });
    const read = async (on: Pick<typeof db, 'raw'>) =>
      (await on.raw<{ rows: Answer[] }>(SHOW)).rows[0]!.value;
    return { plain: () => read(db), inTransaction: () => db.transaction(read), close: () => db.destroy() };
  },
  Sequelize: ({ scopeSession }) => {
    const sequelize = new Sequelize(database.url, { logging: false, pool: { max: 1 } });
    sequelize.addHook('afterPoolAcquire', scopeSession as (client: unknown) => Promise<void>);
    const read = async (transaction?: Awaited<ReturnType<typeof sequelize.transaction>>) =>
      ((await sequelize.query(SHOW, { transaction: transaction ?? null })) as unknown as [Answer[]])[0][0]!
        .value;
    return {
      plain: () => read(),
      inTransaction: () => sequelize.transaction((transaction) => read(transaction)),
      close: () => sequelize.close(),
    };
  },
};

describe.each(Object.keys(RECIPES))('%s on the pool of the module', (name) => {
  it('follows pglock.timeout, and may end the pool', async () => {
    const core = openCore(database, { connection: { connectionString: database.url, max: 1 } });
    const pglock = core.service;
    const orm = await RECIPES[name]!(pglock);
    const both = async () => [await orm.plain(), await orm.inTransaction()];
    await expect(both()).resolves.toEqual(['0', '0']);
    await pglock.timeout('3s', async () => {
      await expect(both()).resolves.toEqual(['3s', '3s']);
      await pglock.timeout('1s', () => expect(both()).resolves.toEqual(['1s', '1s']));
      await expect(both()).resolves.toEqual(['3s', '3s']);
    });
    await expect(both()).resolves.toEqual(['0', '0']);
    await orm.close();
    await expect(pglock.pool.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
  });
});

describe('a lent pool', () => {
  function lent(max = 1): pg.Pool {
    const pool = new pg.Pool({ connectionString: database.url, max });
    database.defer(() => pool.end());
    return pool;
  }

  it('follows the flows while the module lives, and is its own again after', async () => {
    const pool = lent();
    const plainConnect = pool.connect;
    const core = openCore(database, { connection: undefined as never, pool });
    const read = async () => (await pool.query<Answer>(SHOW)).rows[0]!.value;
    await core.service.timeout('3s', () => expect(read()).resolves.toBe('3s'));
    await core.service.pool.end();
    await core.close();
    expect(pool.connect).toBe(plainConnect);
    expect(Object.hasOwn(pool, 'query')).toBe(false);
    await expect(read()).resolves.toBe('0');
  });

  it('may be lent to two modules, which give it back in any order', async () => {
    const pool = lent();
    const [a, b] = [new SessionScopes(), new SessionScopes()];
    const giveBack = [adopt(pool, { scopes: a }), adopt(pool, { scopes: b })];
    const read = async () => (await pool.query<Answer>(SHOW)).rows[0]!.value;
    await a.withLockTimeout(3_000, () => expect(read()).resolves.toBe('3s'));
    await b.withLockTimeout(1_000, () => expect(read()).resolves.toBe('1s'));
    await giveBack[0]!();
    await a.withLockTimeout(3_000, () => expect(read()).resolves.toBe('0'));
    await b.withLockTimeout(1_000, () => expect(read()).resolves.toBe('1s'));
    await giveBack[1]!();
    await expect(read()).resolves.toBe('0');
  });

  it('gets sessions restored that were out when the module closed', async () => {
    const pool = lent();
    const scopes = new SessionScopes();
    const giveBack = adopt(pool, { scopes });
    const client = await scopes.withLockTimeout(3_000, () => pool.connect());
    await giveBack();
    client.release();
    await expect(pool.query(SHOW)).resolves.toMatchObject({ rows: [{ value: '0' }] });
  });

  it('works with callbacks, in the flow of the caller', async () => {
    const pool = lent();
    const scopes = new SessionScopes();
    adopt(pool, { scopes });
    const seen = deferred<unknown>();
    scopes.withLockTimeout(3_000, () =>
      pool.connect((error, client, done) => {
        seen.resolve([error, client !== undefined, scopes.current?.lockTimeoutMs]);
        done();
      }),
    );
    await expect(seen.promise).resolves.toEqual([undefined, true, 3_000]);
  });
});

describe.each([
  ['own', (config: pg.PoolConfig, scopes: SessionScopes): pg.Pool => new ScopedPool(config, { scopes })],
  [
    'lent',
    (config: pg.PoolConfig, scopes: SessionScopes): pg.Pool => {
      const pool = new pg.Pool(config);
      adopt(pool, { scopes });
      return pool;
    },
  ],
])('the %s pool, as one of pg', (_, open) => {
  function opened(config: pg.PoolConfig = {}): { pool: pg.Pool; scopes: SessionScopes } {
    const scopes = new SessionScopes();
    const pool = open({ connectionString: database.url, max: 1, ...config }, scopes);
    database.defer(() => pool.end());
    return { pool, scopes };
  }

  it('refuses a second release, and leaves alone who has the client by then', async () => {
    const { pool } = opened();
    const taken = deferred<() => void>();
    pool.connect((_error, _client, done) => taken.resolve(done));
    const done = await taken.promise;
    done();
    const client = await pool.connect();
    expect(done).toThrow(/already been released/);
    expect(pool.idleCount).toBe(0);
    await expect(client.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
    client.release();
    expect(() => client.release()).toThrow(/already been released/);
  });

  it('gives the kind of promise that it was configured with', async () => {
    class OwnPromise<T> extends Promise<T> {}
    const { pool } = opened({ Promise: OwnPromise });
    const connecting = pool.connect();
    expect(connecting).toBeInstanceOf(OwnPromise);
    (await connecting).release();
    await expect(pool.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
  });

  it('rejects, and goes on, where a session breaks while it is made to fit', async () => {
    let isCut = true;
    class Cut extends pg.Client {
      override query(...args: never[]): never {
        if (isCut)
          (this as unknown as { connection: { stream: Socket } }).connection.stream.destroy(new Error('cut'));
        isCut = false;
        return (super.query as (...given: never[]) => never).apply(this, args);
      }
    }
    const { pool, scopes } = opened({ Client: Cut });
    const asked = () => scopes.withLockTimeout(3_000, () => pool.query<Answer>(SHOW));
    await expect(asked()).rejects.toThrow();
    await expect(asked()).resolves.toMatchObject({ rows: [{ value: '3s' }] });
  });
});

describe('ScopedPool', () => {
  function scopedPool(
    config: pg.PoolConfig = {},
    flowPids?: FlowPids,
  ): { pool: ScopedPool; scopes: SessionScopes } {
    const scopes = new SessionScopes();
    const options = flowPids === undefined ? { scopes } : { scopes, flowPids };
    const pool = new ScopedPool({ connectionString: database.url, max: 1, ...config }, options);
    database.defer(() => pool.end());
    return { pool, scopes };
  }

  it('reads the scope when it is asked, not when a session is free', async () => {
    const { pool, scopes } = scopedPool();
    const first = await pool.connect();
    const waiting = scopes.withLockTimeout(3_000, () => pool.query<Answer>(SHOW));
    const other = pool.query<Answer>(SHOW);
    first.release();
    await expect(waiting).resolves.toMatchObject({ rows: [{ value: '3s' }] });
    await expect(other).resolves.toMatchObject({ rows: [{ value: '0' }] });
  });

  it('destroys a session that could not be set, and goes on', async () => {
    const { pool, scopes } = scopedPool();
    const client = await pool.connect();
    const pid = database.pidOf(client);
    client.release();
    await database.admin.query('SELECT pg_terminate_backend($1)', [pid]);
    await eventually(async () => (await database.sessions()).every((one) => one.pid !== pid));
    const asked = () => scopes.withLockTimeout(3_000, () => pool.query<Answer>(SHOW));
    await eventually(() => asked().catch(() => false as const));
    await expect(asked()).resolves.toMatchObject({ rows: [{ value: '3s' }] });
  });

  it('does not set a session that is not the one it was told of', async () => {
    const { pool, scopes } = scopedPool();
    const client = await pool.connect();
    (client as unknown as { processID: number }).processID = 1;
    client.release();
    const refused = scopes.withLockTimeout(3_000, () => pool.query(SHOW));
    await expect(refused).rejects.toThrow(PoolerError);
    await expect(pool.query(SHOW)).resolves.toMatchObject({ rows: [{ value: '0' }] });
  });

  it('lets a session die without taking the process along', async () => {
    const { pool } = scopedPool();
    const client = await pool.connect();
    await database.admin.query('SELECT pg_terminate_backend($1)', [database.pidOf(client)]);
    await eventually(() =>
      client.query('SELECT 1').then(
        () => false,
        () => true,
      ),
    );
    client.release(true);
    await expect(pool.query(SHOW)).resolves.toMatchObject({ rowCount: 1 });
  });

  it('counts its sessions in for prioritized flows, and out when they are released', async () => {
    const flowPids = new FlowPids();
    const { pool } = scopedPool({}, flowPids);
    await flowPids.run(async (pids) => {
      const client = await pool.connect();
      expect([...pids]).toEqual([database.pidOf(client)]);
      client.release();
      expect(pids.size).toBe(0);
      await pool.query('SELECT 1');
      expect(pids.size).toBe(0);
    });
  });
});
