import { drizzle } from 'drizzle-orm/postgres-js';
import { integer, pgSchema } from 'drizzle-orm/pg-core';
import { Kysely, type Transaction } from 'kysely';
import { PostgresJSDialect } from 'kysely-postgres-js';
import postgres from 'postgres';
import { heldOpen, type ClientUnderTest } from './client-under-test.js';

const invoices = pgSchema('billing').table('invoices', { id: integer().primaryKey() });

/** What applications have postgres.js do with all that comes back. */
const TRANSFORM = {
  ...postgres.camel,
  value: { from: (value: unknown) => (typeof value === 'string' ? value.toUpperCase() : value) },
  row: { from: (row: object) => ({ wrapped: row }) },
};

function postgresJs(name: string, options: object): ClientUnderTest {
  return {
    name,
    async open(url) {
      const sql = postgres(url, { onnotice: () => undefined, ...options });
      return {
        root: sql,
        models: [],
        begin: () => heldOpen<postgres.TransactionSql>((work) => sql.begin(work)),
        close: () => sql.end(),
      };
    },
  };
}

export const postgresJsClient = postgresJs('postgres.js', {});
export const postgresJsTransformed = postgresJs('postgres.js with transform', { transform: TRANSFORM });

export const postgresJsReserved: ClientUnderTest = {
  name: 'postgres.js, reserved',
  async open(url) {
    const sql = postgres(url, { onnotice: () => undefined });
    return {
      root: sql,
      models: [],
      async begin() {
        const reserved = await sql.reserve();
        await reserved.unsafe('BEGIN');
        const end = async (how: string) => {
          await reserved.unsafe(how);
          reserved.release();
        };
        return { tx: reserved, commit: () => end('COMMIT'), rollback: () => end('ROLLBACK') };
      },
      close: () => sql.end(),
    };
  },
};

export const drizzleOnPostgresJs: ClientUnderTest = {
  name: 'Drizzle on postgres.js',
  async open(url) {
    const sql = postgres(url, { onnotice: () => undefined });
    const db = drizzle({ client: sql });
    return {
      root: db,
      models: [invoices],
      begin: () => heldOpen<object>((work) => db.transaction(work)),
      close: () => sql.end(),
    };
  },
};

export const kyselyOnPostgresJs: ClientUnderTest = {
  name: 'Kysely on postgres.js',
  async open(url) {
    const sql = postgres(url, { onnotice: () => undefined });
    const db = new Kysely<unknown>({ dialect: new PostgresJSDialect({ postgres: sql }) });
    return {
      root: db,
      models: [],
      begin: () => heldOpen<Transaction<unknown>>((work) => db.transaction().execute(work)),
      close: () => db.destroy(),
    };
  },
};
