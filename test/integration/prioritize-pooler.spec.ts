import { PoolerError } from '../../lib/errors/pooler.error.js';
import type { PgLockService } from '../../lib/pg-lock.service.js';
import { openCore } from '../support/cores.js';
import { useDatabase } from '../support/database.js';
import { describeBehindPgBouncer, startPgBouncer } from '../support/pgbouncer.js';

const FAST = { interval: '20ms' } as const;

describeBehindPgBouncer('prioritize behind PgBouncer in transaction mode', throughPgBouncer);

function throughPgBouncer(): void {
  /** PgBouncer keeps its connections from test to test. */
  const database = useDatabase({
    schema: 'CREATE TABLE users AS SELECT 1 AS id',
    mayStay: () => true,
  });
  let url: string;

  beforeAll(async () => {
    ({ url } = await startPgBouncer(database, 3));
  });

  const open = (): PgLockService =>
    openCore(database, { connection: url, sessions: { directConnection: database.url } }).service;

  /** A session that holds the table in an open transaction. */
  async function blocker(lock = 'LOCK TABLE users') {
    const client = await database.connect({ application_name: 'blocker' });
    await client.query(`BEGIN; ${lock}`);
    return () =>
      client.query('SELECT 1').then(
        () => 'alive',
        () => 'ended',
      );
  }

  it.each(['BEGIN', '/* app */ START TRANSACTION ISOLATION LEVEL READ COMMITTED;'])(
    'clears the way for transactions of a client of the pool, begun with %s',
    async (begin) => {
      const pglock = open();
      const state = await blocker();
      const rows = await pglock.prioritize(FAST, async () => {
        const client = await pglock.pool.connect();
        try {
          await client.query(begin);
          const answer = await client.query('SELECT * FROM users');
          await client.query('COMMIT');
          return answer.rows as unknown[];
        } finally {
          client.release();
        }
      });
      expect(rows).toEqual([{ id: 1 }]);
      expect(await state()).toBe('ended');
    },
  );

  it('knows the backend also where nobody waits for BEGIN, or callbacks tell', async () => {
    const pglock = open();
    const state = await blocker();
    await pglock.prioritize(FAST, async () => {
      const client = await pglock.pool.connect();
      try {
        client.query('BEGIN', () => undefined);
        await client.query('SELECT * FROM users');
        await client.query('COMMIT');
      } finally {
        client.release();
      }
    });
    expect(await state()).toBe('ended');
  });

  it('clears the way for transactions of its own, one after the other', async () => {
    const pglock = open();
    for (let round = 0; round < 3; round++) {
      const state = await blocker();
      await pglock.prioritize(FAST, () => pglock.transaction((tx) => tx.query('SELECT * FROM users')));
      expect(await state()).toBe('ended');
    }
  });

  it('clears the way for a transaction-level advisory lock', async () => {
    const pglock = open();
    const state = await blocker('SELECT pg_advisory_lock(77)');
    await expect(
      pglock.prioritize(FAST, () => pglock.advisory(77n, { xact: true }, () => 'done')),
    ).resolves.toBe('done');
    expect(await state()).toBe('ended');
  });

  it('refuses a statement outside of a transaction before it is sent', async () => {
    const pglock = open();
    const work = () => pglock.pool.query('INSERT INTO users VALUES (2)');
    await expect(pglock.prioritize(FAST, work)).rejects.toThrow(PoolerError);
    const { rows } = await database.admin.query('SELECT FROM users WHERE id = 2');
    expect(rows).toHaveLength(0);
    await expect(pglock.pool.query('SELECT 1 AS one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
  });

  it('leaves the client usable, and spares whoever has the backend afterwards', async () => {
    const pglock = open();
    await pglock.prioritize(FAST, () => pglock.transaction((tx) => tx.query('SELECT 1')));
    const client = await pglock.pool.connect();
    await expect(client.query('SELECT 1 AS one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
    client.release();
  });
}
