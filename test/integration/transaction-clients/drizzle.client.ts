import { drizzle } from 'drizzle-orm/node-postgres';
import { alias, integer, pgSchema, text } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { heldOpen, type ClientUnderTest } from './client-under-test.js';

const invoices = pgSchema('billing').table('invoices', {
  id: integer().primaryKey(),
  status: text().notNull(),
});

export const drizzleClient: ClientUnderTest = {
  name: 'Drizzle',
  async open(url) {
    const pool = new pg.Pool({ connectionString: url });
    const db = drizzle({ client: pool });
    return {
      root: db,
      models: [invoices, alias(invoices, 'i')],
      begin: () => heldOpen<object>((work) => db.transaction(work)),
      close: () => pool.end(),
    };
  },
};
