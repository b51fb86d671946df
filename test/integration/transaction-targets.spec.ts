import { alias, pgMaterializedView, pgSchema, pgView, text } from 'drizzle-orm/pg-core';
import { DataSource, Entity, PrimaryColumn } from 'typeorm';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js';
import { LockTargetError } from '../../lib/errors/lock-target.error.js';
import { PermissionError } from '../../lib/errors/permission.error.js';
import type { LockMode } from '../../lib/vocabulary/lock-mode.js';
import { openCore } from '../support/cores.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase({
  schema: `CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE SCHEMA billing;
    CREATE VIEW names AS SELECT name FROM users;
    CREATE VIEW billing.names AS SELECT name FROM users;
    CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM users;
    CREATE TABLE shop_thing (id int PRIMARY KEY);
    CREATE TABLE billing.thing (id int PRIMARY KEY);
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

  it('are an entity in each of several data sources, and ambiguous outside of their transactions', async () => {
    @Entity()
    class Thing {
      @PrimaryColumn('int')
      id!: number;
    }
    const source = async (options: Partial<PostgresDataSourceOptions>) => {
      const opened = new DataSource({ type: 'postgres', url: database.url, entities: [Thing], ...options });
      return opened.initialize();
    };
    const shop = await source({ entityPrefix: 'shop_' });
    const reporting = await source({ schema: 'billing' });
    const { service } = openCore(database);
    const lockIn = (where: DataSource) =>
      where.transaction(async (manager) => {
        await expect(service.model(Thing, { transaction: manager, mode: 'SHARE' })).resolves.toBe(true);
        return (await manager.query<{ name: string }[]>(LOCKED)).map(({ name }) => name);
      });
    await expect(lockIn(shop)).resolves.toEqual(['shop_thing']);
    const locked = service.transaction(async (tx) => {
      await service.model(Thing, { mode: 'SHARE' });
      return (await tx.query<{ name: string }>(LOCKED)).rows;
    });
    await expect(locked).resolves.toEqual([{ name: 'shop_thing' }]);
    await expect(lockIn(reporting)).resolves.toEqual(['billing.thing']);
    await expect(lockIn(shop)).resolves.toEqual(['shop_thing']);
    const ambiguous = service.transaction(() => service.model(Thing));
    await expect(ambiguous).rejects.toThrow(LockTargetError);
    await expect(ambiguous).rejects.toThrow(/"shop_thing" and "billing"."thing"/);
    await Promise.all([shop.destroy(), reporting.destroy()]);
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
    await expect(refused).rejects.toThrow(/GRANT UPDATE, DELETE or TRUNCATE .* on users to the owner/);
    await database.admin.query('DROP VIEW foreign_names');
  });

  it('say so of a view that has the name of its table within its own', async () => {
    const owner = await database.role('keeper');
    const caller = await database.role('guest');
    await database.admin.query(`CREATE VIEW users_view AS SELECT name FROM users;
      ALTER VIEW users_view OWNER TO ${owner.name}; GRANT ALL ON users_view, users TO ${caller.name}`);
    const { service } = openCore(database, { connection: caller.url });
    await expect(service.transaction(() => service.model('users_view'))).rejects.toThrow(/owner/);
    await database.admin.query('DROP VIEW users_view');
  });

  it('say which right the role lacks, by mode, and nothing of an owner', async () => {
    const caller = await database.role('reader');
    await database.admin.query(`GRANT SELECT ON users TO ${caller.name}`);
    const { service } = openCore(database, { connection: caller.url });
    const lock = (target: string, mode: LockMode) =>
      service.transaction(() => service.model(target, { mode }));
    await expect(lock('users', 'ACCESS SHARE')).resolves.toBe(true);
    const message = async (target: string, mode: LockMode) => {
      const error: unknown = await lock(target, mode).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(PermissionError);
      return (error as Error).message;
    };
    expect(await message('users', 'ROW EXCLUSIVE')).toBe(
      'Could not lock table "users": permission denied for table users. The connected role needs INSERT or UPDATE on it; GRANT that to the role.',
    );
    expect(await message('users', 'SHARE')).toMatch(/needs UPDATE, DELETE or TRUNCATE .*MAINTAIN/);
    expect(await message('billing.names', 'SHARE')).toMatch(
      /permission denied for schema billing\..* USAGE on the schema/,
    );
    if ((await version()) >= 170_000) {
      await database.admin.query(`GRANT MAINTAIN ON users TO ${caller.name}`);
      await expect(lock('users', 'ACCESS EXCLUSIVE')).resolves.toBe(true);
    }
    await database.admin.query(`REVOKE ALL ON users FROM ${caller.name}`);
  });

  it('say of what does not exist where it was looked for', async () => {
    const { service } = openCore(database);
    await expect(service.transaction(() => service.model('nosuch'))).rejects.toThrow(
      'Could not lock table "nosuch": relation "nosuch" does not exist. Check the name; one without a schema is looked up in the `search_path` of the session.',
    );
  });
});

/** From PostgreSQL 15 on. */
const saysMore = async () => (await version()) >= 150_000;

async function version(): Promise<number> {
  const { rows } = await database.admin.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  );
  return rows[0]!.version;
}
