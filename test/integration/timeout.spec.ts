import { jest } from '@jest/globals';
import { Kysely, PostgresDialect, sql } from 'kysely';
import type pg from 'pg';
import { PgLockUsageError } from '../../lib/errors/pg-lock-usage.error.js';
import type { PgLockService } from '../../lib/pg-lock.service.js';
import { openCore } from '../support/cores.js';
import { barrier, useDatabase } from '../support/database.js';

const database = useDatabase({ schema: 'CREATE TABLE users (id int PRIMARY KEY)' });

interface Queryable {
  query(text: string): Promise<pg.QueryResult<Record<string, string>>>;
}

async function shown(on: Queryable): Promise<string | undefined> {
  return (await on.query('SHOW lock_timeout')).rows[0]?.['lock_timeout'];
}

const open = (config: pg.PoolConfig = {}): PgLockService =>
  openCore(database, { connection: { connectionString: database.url, ...config } }).service;

describe('pglock.timeout on the flow', () => {
  it('holds for every session that the flow takes, and for no other', async () => {
    const pglock = open({ max: 2 });
    await pglock.timeout('3s', async () => {
      await expect(shown(pglock.pool)).resolves.toBe('3s');
      const [a, b] = [await pglock.pool.connect(), await pglock.pool.connect()];
      await expect(Promise.all([shown(a), shown(b)])).resolves.toEqual(['3s', '3s']);
      a.release();
      b.release();
    });
    await expect(shown(pglock.pool)).resolves.toBe('0');
  });

  it('nests, and gives back the value around it, not the default', async () => {
    const pglock = open({ max: 1 });
    await pglock.timeout('3s', async () => {
      await pglock.timeout(500, async () => {
        await pglock.timeout(null, () => expect(shown(pglock.pool)).resolves.toBe('0'));
        await expect(shown(pglock.pool)).resolves.toBe('500ms');
      });
      await expect(shown(pglock.pool)).resolves.toBe('3s');
      const failing = pglock.timeout('1s', () => pglock.pool.query('SELECT 1 / 0'));
      await expect(failing).rejects.toThrow('division by zero');
      await expect(shown(pglock.pool)).resolves.toBe('3s');
    });
    await expect(shown(pglock.pool)).resolves.toBe('0');
  });

  it('gives a value back that the user had SET on the session', async () => {
    const pglock = open({ max: 1 });
    await pglock.pool.query(`SET lock_timeout = '7s'`);
    await pglock.timeout('3s', async () => {
      await expect(shown(pglock.pool)).resolves.toBe('3s');
      await pglock.pool.query(`SET lock_timeout = '9s'`);
      await expect(shown(pglock.pool)).resolves.toBe('9s');
      await pglock.timeout('1s', () => expect(shown(pglock.pool)).resolves.toBe('1s'));
    });
    await expect(shown(pglock.pool)).resolves.toBe('7s');
  });

  it('hides a SET of one flow from another with the same timeout', async () => {
    const pglock = open({ max: 1 });
    await pglock.timeout('3s', () => pglock.pool.query(`SET lock_timeout = '9s'`));
    await pglock.timeout('3s', () => expect(shown(pglock.pool)).resolves.toBe('3s'));
  });

  it.each([1, 5])('keeps 200 flows apart over a pool of %i', async (max) => {
    const pglock = open({ max });
    const start = barrier(200);
    const flow = async (number: number) => {
      await start.arrive();
      const own = number % 10 === 0 ? undefined : number + 10;
      const expected = own === undefined ? '0' : `${own}ms`;
      const look = async () => {
        for (let round = 0; round < 3; round += 1) {
          expect(await shown(pglock.pool)).toBe(expected);
          await pglock.timeout(number + 1_001, async () => {
            const inner = (
              await pglock.pool.query<{ setting: string }>(
                `SELECT setting FROM pg_settings WHERE name = 'lock_timeout'`,
              )
            ).rows[0]!;
            expect(inner.setting).toBe(String(number + 1_001));
          });
        }
      };
      await (own === undefined ? look() : pglock.timeout(own, look));
    };
    await Promise.all(Array.from({ length: 200 }, (_, number) => flow(number)));
    const all = await Promise.all(Array.from({ length: max }, () => pglock.pool.connect()));
    await expect(Promise.all(all.map(shown))).resolves.toEqual(all.map(() => '0'));
    const sources = await Promise.all(
      all.map((client) => client.query(`SELECT source FROM pg_settings WHERE name = 'lock_timeout'`)),
    );
    expect(sources.map(({ rows }) => rows[0] as unknown)).toEqual(all.map(() => ({ source: 'default' })));
    for (const client of all) client.release();
  });

  it('costs one message where the session changes flows, and none where it does not', async () => {
    const pglock = open({ max: 1 });
    const client = await pglock.pool.connect();
    const query = jest.spyOn(client, 'query');
    client.release();
    await pglock.pool.query('SELECT 1');
    expect(query).toHaveBeenCalledTimes(1);
    await pglock.timeout('3s', async () => {
      await pglock.pool.query('SELECT 1');
      await pglock.pool.query('SELECT 1');
    });
    expect(query).toHaveBeenCalledTimes(4);
    await pglock.pool.query('SELECT 1');
    expect(query).toHaveBeenCalledTimes(6);
  });

  it('ends a statement that waits too long with SQLSTATE 55P03', async () => {
    const pglock = open();
    const holder = await database.connect();
    await holder.query('BEGIN; LOCK TABLE users');
    const waiting = pglock.timeout('30ms', () => pglock.pool.query('SELECT FROM users'));
    await expect(waiting).rejects.toMatchObject({ code: '55P03' });
  });

  it('is the wait of locks that say nothing of their own', async () => {
    const pglock = open();
    const holder = await database.connect();
    await holder.query('BEGIN; LOCK TABLE users; SELECT pg_advisory_xact_lock(1)');
    const foreign = await database.connect();
    await foreign.query('BEGIN');
    await pglock.timeout('300ms', async () => {
      await expect(pglock.acquire(1)).resolves.toBeNull();
      await expect(pglock.model('users', { transaction: foreign })).resolves.toBe(false);
      await expect(pglock.acquire(1, { transaction: foreign })).resolves.toBeNull();
      await pglock.transaction(() => expect(pglock.model('users')).resolves.toBe(false));
    });
    await foreign.query(`SET LOCAL lock_timeout = '1ms'`);
    await pglock.timeout('2min', async () => {
      const startedAt = performance.now();
      await expect(pglock.acquire(1, { transaction: foreign })).resolves.toBeNull();
      expect(performance.now() - startedAt).toBeLessThan(60_000);
    });
    await expect(shown(foreign)).resolves.toBe('1ms');
  });

  it('begins a transaction with it, and leaves nothing in the session', async () => {
    const pglock = open({ max: 1 });
    await pglock.timeout('3s', async () => {
      await pglock.transaction((tx) => expect(shown(tx)).resolves.toBe('3s'));
      await pglock.transaction(async (tx) => {
        await pglock.timeout('1s', () => expect(shown(tx)).resolves.toBe('1s'));
        await expect(shown(tx)).resolves.toBe('3s');
      });
    });
    const client = await pglock.pool.connect();
    await expect(shown(client)).resolves.toBe('0');
    client.release();
  });

  it('holds in an ambient transaction that was open before', async () => {
    const pglock = open({ max: 1 });
    await pglock.transaction(async (tx) => {
      await pglock.timeout('1s', () => expect(shown(tx)).resolves.toBe('1s'));
      await expect(shown(tx)).resolves.toBe('0');
    });
  });

  it.each([0, -1, Number.NaN, 'soon', '-1s', 0.5, undefined])(
    'refuses %p before the work begins',
    async (duration) => {
      const work = jest.fn();
      await expect(open().timeout(duration as number, work)).rejects.toThrow(PgLockUsageError);
      expect(work).not.toHaveBeenCalled();
    },
  );

  it('is kept apart by database', async () => {
    const [first, second] = [open(), open()];
    await first.timeout('3s', () => expect(shown(second.pool)).resolves.toBe('0'));
  });
});

