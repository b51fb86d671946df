import { jest } from '@jest/globals';
import { resolveNames } from '../../lib/inspection/names/resolve-names.js';
import { waitingSession } from '../support/blocked-sessions.js';
import { useDatabase } from '../support/database.js';
import { inspect } from '../support/inspection.js';

const db = useDatabase({
  schema: `CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE events (at date) PARTITION BY RANGE (at);
    CREATE TABLE schema_migrations (version text); CREATE TABLE ar_internal_metadata (key text);`,
});

/** The names that `find` gives the keys that a statement locks. */
async function namesAfter(sql: string, applicationName = 'pglock-test'): Promise<unknown[]> {
  const client = await db.connect({ application_name: applicationName });
  await client.query(sql);
  const { locks } = inspect(db);
  const found = await locks.find({ pids: [db.pidOf(client)], where: { type: 'ADVISORY' } });
  await client.end();
  return found.map(({ advisoryNames }) => advisoryNames);
}

describe("names of others' advisory locks", () => {
  it('are candidates at first, and certain as soon as the database confirms them', async () => {
    const lock = 'SELECT pg_advisory_lock(72707369)';
    expect(await namesAfter(lock)).toEqual([[{ name: 'prisma migrate', certain: false }]]);
    await db.admin.query('CREATE TABLE _prisma_migrations (id text)');
    expect(await namesAfter(lock)).toEqual([[{ name: 'prisma migrate', certain: true }]]);
  });

  it('are computed from what the database has', async () => {
    const { rows } = await db.admin.query<{ oid: string; crc: string }>(
      `SELECT 'orders'::regclass::oid::int8 AS oid`,
    );
    const oid = Number(rows[0]?.oid);
    expect(await namesAfter(`SELECT pg_advisory_lock(16185446, ${oid - 2 ** 31})`, 'pg_repack')).toEqual([
      [{ name: 'pg_repack on orders', certain: true }],
    ]);
    expect(
      await namesAfter(
        `SELECT pg_advisory_lock(hashtext('pg_partman partition_data_proc'), hashtext('public.events'))`,
      ),
    ).toEqual([[{ name: 'pg_partman partition_data_proc on public.events', certain: false }]]);
    expect(
      await namesAfter(
        `SELECT pg_advisory_lock(hashtext('pg_partman undo_partition_proc'), hashtext('public.events'))`,
      ),
    ).toEqual([[{ name: 'pg_partman undo_partition_proc on public.events', certain: false }]]);
    expect(await namesAfter(`SELECT pg_advisory_lock(hashtext('db-module-migration:product'))`)).toEqual([
      [{ name: 'Medusa migrations of product', certain: false }],
    ]);
  });

  it('are in the tree and among blocked locks; what the option names goes first', async () => {
    const holder = await db.connect();
    await holder.query('SELECT pg_advisory_lock(72707369), pg_advisory_lock(4711)');
    const { waiter, waiterPid, waiting } = await waitingSession(db, 'SELECT pg_advisory_lock(4711)');
    const { registered } = resolveNames([{ name: 'nightly import', key: 4711 }]);
    const { blocked } = inspect(db, { registered });
    const names = [{ name: 'nightly import', certain: true }];
    expect(await blocked.find()).toMatchObject([{ activityId: waiterPid, advisoryNames: names }]);
    expect(await blocked.tree()).toMatchObject([
      { blocked: [{ activityId: waiterPid, lock: { advisoryNames: names } }] },
    ]);
    await holder.end();
    await waiting;
    await waiter.end();
  });

  it('cost no further question where every key has a name', async () => {
    const { locks, observer } = inspect(db);
    const asked = jest.spyOn(observer, 'query');
    const client = await db.connect();
    await client.query(`SELECT pg_advisory_lock(245608543::int8 << 32 | 3125670444)`);
    await locks.find({ ids: ['hello'] });
    expect(asked).toHaveBeenCalledTimes(1);
    await client.end();
  });
});
