import pg from 'pg';
import { DataSource } from 'typeorm';
import { Sequelize } from 'sequelize';
import { DeadlockError } from '../../lib/errors/deadlock.error.js';
import { advisoryLocks, openCore } from '../support/cores.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase({ schema: 'CREATE TABLE users (id int PRIMARY KEY)', mayStay: () => true });

describe('a wait that the client gives up by query_timeout', () => {
  it.each(['advisory lock', 'table'])(
    'is over in the server, and leaves the transaction usable: %s',
    async (what) => {
      const holder = await database.connect();
      await holder.query('BEGIN; LOCK TABLE users; SELECT pg_advisory_xact_lock(9)');
      const pool = new pg.Pool({ connectionString: database.url, max: 1, query_timeout: 300 });
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
      extra: { query_timeout: 300, max: 1 },
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
