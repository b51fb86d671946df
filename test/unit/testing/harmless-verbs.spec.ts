import { cancel } from '../../../lib/prioritize/blocker-rule.js';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import { TransactionStateError } from '../../../lib/errors/transaction-state.error.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { MemoryCore } from '../../../lib/testing/memory-core.js';
import { MemoryLockTable } from '../../../lib/testing/memory-lock-table.js';
import { PgLockTesting } from '../../../lib/testing/pg-lock-testing.js';

let core: MemoryCore;
let locks: PgLockTesting;

beforeEach(() => {
  core = new MemoryCore(resolveOptions(), new MemoryLockTable());
  locks = new PgLockTesting(core);
});

afterEach(async () => {
  await locks.onApplicationShutdown();
  await core.close();
  expect(core.table.holds()).toEqual([]);
});

describe('timeout', () => {
  it('runs the work, nested and in transactions', async () => {
    const { service } = core;
    const nested = () => service.timeout(null, () => 'ran');
    expect(await service.timeout('1s', nested)).toBe('ran');
    expect(await service.timeout('1s', { transaction: {} }, () => 'ran')).toBe('ran');
    await expect(service.timeout(0, () => 'ran')).rejects.toThrow(PgLockUsageError);
  });

  it('is the wait of the advisory locks within', async () => {
    using _other = locks.holdLock('x');
    await expect(core.service.timeout(20, () => core.service.acquire('x'))).resolves.toBeNull();
  });
});

describe('withContext', () => {
  it('runs the work, nested, and refuses what is no text', async () => {
    const { service } = core;
    const nested = () => service.withContext({ tenant: '7' }, () => 'ran');
    expect(await service.withContext({ job: 'nightly' }, nested)).toBe('ran');
    const wrong = { job: 7 } as unknown as Record<string, string>;
    await expect(service.withContext(wrong, () => 'ran')).rejects.toThrow(PgLockUsageError);
  });
});

describe('what the services on one table say of their locks', () => {
  it('is known to each of them, and how many methods lead is a number', async () => {
    const other = new MemoryCore(resolveOptions(), core.table);
    try {
      const [mine, theirs] = [await core.service.acquire('a'), await other.service.acquire('b')];
      const reports = await core.lockReports.find();
      expect(reports.map(({ pid }) => pid)).toEqual([mine?.pid, theirs?.pid]);
      expect(core.leaderMethods).toBe(0);
    } finally {
      await other.close();
    }
  });
});

