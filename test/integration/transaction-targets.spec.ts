import { alias, pgMaterializedView, pgSchema, pgView, text } from 'drizzle-orm/pg-core';
import { LockTargetError } from '../../lib/errors/lock-target.error.js';
import { PermissionError } from '../../lib/errors/permission.error.js';
import { openCore } from '../support/cores.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase({
  schema: `CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE SCHEMA billing;
    CREATE VIEW names AS SELECT name FROM users;
    CREATE VIEW billing.names AS SELECT name FROM users;
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM users;
    CREATE SEQUENCE numbers;
    CREATE INDEX users_name ON users (name)`,
  mayStay: () => true,
});

const LOCKED = `SELECT relation::regclass::text AS name FROM pg_locks WHERE mode = 'ShareLock' AND relation IS NOT NULL ORDER BY 1`;

describe('targets of table locks', () => {
  it('are views of Drizzle, in a schema or not', async () => {
    const { service } = openCore(database);
    const plain = pgView('names', { name: text() }).existing();
    const inSchema = pgSchema('billing').view('names', { name: text() }).existing();
    await service.transaction(async (tx) => {
      await expect(service.model([plain, inSchema, alias(inSchema, 'n')], { mode: 'SHARE' })).resolves.toBe(
        true,
      );
      const { rows } = await tx.query<{ name: string }>(LOCKED);
      expect(rows.map(({ name }) => name)).toEqual(['billing.names', 'names', 'users']);
    });
  });

  it.each([
    [{ table: 'counted' }, /materialized views/],
    [pgMaterializedView('counted', {}).existing(), /materialized views/],
    ['numbers', /sequences/],
    ['users_name', /indexes/],
  ])('say of %p what PostgreSQL says', async (target, detail) => {
    const { service } = openCore(database);
    await service.transaction(async (tx) => {
      const refused = service.model(target);
      await expect(refused).rejects.toThrow(LockTargetError);
      if (await saysMore()) await expect(refused).rejects.toThrow(detail);
      await expect(tx.query('SELECT 1 AS one')).resolves.toMatchObject({ rowCount: 1 });
    });
  });

  it('say that the owner of a view lacks the right, where it does', async () => {
    const owner = await database.role('owner');
    const caller = await database.role('caller');
    await database.admin.query(`CREATE VIEW foreign_names AS SELECT name FROM users;
      ALTER VIEW foreign_names OWNER TO ${owner.name}; GRANT ALL ON foreign_names, users TO ${caller.name}`);
    const { service } = openCore(database, { connection: caller.url });
    const refused = service.transaction(() => service.model('foreign_names'));
    await expect(refused).rejects.toThrow(PermissionError);
    await expect(refused).rejects.toThrow(/owner/);
    await database.admin.query('DROP VIEW foreign_names');
  });
});

/** From PostgreSQL 15 on. */
async function saysMore(): Promise<boolean> {
  const { rows } = await database.admin.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  );
  return rows[0]!.version >= 150_000;
}
