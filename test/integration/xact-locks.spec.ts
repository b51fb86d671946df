import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import pg from 'pg';
import { LockLostError } from '../../lib/errors/lock-lost.error.js';
import { LockNotAvailableError } from '../../lib/errors/lock-not-available.error.js';
import { DeadlockError } from '../../lib/errors/deadlock.error.js';
import type { TransactionRow } from '../../lib/transaction/transaction-adapter.js';
import { PgLockUsageError } from '../../lib/errors/pg-lock-usage.error.js';
import { TransactionStateError } from '../../lib/errors/transaction-state.error.js';
import type { TransactionLockHandle } from '../../lib/locks/xact-lock-handle.js';
import type { PgLockService } from '../../lib/pg-lock.service.js';
import { registerTransactionAdapter } from '../../lib/transaction/transaction-adapters.js';
import { advisoryLocks, openCore } from '../support/cores.js';
import { deferred, eventually, quickest, useDatabase } from '../support/database.js';

const database = useDatabase({ schema: 'CREATE TABLE users (id int PRIMARY KEY)' });

const countUsers = async () => (await database.admin.query('SELECT FROM users')).rowCount;

const STATEMENTS = [
  ...[
    'SAVEPOINT a',
    'savepoint B',
    'SAVEPOINT "b"',
    'SELECT 1',
    'SELECT 1 / 0',
    'RELEASE b',
    'RELEASE SAVEPOINT a',
  ],
  ...[
    'ROLLBACK TO a',
    'ROLLBACK WORK TO SAVEPOINT b',
    'COMMIT AND CHAIN',
    'ROLLBACK AND CHAIN',
    "SELECT 'COMMIT'",
  ],
  ...['SAVEPOINT c; SAVEPOINT a; RELEASE c', '/* COMMIT */ ROLLBACK TO /* SAVEPOINT */ a; SELECT 1'],
];

