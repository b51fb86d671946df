import { start } from '../../support/blocked-sessions.js';
import type { TestDatabase } from '../../support/database.js';

export const INCIDENT_SCHEMA = `
  CREATE TABLE orders (id int PRIMARY KEY, note text);
  INSERT INTO orders SELECT i, '' FROM generate_series(1, 20) i;`;

/** The incident of `pglock tree`'s example: a forgotten console, a migration behind it, and the whole shop behind that. */
export interface Incident {
  readonly consolePid: number;
  readonly migrationPid: number;
  readonly shopPids: readonly number[];
  /** All statements that wait; resolves when the way is clear. */
  readonly over: Promise<unknown>;
  /** Lets everybody through by itself. */
  end(): Promise<void>;
}

export async function incident(db: TestDatabase, shoppers = 5): Promise<Incident> {
  const console_ = await db.connect({ application_name: 'psql' });
  await console_.query('BEGIN');
  await console_.query('SELECT count(*) FROM orders');
  const migration = await db.connect({ application_name: 'migrate' });
  const altered = start(migration, 'ALTER TABLE orders ADD COLUMN IF NOT EXISTS paid_at timestamptz');
  await db.waitForWaiter(db.pidOf(migration));
  const shop = await Promise.all(
    Array.from({ length: shoppers }, (_, index) =>
      db.connect({ application_name: `shop-api;route=GET /orders/${String(index + 1)}` }),
    ),
  );
  const read = shop.map((client, index) =>
    start(client, `SELECT * FROM orders WHERE id = ${String(index + 1)} /*route='%2Forders%2F%3Aid'*/`),
  );
  for (const client of shop) await db.waitForWaiter(db.pidOf(client));
  return {
    consolePid: db.pidOf(console_),
    migrationPid: db.pidOf(migration),
    shopPids: shop.map((client) => db.pidOf(client)),
    over: Promise.all([altered, ...read]),
    end: async () => {
      await console_.query('ROLLBACK').catch(() => undefined);
    },
  };
}