describe('prioritize', () => {
  it('runs the work, and refuses bad options', async () => {
    const { service } = core;
    expect(await service.prioritize(() => 'ran')).toBe('ran');
    const options = { interval: '200ms', timeout: '30s', onBlocked: cancel(), transaction: {} } as const;
    expect(await service.prioritize(options, () => 'ran')).toBe('ran');
    await expect(service.prioritize({ interval: 0 }, () => 'ran')).rejects.toThrow(PgLockUsageError);
    await expect(service.prioritize(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
  });
});

describe('model', () => {
  class User {}

  it('has every lock, in any transaction that it is given', async () => {
    const { service } = core;
    const transaction = { mock: true };
    expect(await service.model('billing.invoices', { transaction })).toBe(true);
    expect(await service.model([User, 'users'], { transaction, mode: 'SHARE', timeout: 0 })).toBe(true);
    expect(await service.transaction(() => service.model(User))).toBe(true);
  });

  it('refuses what the real one refuses without asking the server', async () => {
    const { service } = core;
    const transaction = {};
    await expect(service.model('users')).rejects.toThrow(TransactionStateError);
    await expect(service.model([], { transaction })).rejects.toThrow(PgLockUsageError);
    await expect(service.model('a.b.c', { transaction })).rejects.toThrow(PgLockUsageError);
    const mode = 'EXTREME' as 'SHARE';
    await expect(service.model('users', { transaction, mode })).rejects.toThrow(PgLockUsageError);
    await expect(service.model('users', { transaction, timeout: -1 })).rejects.toThrow(PgLockUsageError);
  });
});

describe('transactions', () => {
  it('run on clients that agree to everything and find nothing', async () => {
    const result = await core.service.transaction(async (tx) => {
      expect(await tx.query('UPDATE users SET name = $1', ['x'])).toMatchObject({ rows: [], rowCount: 0 });
      return 'done';
    });
    expect(result).toBe('done');
    expect((await core.service.pool.query('SELECT 1')).rows).toEqual([]);
    const nested = () => core.service.transaction(() => 'inner');
    await expect(core.service.transaction(nested)).rejects.toThrow(TransactionStateError);
  });

  it('keep the locks of xact until they end', async () => {
    const { service } = core;
    const result = await service.advisory('x', { xact: true }, async (lock) => {
      await lock.client.query('SELECT 1');
      expect([lock.held, service.isHeld('x'), locks.isHeld('x')]).toEqual([true, true, true]);
      await expect(lock.release()).rejects.toThrow(PgLockUsageError);
      expect(await locks.replica().acquire('x', { timeout: 0 })).toBeNull();
      return 42;
    });
    expect(result).toBe(42);
    expect(locks.isHeld('x')).toBe(false);
  });

  it('keep what is acquired in them until they end, given again when asked again', async () => {
    const { service } = core;
    const handle = await service.transaction(async () => {
      const first = await service.acquire(['x', 'y'], { xact: true, timeout: 0 });
      const again = await service.acquire('x', { xact: true, timeout: 0 });
      expect([first?.held, again?.held, service.isHeld('y')]).toEqual([true, true, true]);
      expect(await again?.fencingToken()).toBeGreaterThan(0n);
      return again;
    });
    expect([handle?.held, locks.isHeld('x'), locks.isHeld('y')]).toEqual([false, false, false]);
    await expect(handle?.fencingToken()).rejects.toThrow(TransactionStateError);
  });

  it('meet contention like every other lock', async () => {
    const { service } = core;
    using _other = locks.holdLock('x');
    const xact = { xact: true, timeout: 0 } as const;
    await expect(service.advisory('x', xact, () => 1)).rejects.toMatchObject({ code: '55P03' });
    expect(await service.advisory('x', { ...xact, onContention: 'skip' }, () => 1)).toBeUndefined();
    expect(await service.acquire('x', { transaction: {}, timeout: 0 })).toBeNull();
  });

  it('that a test passes in keep a lock for the work only, since their end cannot be seen', async () => {
    const { service } = core;
    const transaction = { mock: true };
    await service.advisory('x', { transaction }, async (lock) => {
      expect(lock).toMatchObject({ client: transaction, held: true });
      expect(locks.isHeld('x')).toBe(true);
      expect((await service.acquire('x', { transaction, timeout: 0 }))?.held).toBe(true);
    });
    expect(locks.isHeld('x')).toBe(false);
    const handle = await service.acquire('x', { transaction, timeout: 0 });
    expect([handle?.held, locks.isHeld('x')]).toEqual([true, false]);
  });

  it('are strangers to the locks of their flow, unless they enter them again', async () => {
    const { service } = core;
    await service.advisory('x', async (outer) => {
      const transaction = {};
      expect(await service.acquire('x', { transaction, timeout: 0 })).toBeNull();
      const reentrant = { reentrant: true, timeout: 0 } as const;
      await expect(service.acquire('x', { transaction, ...reentrant })).rejects.toThrow(PgLockUsageError);
      await service.advisory('x', { xact: true, ...reentrant }, async (lock) => {
        expect([lock.held, lock.pid]).toEqual([true, outer.pid]);
        await lock.release();
        expect([lock.held, outer.held]).toEqual([false, true]);
      });
    });
    await service.advisory('x', { xact: true }, async (outer) => {
      expect(await service.acquire('x', { timeout: 0 })).toBeNull();
      const pid = await service.advisory('x', { timeout: 0, reentrant: true }, (lock) => lock.pid);
      expect(pid).toBe(outer.pid);
    });
    await service.advisory('x', { xact: true, shared: true }, () =>
      expect(service.advisory('x', { reentrant: true }, () => 1)).rejects.toThrow(PgLockUsageError),
    );
    await expect(service.acquire('x', { xact: true })).rejects.toThrow(TransactionStateError);
  });

  it('are not forgotten: an undefined one is refused', async () => {
    const forgotten = { transaction: undefined as unknown as object };
    await expect(core.service.acquire('x', forgotten)).rejects.toThrow(TransactionStateError);
    await expect(core.service.advisory('x', forgotten, () => 1)).rejects.toThrow(TransactionStateError);
    expect(locks.isHeld('x')).toBe(false);
  });
});

describe('questions about locks', () => {
  it('are answered from the table', async () => {
    const { service } = core;
    await using lock = await service.acquire('billing.close');
    using _other = locks.holdLock('other', { shared: true });
    expect(await service.locks.find({ ids: ['billing.close'] })).toMatchObject([
      {
        activityId: lock?.pid,
        type: 'ADVISORY',
        mode: 'EXCLUSIVE',
        granted: true,
        advisoryId: 'billing.close',
      },
    ]);
    expect(await service.locks.find({ where: { mode: 'SHARE' } })).toMatchObject([{ advisoryId: 'other' }]);
    expect(await service.locks.count({ where: { mode: { like: '%CLU%' }, granted: true }, limit: 1 })).toBe(
      1,
    );
    expect(await service.locks.count({ where: { mode: { not: { in: ['SHARE', 'EXCLUSIVE'] } } } })).toBe(0);
    expect(await service.locks.find({ on: 'users' })).toEqual([]);
    await expect(service.locks.find({ where: { nothing: 1 } as object })).rejects.toThrow(PgLockUsageError);
  });

  it('name those who wait, and those in their way', async () => {
    const { service } = core;
    const other = locks.holdLock('x');
    const waiting = service.acquire('x');
    await locks.untilAwaited('x');
    const [blocked] = await service.blocked.find({ where: { waitDuration: { gte: 0 } } });
    expect(blocked).toMatchObject({ granted: false, advisoryId: 'x', blockingActivity: { state: 'idle' } });
    expect(await service.blocked.tree()).toMatchObject([
      { activityId: blocked?.blockingActivityId, blocked: [{ activityId: blocked?.activityId }] },
    ]);
    expect(await service.locks.find({ orderBy: { granted: 'asc' } })).toMatchObject([
      { granted: false },
      { granted: true },
    ]);
    expect(await service.blocked.terminateBlockingActivity()).toEqual([]);
    other();
    await (await waiting)?.release();
    expect(await service.blocked.count()).toBe(0);
  });
});