/** A few statements and locks of a transaction, at random. @returns the locks, and what was done. */
async function strolled(service: PgLockService, tx: pg.Client, random: () => number) {
  const locks: TransactionLockHandle[] = [];
  const trail: string[] = [];
  for (let step = 0; step < 12; step += 1) {
    const text = STATEMENTS[Math.floor(random() * STATEMENTS.length)] as string;
    const name = text.includes(';') ? undefined : `named ${text}`;
    const what = random() < 0.3 ? 'lock' : text;
    trail.push(what);
    if (what === 'lock') {
      const lock = await service
        .acquire(`l${locks.length}`, { transaction: tx, timeout: 0 })
        .catch(() => null);
      if (lock !== null) locks.push(lock);
    } else await tx.query(random() < 0.5 ? { text } : { text, name }).catch(() => undefined);
  }
  await tx.query('SELECT 1').catch(() => undefined);
  return [locks, trail] as const;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

afterEach(() => database.admin.query('TRUNCATE users'));

describe('while no connection of the pool is free', () => {
  const exhausted = async () => {
    const { service } = openCore(database, { connection: { connectionString: database.url, max: 1 } });
    const taken = await service.pool.connect();
    return { service, taken };
  };

  it('a timeout counts from the call: it throws, or skips, and gives back what comes too late', async () => {
    const { service, taken } = await exhausted();
    const ask = (options: object) => service.advisory('a', { xact: true, timeout: 50, ...options }, () => 1);
    await expect(ask({})).rejects.toThrow(LockNotAvailableError);
    await expect(ask({})).rejects.toThrow('no connection of the pool was free');
    await expect(ask({ onContention: 'skip' })).resolves.toBeUndefined();
    await expect(service.timeout(50, () => ask({ timeout: undefined }))).rejects.toThrow(
      LockNotAvailableError,
    );
    taken.release();
    await expect(ask({ timeout: '20s' })).resolves.toBe(1);
    expect(service.pool.waitingCount).toBe(0);
  });

  it('a signal stops the wait with its reason, and leaves no listener behind', async () => {
    const { service, taken } = await exhausted();
    const controller = new AbortController();
    const asking = service.advisory('a', { xact: true, signal: controller.signal }, () => 1);
    await eventually(() => service.pool.waitingCount === 1);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(asking).rejects.toBe(reason);
    taken.release();
    await expect(service.advisory('a', { xact: true }, () => 1)).resolves.toBe(1);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('timeout: 0 waits for the connection with which it tries', async () => {
    const { service, taken } = await exhausted();
    const asking = service.advisory('a', { xact: true, timeout: 0 }, () => 1);
    await eventually(() => service.pool.waitingCount === 1);
    taken.release();
    await expect(asking).resolves.toBe(1);
  });
});

describe('pglock.transaction', () => {
  it('commits when the work succeeds, and gives its result', async () => {
    const { service } = openCore(database);
    const result = await service.transaction(async (tx) => {
      await tx.query('INSERT INTO users VALUES (1)');
      return 42;
    });
    expect(result).toBe(42);
    await expect(countUsers()).resolves.toBe(1);
  });

  it('begins no more after the shutdown, be the pool lent or not', async () => {
    const pool = new pg.Pool({ connectionString: database.url });
    database.defer(() => pool.end());
    for (const core of [openCore(database), openCore(database, { connection: undefined, pool })]) {
      await core.close();
      await expect(core.service.transaction(() => 1)).rejects.toThrow(PgLockUsageError);
      await expect(core.service.advisory('x', { xact: true }, () => 1)).rejects.toThrow('shut down');
    }
  });

  it('says that the session died, and that nothing was written, instead of sending COMMIT', async () => {
    const { service } = openCore(database);
    const dying = service.transaction(async (tx) => {
      const died = new Promise((resolve) => tx.once('end', resolve));
      const { rows } = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await database.admin.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      await died;
    });
    await expect(dying).rejects.toThrow(TransactionStateError);
    await expect(dying).rejects.toMatchObject({ code: '25P01', cause: { code: '57P01' } });
  });

  it('rolls back when the work throws, and throws the same', async () => {
    const { service } = openCore(database);
    const error = new Error('no');
    const failing = service.transaction(async (tx) => {
      await tx.query('INSERT INTO users VALUES (1)');
      throw error;
    });
    await expect(failing).rejects.toBe(error);
    await expect(countUsers()).resolves.toBe(0);
  });

  it('says so when the server rolled back because an error was swallowed', async () => {
    const { service } = openCore(database);
    const swallowing = service.transaction(async (tx) => {
      await tx.query('INSERT INTO users VALUES (1)');
      await tx.query('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(swallowing).rejects.toThrow(TransactionStateError);
    await expect(countUsers()).resolves.toBe(0);
  });

  it('begins as asked for', async () => {
    const { service } = openCore(database);
    const read = (name: string) => async (tx: pg.PoolClient) =>
      (await tx.query<Record<string, string>>(`SHOW ${name}`)).rows[0]?.[name];
    await expect(
      service.transaction(read('transaction_isolation'), { isolation: 'SERIALIZABLE' }),
    ).resolves.toBe('serializable');
    await expect(service.transaction(read('transaction_read_only'), { readOnly: true })).resolves.toBe('on');
    await expect(service.transaction(read('transaction_read_only'))).resolves.toBe('off');
    const wrong = { isolation: 'CHAOS; DROP TABLE users' as 'SERIALIZABLE' };
    await expect(service.transaction(() => 1, wrong)).rejects.toThrow(PgLockUsageError);
  });

  it('is found by model and acquire within it, and by nobody else', async () => {
    const { service } = openCore(database);
    await service.transaction(async (tx) => {
      await expect(service.model('users', { mode: 'SHARE' })).resolves.toBe(true);
      const lock = await service.acquire('in', { xact: true });
      expect(lock?.pid).toBe(database.pidOf(tx));
      expect(service.isHeld('in')).toBe(true);
      service.assertHeld('in');
    });
    expect(service.isHeld('in')).toBe(false);
    await expect(service.model('users')).rejects.toThrow(TransactionStateError);
    await expect(service.acquire('in', { xact: true })).rejects.toThrow(TransactionStateError);
  });

  it('does not nest', async () => {
    const { service } = openCore(database);
    await service.transaction(async () => {
      await expect(service.transaction(() => 1)).rejects.toThrow(TransactionStateError);
      await expect(service.advisory('x', { xact: true }, () => 1)).rejects.toThrow(TransactionStateError);
    });
  });

  it('belongs to one database: that of another module is not found', async () => {
    const [first, second] = [openCore(database), openCore(database)];
    await first.service.transaction(async () => {
      await expect(second.service.model('users')).rejects.toThrow(TransactionStateError);
      await expect(second.service.transaction(() => 'nested')).resolves.toBe('nested');
    });
  });

  it('refuses a flow that has outlived it', async () => {
    const { service } = openCore(database);
    const over = deferred();
    let straggler: Promise<unknown> = Promise.resolve();
    await service.transaction(() => {
      straggler = over.promise.then(() => service.model('users'));
    });
    over.resolve();
    await expect(straggler).rejects.toThrow(TransactionStateError);
  });

  it('survives the death of its session, and the pool goes on', async () => {
    const { service } = openCore(database);
    const dying = service.transaction(async (tx) => {
      await database.admin.query('SELECT pg_terminate_backend($1)', [database.pidOf(tx)]);
      await eventually(() =>
        tx.query('SELECT 1').then(
          () => false,
          () => true,
        ),
      );
      await tx.query('SELECT 1');
    });
    await expect(dying).rejects.toThrow(/terminat|not queryable|ECONNRESET/i);
    await expect(service.transaction(() => 'next')).resolves.toBe('next');
  });
});

describe('advisory with { xact: true }', () => {
  it('opens the transaction, runs the work in it, and releases with the commit', async () => {
    const { service } = openCore(database);
    const result = await service.advisory('invoice:7', { xact: true }, async (lock) => {
      await lock.client.query('INSERT INTO users VALUES (1)');
      await expect(advisoryLocks(database)).resolves.toHaveLength(1);
      expect(service.isHeld('invoice:7')).toBe(true);
      await expect(service.model('users')).resolves.toBe(true);
      return lock.held;
    });
    expect(result).toBe(true);
    await expect(countUsers()).resolves.toBe(1);
    await expect(advisoryLocks(database)).resolves.toEqual([]);
  });

  it('releases with the rollback when the work throws', async () => {
    const { service } = openCore(database);
    const failing = service.advisory('x', { xact: true }, async (lock) => {
      await lock.client.query('INSERT INTO users VALUES (1)');
      throw new Error('work');
    });
    await expect(failing).rejects.toThrow('work');
    await expect(advisoryLocks(database)).resolves.toEqual([]);
    await expect(countUsers()).resolves.toBe(0);
  });

  it('throws on contention, or skips the work when told so', async () => {
    const [first, second] = [openCore(database).service, openCore(database).service];
    await first.advisory('x', { xact: true }, async () => {
      const work = jest.fn();
      const thrown = second.advisory('x', { xact: true, timeout: '20ms' }, work);
      await expect(thrown).rejects.toThrow(LockNotAvailableError);
      const skipped = second.advisory('x', { xact: true, timeout: 0, onContention: 'skip' }, work);
      await expect(skipped).resolves.toBeUndefined();
      expect(work).not.toHaveBeenCalled();
    });
  });

  it('takes the defaults of the module', async () => {
    const { service } = openCore(database, { advisory: { timeout: 0, onContention: 'skip' } });
    const holder = await database.connect();
    await holder.query('SELECT pg_advisory_lock(5)');
    await expect(service.advisory(5, { xact: true }, () => 1)).resolves.toBeUndefined();
  });

  it('ends a handle with its transaction', async () => {
    const { service } = openCore(database);
    const lock = await service.advisory('x', { xact: true }, (held) => held);
    expect(lock.held).toBe(false);
    expect(lock.signal.aborted).toBe(false);
    await expect(lock.fencingToken()).rejects.toThrow(TransactionStateError);
  });

  it('cannot be released by hand, and lets an await using block end', async () => {
    const { service } = openCore(database);
    await service.advisory('x', { xact: true }, async (lock) => {
      await expect(lock.release()).rejects.toThrow(PgLockUsageError);
      {
        await using inner = lock;
        expect(inner.held).toBe(true);
      }
      expect(lock.held).toBe(true);
    });
  });

  it('tells of a session that was terminated', async () => {
    const { service } = openCore(database);
    const lost = service.advisory('x', { xact: true }, async (lock) => {
      await database.admin.query('SELECT pg_terminate_backend($1)', [lock.pid]);
      await eventually(() => lock.signal.aborted);
      expect(lock.held).toBe(false);
      lock.signal.throwIfAborted();
    });
    await expect(lost).rejects.toThrow(LockLostError);
  });

  it.each([{ holdAtLeast: '1s' }, { maxHold: '1s' }] as const)(
    'refuses %j, which means nothing here',
    async (more) => {
      const { service } = openCore(database);
      await expect(service.advisory('x', { xact: true, ...more }, () => 1)).rejects.toThrow(PgLockUsageError);
    },
  );
});

describe('a flow that holds an id at one level and asks for it at the other', () => {
  it('is a stranger to it', async () => {
    const { service } = openCore(database);
    await service.advisory('x', async () => {
      expect(await service.acquire('x', { transaction: await begun(), timeout: 0 })).toBeNull();
      await expect(service.advisory('x', { xact: true, timeout: 30 }, () => 1)).rejects.toThrow(
        LockNotAvailableError,
      );
    });
    await service.advisory('x', { xact: true }, async () => {
      expect(await service.acquire('x', { timeout: 0 })).toBeNull();
      expect(await service.acquire('x', { timeout: 30 })).toBeNull();
    });
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it.each([
    ['in a transaction', { xact: true }, {}],
    ['at session level', {}, { xact: true }],
  ])('is refused after selfWait when it waits for itself %s', async (_level, inner, outer) => {
    const { service } = openCore(database, { advisory: { selfWait: 300 } });
    await service.advisory('x', outer, async () => {
      const waiting = service.advisory('x', { ...inner, timeout: null }, () => 1);
      await expect(waiting).rejects.toThrow(DeadlockError);
      await expect(waiting).rejects.toThrow(/xact-locks\.spec\.ts.*reentrant: true.*pglock\.detached/);
    });
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it('enters it again, in a transaction of its own', async () => {
    const { service } = openCore(database);
    await service.advisory('x', async (outer) => {
      await service.advisory('x', { xact: true, timeout: 0, reentrant: true }, async (lock) => {
        expect([lock.held, lock.pid, service.isHeld('x')]).toEqual([true, outer.pid, true]);
        expect((await lock.client.query('SELECT 1')).rowCount).toBe(1);
        expect(await lock.fencingToken()).toBe(await outer.fencingToken());
        await lock.release();
        expect([lock.held, outer.held]).toEqual([false, true]);
      });
      expect(await advisoryLocks(database)).toHaveLength(1);
    });
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it('enters it again at session level, as the lock of its transaction', async () => {
    const { service } = openCore(database);
    const reentrant = { timeout: 0, reentrant: true } as const;
    await service.advisory('x', { xact: true }, async (outer) => {
      expect(await service.advisory('x', reentrant, (lock) => lock.pid)).toBe(outer.pid);
      await using again = await service.acquire('x', reentrant);
      expect(again?.held).toBe(true);
    });
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it('takes in the transaction what it does not hold yet', async () => {
    const { service } = openCore(database);
    await service.advisory('x', async () => {
      await service.advisory(['w', 'x'], { xact: true, reentrant: true }, async (lock) => {
        expect([lock.held, lock.keys.length, new Set(lock.pids).size]).toEqual([true, 2, 2]);
        expect(await advisoryLocks(database)).toHaveLength(2);
      });
      expect(await advisoryLocks(database)).toHaveLength(1);
    });
  });

  it('has lost it when the transaction is rolled back to a savepoint', async () => {
    const [{ service }, other] = [openCore(database), openCore(database)];
    await service.transaction(async (tx) => {
      await tx.query('SAVEPOINT before');
      await service.advisory('x', { transaction: tx }, async () => {
        await tx.query('ROLLBACK TO SAVEPOINT before');
        const theirs = await other.service.acquire('x', { timeout: 0 });
        expect(theirs?.held).toBe(true);
        for (const options of [{}, { transaction: tx }]) {
          const again = service.advisory('x', { ...options, reentrant: true, timeout: 0 }, () => 'both');
          await expect(again).rejects.toThrow(LockNotAvailableError);
        }
        await theirs?.release();
        expect(service.isHeld('x')).toBe(false);
        const run = await service.advisory('x', { reentrant: true, timeout: 0 }, () => 'alone');
        expect(run).toBe('alone');
      });
    });
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it.each([
    'COMMIT AND CHAIN',
    'ROLLBACK AND CHAIN',
    'COMMIT; BEGIN',
    'SELECT 1; ROLLBACK /* and again */ ; START TRANSACTION',
  ])('has lost it after %s, in the transaction that begins with that', async (end) => {
    const [{ service }, other] = [openCore(database), openCore(database)];
    await service.advisory('x', { xact: true }, async (lock) => {
      await lock.client.query(end);
      expect([lock.held, service.isHeld('x')]).toEqual([false, false]);
      const theirs = await other.service.acquire('x', { timeout: 0 });
      const again = service.advisory('x', { reentrant: true, timeout: 0 }, () => 'both');
      await expect(again).rejects.toThrow(LockNotAvailableError);
      await theirs?.release();
    });
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it('has lost it when a statement fails, which releases it at once', async () => {
    const { service } = openCore(database);
    const tx = await begun();
    const outer = await service.acquire('outer', { transaction: tx });
    await tx.query('SAVEPOINT a');
    const inner = await service.acquire('inner', { transaction: tx });
    await expect(tx.query('SELECT 1 / 0')).rejects.toThrow('division by zero');
    await expect(tx.query('SELECT 1')).rejects.toThrow('aborted'); // by now the server is done with the first
    expect([outer?.held, inner?.held]).toEqual([true, false]);
    expect(await advisoryLocks(database)).toHaveLength(1);
    await tx.query('ROLLBACK TO SAVEPOINT a');
    await tx.query('RELEASE SAVEPOINT a');
    expect(outer?.held).toBe(true);
    await expect(tx.query('SELECT 1 / 0')).rejects.toThrow('division by zero');
    await expect(tx.query('SELECT 1')).rejects.toThrow('aborted');
    expect(outer?.held).toBe(false);
    expect(await advisoryLocks(database)).toEqual([]);
    await tx.query('ROLLBACK');
  });

  it('is held as the server says, whatever the transaction does', async () => {
    const { service } = openCore(database);
    const tx = await begun();
    const random = seeded(Number(process.env.PGLOCK_SEED ?? 1));
    for (let round = 0; round < 40; round += 1) {
      const [locks, trail] = await strolled(service, tx, random);
      const { rows } = await database.admin.query<{ objid: string }>(
        "SELECT objid::text FROM pg_locks WHERE locktype = 'advisory' AND pid = $1",
        [locks[0]?.pid ?? 0],
      );
      const held = new Set(rows.map(({ objid }) => Number(objid)));
      const [said, is] = [locks.map((lock) => lock.held), locks.map(({ key }) => held.has(key.objId))];
      expect({ trail, held: said }).toEqual({ trail, held: is });
      await tx.query('ROLLBACK');
      await tx.query('BEGIN');
    }
  });

  it('asks the server again where nobody tells of a rollback to a savepoint', async () => {
    const [{ service }, other] = [openCore(database), openCore(database)];
    // As of a copy of `pg` that the library does not know.
    type Query = (
      this: pg.Client,
      text: string,
      values: unknown[],
    ) => Promise<pg.QueryResult<TransactionRow>>;
    const { query } = pg.Client.prototype as unknown as { readonly query: Query };
    const forget = registerTransactionAdapter<{ unseen: pg.Client }>({
      name: 'unseen',
      detects: (value) => 'unseen' in value,
      run: async ({ unseen }, text, values) => (await query.call(unseen, text, [...values])).rows,
    });
    const transaction = { unseen: await begun() };
    const reentrant = { reentrant: true, timeout: 0 } as const;
    await transaction.unseen.query('SAVEPOINT before');
    await service.advisory('x', { transaction }, async () => {
      await transaction.unseen.query('ROLLBACK TO SAVEPOINT before');
      const theirs = await other.service.acquire('x', { timeout: 0 });
      expect(theirs?.held).toBe(true);
      for (const options of [{}, { transaction }]) {
        const again = service.advisory('x', { ...options, ...reentrant }, () => 'both');
        await expect(again).rejects.toThrow(LockNotAvailableError);
      }
      await theirs?.release();
      expect(await service.advisory('x', reentrant, () => 'alone')).toBe('alone');
      expect(await other.service.acquire('x', { timeout: 0 })).toBeNull();
    });
    await transaction.unseen.query('ROLLBACK');
    forget();
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it('tells what was nested in a transaction when that ends first', async () => {
    const { service } = openCore(database);
    const lost = deferred<unknown>();
    let inner: Promise<unknown> = Promise.resolve();
    await service.advisory('x', { xact: true }, async () => {
      const began = deferred();
      inner = service.advisory('x', { reentrant: true }, async (lock) => {
        lock.signal.addEventListener('abort', () => lost.resolve(lock.signal.reason));
        began.resolve();
        await lost.promise;
        return lock.held;
      });
      await began.promise;
    });
    expect(await lost.promise).toBeInstanceOf(LockLostError);
    expect(await inner).toBe(false);
  });

  it('is refused where the lock would be lost before the transaction ends, or is shared and wanted alone', async () => {
    const { service } = openCore(database);
    await service.advisory('x', async () => {
      const waiting = service.acquire('x', { transaction: await begun(), reentrant: true });
      await expect(waiting).rejects.toThrow(PgLockUsageError);
    });
    await service.advisory('x', { xact: true, shared: true }, async () => {
      await expect(service.advisory('x', { reentrant: true }, () => 1)).rejects.toThrow(PgLockUsageError);
    });
  });

  async function begun(): Promise<pg.Client> {
    const client = await database.connect();
    await client.query('BEGIN');
    return client;
  }
});

describe('the transaction of a caller', () => {
  async function transaction(): Promise<pg.Client> {
    const client = await database.connect();
    await client.query('BEGIN');
    return client;
  }

  it('keeps the lock after the work of advisory', async () => {
    const { service } = openCore(database);
    const tx = await transaction();
    const lock = await service.advisory('x', { transaction: tx }, (held) => held);
    expect(lock.held).toBe(true);
    await expect(advisoryLocks(database)).resolves.toHaveLength(1);
    await tx.query('COMMIT');
    expect(lock.held).toBe(false);
    await tx.query('BEGIN');
    expect(lock.held).toBe(false);
  });

  it('gets its own lock again at once', async () => {
    const { service } = openCore(database);
    const transaction1 = await transaction();
    const options = { transaction: transaction1, timeout: 0 } as const;
    await expect(service.acquire('x', options)).resolves.toMatchObject({ held: true });
    await expect(service.acquire('x', options)).resolves.toMatchObject({ held: true });
  });

  it('takes locks that are asked for at once one after the other', async () => {
    const { service } = openCore(database);
    const holder = await database.connect();
    await holder.query('SELECT pg_advisory_lock(2)');
    const tx = await transaction();
    const asked = [1, 2, 3].map((id) => service.acquire(id, { transaction: tx, timeout: '20ms' }));
    const locks = await Promise.all([...asked, service.model('users', { transaction: tx })]);
    expect(locks).toEqual([expect.anything(), null, expect.anything(), true]);
  });

  it('gives up a deadlock, and keeps what it had', async () => {
    const { service } = openCore(database);
    const [a, b] = [await transaction(), await transaction()];
    for (const tx of [a, b]) await tx.query(`SET LOCAL deadlock_timeout = '100ms'`);
    await service.acquire(1, { transaction: a, timeout: 0 });
    await service.acquire(2, { transaction: b, timeout: 0 });
    const flow = async (tx: pg.Client, id: number) => {
      try {
        await service.acquire(id, { transaction: tx, timeout: null });
        return undefined;
      } catch (error) {
        const { rows } = await tx.query<{ kept: string }>(
          `SELECT count(*) AS kept FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()`,
        );
        await tx.query('ROLLBACK');
        return { error, kept: rows[0]?.kept };
      }
    };
    const failed = (await Promise.all([flow(a, 2), flow(b, 1)])).filter((one) => one !== undefined);
    expect(failed).toEqual([{ error: expect.any(DeadlockError) as unknown, kept: '1' }]);
  });

  it('counts the whole wait for several ids, not each', async () => {
    const { service } = openCore(database);
    const holder = await database.connect();
    await holder.query('SELECT pg_advisory_lock(2)');
    const tx = await transaction();
    const timeout = 3_000;
    const wait = async () => {
      await holder.query('SELECT pg_advisory_lock(1)');
      const startedAt = performance.now();
      const waiting = service.acquire([1n, 2n], { transaction: tx, timeout });
      await Promise.race([database.waitForWaiter(database.pidOf(tx)), waiting]);
      await delay(timeout / 2);
      await holder.query('SELECT pg_advisory_unlock(1)');
      await expect(waiting).resolves.toBeNull();
      return performance.now() - startedAt;
    };
    expect(await quickest(1.4 * timeout, wait, { rounds: 5 })).toBeLessThan(1.4 * timeout);
    const { rows } = await tx.query(
      `SELECT current_setting('lock_timeout') l, current_setting('statement_timeout') s`,
    );
    expect(rows).toEqual([{ l: '0', s: '0' }]);
  });

  it('lets a statement_timeout of the caller stand, and does not call it contention', async () => {
    const { service } = openCore(database);
    const holder = await database.connect();
    await holder.query('SELECT pg_advisory_lock(1)');
    const tx = await transaction();
    await tx.query(`SET LOCAL statement_timeout = '1s'`);
    await expect(service.acquire(1, { transaction: tx, timeout: '60s' })).rejects.toMatchObject({
      code: '57014',
    });
    await expect(tx.query('SHOW statement_timeout')).resolves.toMatchObject({
      rows: [{ statement_timeout: '1s' }],
    });
  });

  it.each([
    ['an object that is no transaction', {}],
    ['a string', 'tx'],
    ['a null', null],
    ['a pool', new pg.Pool()],
    ['a client outside of a transaction', new pg.Client()],
  ])('is not %s', async (_, wrong) => {
    const { service } = openCore(database);
    const given = { transaction: wrong as object };
    await expect(service.acquire('x', { ...given, timeout: 0 })).rejects.toThrow(TransactionStateError);
    await expect(service.advisory('x', given, () => 1)).rejects.toThrow(TransactionStateError);
    await expect(service.model('users', given)).rejects.toThrow(TransactionStateError);
    await expect(service.timeout('1s', given, () => 1)).rejects.toThrow(TransactionStateError);
  });

  it('is unharmed by calls that cannot mean anything, and sees nothing of them', async () => {
    const { service } = openCore(database);
    const tx = await transaction();
    const query = jest.spyOn(tx, 'query');
    const calls = [
      () => service.acquire([], { transaction: tx }),
      () => service.acquire(1.5, { transaction: tx }),
      () => service.acquire('x', { transaction: tx, timeout: -1 }),
      () => service.acquire('x', { transaction: tx, onContention: 'wait' as 'skip' }),
      () => service.model([], { transaction: tx }),
      () => service.model('users', { transaction: tx, mode: 'TOTAL' as 'SHARE' }),
      () => service.model('users', { transaction: tx, timeout: Number.NaN }),
      () => service.model('users', { transaction: tx, onContention: 'wait' as 'skip' }),
      () => service.model('a.b.c', { transaction: tx }),
      () => service.model({ table: '' }, { transaction: tx }),
      () => service.model(7 as unknown as string, { transaction: tx }),
      () => service.timeout(0, { transaction: tx }, () => 1),
      () => service.timeout('soon' as '1s', { transaction: tx }, () => 1),
      () => service.timeout('1s', { transaction: tx }, undefined as unknown as () => number),
    ];
    for (const call of calls) await expect(call()).rejects.toThrow(PgLockUsageError);
    expect(query).not.toHaveBeenCalled();
    await expect(tx.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
  });

  it('may be of a client that the application makes known', async () => {
    const { service } = openCore(database);
    const tx = { mine: await transaction() };
    await expect(service.acquire('x', { transaction: tx, timeout: 0 })).rejects.toThrow(
      TransactionStateError,
    );
    const forget = registerTransactionAdapter<typeof tx>({
      name: 'mine',
      detects: (value) => 'mine' in value,
      run: async ({ mine }, text, values) =>
        (await mine.query<Record<string, unknown>>(text, [...values])).rows,
    });
    await expect(service.acquire('x', { transaction: tx, timeout: 0 })).resolves.toMatchObject({
      held: true,
    });
    await expect(service.model('users', { transaction: tx })).resolves.toBe(true);
    forget();
    await expect(service.model('users', { transaction: tx })).rejects.toThrow(TransactionStateError);
  });
});

it('waits that share a signal have one listener on it together', async () => {
  const { service } = openCore(database, { connection: { connectionString: database.url, max: 12 } });
  const { service: other } = openCore(database);
  const holder = await other.acquire('shared signal');
  const controller = new AbortController();
  const { signal } = controller;
  const waits = Array.from({ length: 12 }, () =>
    service.advisory('shared signal', { xact: true, signal }, () => 1),
  );
  await eventually(async () => (await advisoryLocks(database)).length === 13);
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  controller.abort(new Error('no more'));
  for (const outcome of await Promise.allSettled(waits))
    expect(outcome).toMatchObject({ status: 'rejected', reason: { message: 'no more' } });
  await holder?.release();
});
