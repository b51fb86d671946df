import { EntitySchema, MikroORM, type EntityManager } from '@mikro-orm/postgresql';
import { PrismaPg } from '@prisma/adapter-pg';
import { drizzle } from 'drizzle-orm/node-postgres';
import knexFactory from 'knex';
import { Kysely, PostgresDialect, type KyselyPlugin, type Transaction } from 'kysely';
import pg from 'pg';
import pgPromise from 'pg-promise';
import postgres from 'postgres';
import { Sequelize } from 'sequelize';
import type { Interceptor } from 'slonik';
import { DataSource, type EntityManager as TypeOrmManager } from 'typeorm';
import { poolFacade } from '../../../lib/session/pool-facade.js';
import { heldOpen, type OpenClient } from './client-under-test.js';
import { on } from './pg.client.js';
import { changedResult, changedRow, parserOf, pluggedClient, type Plugins } from './plugged-client.js';
import { generatedClient } from './prisma.client.js';
import { slonik } from './slonik.client.js';

type Rows = Parameters<typeof changedResult>[1]['rows'];
type Open = (url: string, plugins: Plugins) => Promise<OpenClient> | OpenClient;

const opened = (begin: OpenClient['begin'], close: OpenClient['close']): OpenClient => ({
  root: {},
  models: [],
  begin,
  close,
});

const plugged = (connectionString: string, plugins: Plugins) =>
  new pg.Pool({ connectionString, Client: pluggedClient(plugins) });

class Thing {
  id!: number;
}

/** Every client, with whatever it lets applications do to values, rows and results. */
export const PLUGGED_CLIENTS: Readonly<Record<string, Open>> = {
  pg: (url, plugins) => on(plugged(url, plugins)),
  async TypeORM(url, plugins) {
    // It asks for the version itself, and reads that by a regular expression.
    const extra = { Client: pluggedClient({ ...plugins, text: 'as it came' }) };
    const source = await new DataSource({ type: 'postgres', url, extra }).initialize();
    return opened(
      () => heldOpen<TypeOrmManager>((work) => source.transaction(work)),
      () => source.destroy(),
    );
  },
  Drizzle(url, plugins) {
    const pool = plugged(url, plugins);
    const db = drizzle({ client: pool });
    return opened(
      () => heldOpen<object>((work) => db.transaction(work)),
      () => pool.end(),
    );
  },
  Kysely(url, plugins) {
    const plugin: KyselyPlugin = {
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => ({
        ...result,
        rows: result.rows.map((row) => changedRow(plugins, row)) as never,
      }),
    };
    const types = { getTypeParser: (oid: number) => parserOf(plugins, oid) };
    const pool = new pg.Pool({ connectionString: url, types });
    const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }), plugins: [plugin] });
    return opened(
      () => heldOpen<Transaction<unknown>>((work) => db.transaction().execute(work)),
      () => db.destroy(),
    );
  },
  Knex(url, plugins) {
    const postProcessResponse = (result: { rows?: Rows } | undefined) =>
      result?.rows === undefined ? result : changedResult(plugins, { ...result, rows: result.rows });
    const db = knexFactory.knex({ client: 'pg', connection: url, postProcessResponse });
    return opened(
      async () => {
        const tx = await db.transaction();
        return {
          tx,
          commit: () => tx.commit().then(() => undefined),
          rollback: () => tx.rollback().then(() => undefined),
        };
      },
      () => db.destroy(),
    );
  },
  async Prisma(url, plugins) {
    const { PrismaClient } = await generatedClient();
    const $allOperations = async (call: { args: unknown; query: (args: unknown) => Promise<unknown> }) => {
      const rows = await call.query(call.args);
      return Array.isArray(rows) ? changedResult(plugins, { rows: rows as Rows }) : rows;
    };
    const adapter = new PrismaPg({ connectionString: url });
    const prisma = new PrismaClient({ adapter }).$extends({ query: { $allOperations } });
    return opened(
      () => heldOpen<object>((work) => prisma.$transaction(work, { maxWait: 60_000, timeout: 60_000 })),
      () => prisma.$disconnect(),
    );
  },
  async MikroORM(url, plugins) {
    // Kysely, on which it is, has a use for the result itself.
    const pool = plugged(url, { ...plugins, result: 'of a class of its own' });
    // MikroORM ends the pool of its dialect twice.
    const driverOptions = new PostgresDialect({ pool: poolFacade(pool) });
    const entity = new EntitySchema({ class: Thing, properties: { id: { type: 'integer', primary: true } } });
    const orm = await MikroORM.init({ dbName: 'of the pool', entities: [entity], driverOptions });
    return opened(
      () => heldOpen<EntityManager>((work) => orm.em.fork().transactional(work)),
      () => orm.close().then(() => pool.end()),
    );
  },
  Sequelize(url, plugins) {
    const dialectModule = { ...pg, Client: pluggedClient(plugins) };
    const sequelize = new Sequelize(url, { logging: false, dialectModule, query: { plain: true } });
    return opened(
      async () => {
        const tx = await sequelize.transaction();
        return { tx, commit: () => tx.commit(), rollback: () => tx.rollback() };
      },
      () => sequelize.close(),
    );
  },
  'postgres.js'(url, plugins) {
    const transform = {
      value: { from: (value: unknown) => parserOf(plugins, 25)(value) },
      row: { from: (row: object) => changedRow(plugins, row as Rows[number]) },
    };
    const sql = postgres(url, { onnotice: () => undefined, transform } as object);
    return opened(
      () => heldOpen<postgres.TransactionSql>((work) => sql.begin(work)),
      () => sql.end(),
    );
  },
  'pg-promise'(url, plugins) {
    const receive = ({ data, result }: { data: unknown[]; result?: unknown }) => {
      const rows = data.map((row) => changedRow(plugins, row as Rows[number]));
      data.splice(0, data.length, ...rows);
      if (result) (result as { rows: unknown }).rows = data;
    };
    const db = pgPromise({ noWarnings: true, receive })(url);
    return opened(
      () => heldOpen<object>((work) => db.tx(work)),
      () => db.$pool.end(),
    );
  },
  async Slonik(url, plugins) {
    const interceptor: Interceptor = {
      name: 'plugged',
      transformRow: (_context, _query, row) => changedRow(plugins, row) as never,
    };
    const typeParsers = Object.entries({ bool: 16, int4: 23, int8: 20, text: 25 }).map(([name, oid]) => ({
      name,
      parse: parserOf(plugins, oid),
    }));
    const pool = await (await slonik()).createPool(url, { interceptors: [interceptor], typeParsers });
    return opened(
      () => heldOpen<object>((work) => pool.transaction(work)),
      () => pool.end(),
    );
  },
};
