import { drizzle } from 'drizzle-orm/node-postgres';
import { alias, integer, pgSchema, text } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { heldOpen, type ClientUnderTest, type OpenClient, type SharingClient } from './client-under-test.js';

const invoices = pgSchema('billing').table('invoices', {
  id: integer().primaryKey(),
  status: text().notNull(),
});

function on(pool: pg.Pool): OpenClient {
  const db = drizzle({ client: pool });
  return {
    root: db,
    models: [invoices, alias(invoices, 'i')],
    begin: () => heldOpen<object>((work) => db.transaction(work)),
    close: () => pool.end(),
  };
}

export const drizzleClient: ClientUnderTest = {
  name: 'Drizzle',
  open: async (url) => on(new pg.Pool({ connectionString: url })),
};
export const drizzleSharing: SharingClient = { name: 'Drizzle', open: ({ pool }) => on(pool) };