describe('pglock.timeout on a given transaction', () => {
  async function transaction(): Promise<pg.Client> {
    const client = await database.connect();
    await client.query('BEGIN');
    return client;
  }

  it('gives the former value back through a failing transaction that is rolled back', async () => {
    const pglock = open();
    const tx = await transaction();
    await tx.query(`SET lock_timeout = '7s'; COMMIT; BEGIN`);
    const failing = pglock.timeout('3s', { transaction: tx }, () =>
      pglock.timeout('1s', { transaction: tx }, () => tx.query('SELECT 1 / 0')),
    );
    await expect(failing).rejects.toThrow('division by zero');
    await tx.query('ROLLBACK');
    await expect(shown(tx)).resolves.toBe('7s');
  });

  it('gives the former value back where only a savepoint fails', async () => {
    const pglock = open();
    const tx = await transaction();
    await tx.query(`SET LOCAL lock_timeout = '7s'`);
    await tx.query('SAVEPOINT mine');
    const failing = pglock.timeout('3s', { transaction: tx }, () => tx.query('SELECT 1 / 0'));
    await expect(failing).rejects.toThrow('division by zero');
    await tx.query('ROLLBACK TO SAVEPOINT mine');
    await expect(shown(tx)).resolves.toBe('7s');
  });

  it('is back where savepoints come and go within the work', async () => {
    const pglock = open();
    const tx = await transaction();
    await tx.query(`SET LOCAL lock_timeout = '7s'; SAVEPOINT before`);
    await pglock.timeout('3s', { transaction: tx }, async () => {
      await tx.query('SAVEPOINT within');
      await pglock.timeout('1s', { transaction: tx }, () => tx.query('ROLLBACK TO SAVEPOINT within'));
      await expect(shown(tx)).resolves.toBe('3s');
    });
    await expect(shown(tx)).resolves.toBe('7s');
    await pglock.timeout('3s', { transaction: tx }, () => tx.query('ROLLBACK TO SAVEPOINT before'));
    await expect(shown(tx)).resolves.toBe('7s');
  });

  it('is back after a later rollback to a savepoint that began within the work', async () => {
    const pglock = open();
    const tx = await transaction();
    await tx.query(`SET LOCAL lock_timeout = '7s'; SAVEPOINT before`);
    await pglock.timeout('3s', { transaction: tx }, async () => {
      await tx.query('SAVEPOINT around');
      await pglock.timeout('1s', { transaction: tx }, () => tx.query('SAVEPOINT "in ner"'));
    });
    for (const savepoint of ['"in ner"', '"in ner"', 'around', 'before', 'before']) {
      await tx.query(`ROLLBACK TO SAVEPOINT ${savepoint}`);
      await expect(shown(tx)).resolves.toBe('7s');
    }
  });

  it('is back after the rollback of a savepoint within the work, where the work failed in it', async () => {
    const pglock = open();
    const tx = await transaction();
    await tx.query(`SET LOCAL lock_timeout = '7s'`);
    const failing = pglock.timeout('3s', { transaction: tx }, async () => {
      await tx.query('SAVEPOINT within');
      await tx.query('SELECT 1 / 0');
    });
    await expect(failing).rejects.toThrow('division by zero');
    await tx.query('ROLLBACK TO SAVEPOINT within');
    await expect(shown(tx)).resolves.toBe('7s');
    await tx.query('COMMIT');
    await expect(shown(tx)).resolves.toBe('0');
  });

  it('is back also on the pool of the module, through a client that does not show its own', async () => {
    const pglock = open();
    const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: pglock.pool }) });
    await db.transaction().execute(async (trx) => {
      const run = (text: string) => sql.raw(text).execute(trx);
      await run(`SET LOCAL lock_timeout = '7s'`);
      await pglock.timeout('3s', { transaction: trx }, () => run('SAVEPOINT within'));
      await run('ROLLBACK TO SAVEPOINT within');
      await expect(run('SHOW lock_timeout')).resolves.toMatchObject({ rows: [{ lock_timeout: '7s' }] });
    });
    await db.destroy();
  });

  it('gives the former value back after a SET of the user in between', async () => {
    const pglock = open();
    const tx = await transaction();
    await pglock.timeout('3s', { transaction: tx }, () => tx.query(`SET LOCAL lock_timeout = '9s'`));
    await expect(shown(tx)).resolves.toBe('0');
  });

  it('does not mind a transaction that the work itself commits', async () => {
    const pglock = open();
    const tx = await transaction();
    await pglock.timeout('3s', { transaction: tx }, () => tx.query('COMMIT'));
    await expect(shown(tx)).resolves.toBe('0');
  });
});
