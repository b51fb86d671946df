import { LockNotAvailableError } from '../../lib/errors/lock-not-available.error.js';
import { PoolerError } from '../../lib/errors/pooler.error.js';
import type { PgLockService } from '../../lib/pg-lock.service.js';
import { advisoryLocks, openCore } from '../support/cores.js';
import { eventually, useDatabase } from '../support/database.js';
import { describeBehindPgBouncer, startPgBouncer } from '../support/pgbouncer.js';

const POOL_SIZE = 3;

describeBehindPgBouncer('behind PgBouncer in transaction mode', throughPgBouncer);

function throughPgBouncer(): void {
  /** PgBouncer keeps its connections from test to test. */
  const database = useDatabase({
    schema: 'CREATE TABLE counter AS SELECT 0 AS value',
    mayStay: () => true,
  });
  let url: string;

  beforeAll(async () => {
    ({ url } = await startPgBouncer(database, POOL_SIZE));
  });

  const open = (options: { directConnection?: string } = {}): PgLockService =>
    openCore(database, { connection: url, sessions: options }).service;

  /** What every connection of PgBouncer has, seen through it. */
  async function lockTimeouts(pglock: PgLockService): Promise<Set<string>> {
    const seen = new Map<number, string>();
    await eventually(async () => {
      await Promise.all(
        Array.from({ length: POOL_SIZE }, () =>
          pglock.transaction(async (tx) => {
            const { rows } = await tx.query<{ pid: number; value: string }>(
              `SELECT pg_backend_pid() AS pid, current_setting('lock_timeout') AS value FROM pg_sleep(0.01)`,
            );
            seen.set(rows[0]!.pid, rows[0]!.value);
          }),
        ),
      );
      return seen.size === POOL_SIZE;
    });
    return new Set(seen.values());
  }

  it('refuses session-level locks, and says what to do', async () => {
    const pglock = open();
    await expect(pglock.advisory('x', () => 1)).rejects.toThrow(PoolerError);
    await expect(pglock.acquire('x', { timeout: 0 })).rejects.toThrow(/directConnection|xact/);
    await expect(advisoryLocks(database)).resolves.toEqual([]);
  });

  it('has session-level locks by a direct connection', async () => {
    const pglock = open({ directConnection: database.url });
    await expect(pglock.advisory('x', () => advisoryLocks(database))).resolves.toHaveLength(1);
  });

  it('excludes by transaction-level locks, and names the true backend', async () => {
    const [first, second] = [open(), open()];
    await first.advisory('x', { xact: true }, async (lock) => {
      const { rows } = await database.admin.query(
        `SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
         WHERE locktype = 'advisory' AND datname = current_database()`,
      );
      expect(rows).toEqual([{ pid: lock.pid }]);
      const options = { xact: true, timeout: '30ms' } as const;
      await expect(second.advisory('x', options, () => 1)).rejects.toThrow(LockNotAvailableError);
      const skip = { xact: true, timeout: 0, onContention: 'skip' } as const;
      await expect(second.advisory('x', skip, () => 1)).resolves.toBeUndefined();
    });
    await expect(second.advisory('x', { xact: true, timeout: 0 }, () => 'free')).resolves.toBe('free');
  });

  it('lets a waiter in when the holder commits', async () => {
    const [first, second] = [open(), open()];
    let waiting: Promise<string> = Promise.resolve('');
    await first.advisory('x', { xact: true }, async (lock) => {
      waiting = second.advisory('x', { xact: true }, () => 'in');
      await expect(database.waitForWaiter()).resolves.toMatchObject({ blockedBy: [lock.pid] });
    });
    await expect(waiting).resolves.toBe('in');
  });

  it('loses no update of 60 flows of three processes', async () => {
    const processes = [open(), open(), open()];
    const add = (pglock: PgLockService) =>
      pglock.advisory('counter', { xact: true }, async ({ client }) => {
        const { rows } = await client.query<{ value: number }>('SELECT value FROM counter');
        await client.query('UPDATE counter SET value = $1', [rows[0]!.value + 1]);
      });
    await Promise.all(Array.from({ length: 60 }, (_, flow) => add(processes[flow % 3]!)));
    const { rows } = await database.admin.query('SELECT value FROM counter');
    expect(rows).toEqual([{ value: 60 }]);
  });

  it('locks tables, and gives growing fencing tokens', async () => {
    const pglock = open();
    const tokens: bigint[] = [];
    for (const _ of [1, 2]) {
      await pglock.advisory('fenced', { xact: true }, async (lock) => {
        await expect(pglock.model('counter', { timeout: '60s' })).resolves.toBe(true);
        await lock.client.query('UPDATE counter SET value = 0');
        tokens.push(await lock.fencingToken());
      });
    }
    expect(tokens[1]! > tokens[0]!).toBe(true);
  });

  it('carries a lock timeout in transactions only, and leaves none behind', async () => {
    const pglock = open();
    await pglock.timeout('3s', async () => {
      await expect(pglock.pool.query('SELECT 1')).rejects.toThrow(PoolerError);
      const read = pglock.transaction((tx) => tx.query('SHOW lock_timeout'));
      await expect(read).resolves.toMatchObject({ rows: [{ lock_timeout: '3s' }] });
    });
    await pglock.transaction((tx) =>
      pglock.timeout('2s', { transaction: tx }, () =>
        expect(tx.query('SHOW lock_timeout')).resolves.toMatchObject({ rows: [{ lock_timeout: '2s' }] }),
      ),
    );
    await expect(lockTimeouts(pglock)).resolves.toEqual(new Set(['0']));
  });

  it('stops waiting when the signal aborts', async () => {
    const [first, second] = [open(), open()];
    await first.advisory('x', { xact: true }, async () => {
      const controller = new AbortController();
      const waiting = second.advisory('x', { xact: true, signal: controller.signal }, () => 1);
      await database.waitForWaiter();
      controller.abort(new Error('gone'));
      await expect(waiting).rejects.toThrow('gone');
    });
  });
}
