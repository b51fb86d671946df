import { jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { LockNotAvailableError } from '../../lib/errors/lock-not-available.error.js';
import { PgLockUsageError } from '../../lib/errors/pg-lock-usage.error.js';
import { advisoryKey, lockKey, type LockId } from '../../lib/vocabulary/lock-id.js';
import { advisoryLocks, openCore, openTwo } from '../support/cores.js';
import { deferred, eventually, useDatabase } from '../support/database.js';

const database = useDatabase();

describe('advisory', () => {
  it('runs the work under the lock and hands on its result', async () => {
    const { service } = openCore(database);
    const key = lockKey('billing.close').text;
    const result = await service.advisory('billing.close', async (lock) => {
      expect(await advisoryLocks(database)).toEqual([key]);
      expect(lock).toMatchObject({
        id: 'billing.close',
        key: advisoryKey('billing.close'),
        shared: false,
        held: true,
      });
      return 42;
    });
    expect(result).toBe(42);
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it('lets go when the work throws, and hands on the error itself', async () => {
    const { service } = openCore(database);
    const failure = new Error('work failed');
    await expect(service.advisory('x', () => Promise.reject(failure))).rejects.toBe(failure);
    await expect(
      service.advisory('x', () => {
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it('waits for another process, then runs', async () => {
    const [a, b] = openTwo(database);
    const lock = await a.service.acquire('x');
    const waiting = b.service.advisory('x', () => 'ran');
    await database.waitForWaiter();
    await lock?.release();
    expect(await waiting).toBe('ran');
  });

  it('throws on contention by default, naming id and wait', async () => {
    const [a, b] = openTwo(database);
    await using _lock = await a.service.acquire('x');
    const error = await b.service.advisory('x', { timeout: '50ms' }, () => 'ran').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(LockNotAvailableError);
    expect(error).toMatchObject({ code: '55P03', id: 'x', name: 'LockNotAvailableError' });
    expect((error as LockNotAvailableError).waited).toBeGreaterThanOrEqual(50);
  });

  it('skips on contention when told so, and runs nothing', async () => {
    const [a, b] = openTwo(database);
    await using _lock = await a.service.acquire('x');
    const work = jest.fn();
    expect(await b.service.advisory('x', { timeout: 0, onContention: 'skip' }, work)).toBeUndefined();
    expect(await b.service.advisory('x', { timeout: 20, onContention: 'skip' }, work)).toBeUndefined();
    expect(work).not.toHaveBeenCalled();
  });

  it('gives an id again to the flow that holds it, counted', async () => {
    const { service } = openCore(database);
    await service.advisory('x', async () => {
      await service.advisory('x', { timeout: 0 }, async (inner) => {
        expect(inner.held).toBe(true);
        await inner.release();
        expect(inner.held).toBe(false);
      });
      expect(await advisoryLocks(database)).toHaveLength(1);
      await using again = await service.acquire('x', { timeout: 0 });
      expect(again?.held).toBe(true);
      await service.advisory('x', { shared: true, timeout: 0 }, () => undefined);
    });
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it('keeps the lock until an inner handle that outlives the work lets go', async () => {
    const { service } = openCore(database);
    const inner = await service.advisory('x', () => service.acquire('x'));
    expect(await advisoryLocks(database)).toHaveLength(1);
    expect(inner?.held).toBe(true);
    await inner?.release();
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it('refuses at once what would wait for itself: exclusive inside shared', async () => {
    const { service } = openCore(database);
    await service.advisory('x', { shared: true }, async () => {
      await expect(service.advisory('x', () => 1)).rejects.toThrow(PgLockUsageError);
    });
  });

  it('does not count a flow as holder once its work has ended', async () => {
    const { service } = openCore(database);
    const gate = deferred();
    let stray: Promise<unknown> | undefined;
    await service.advisory('x', () => {
      stray = gate.promise.then(() => service.isHeld('x'));
    });
    gate.resolve();
    expect(await stray).toBe(false);
  });
});

describe('acquire', () => {
  it('gives null on contention, or throws when told so', async () => {
    const [a, b] = openTwo(database);
    await using _lock = await a.service.acquire('x', { timeout: 0 });
    expect(await b.service.acquire('x', { timeout: 0 })).toBeNull();
    expect(await b.service.acquire('x', { timeout: 30 })).toBeNull();
    await expect(b.service.acquire('x', { timeout: 0, onContention: 'throw' })).rejects.toThrow(
      LockNotAvailableError,
    );
  });

  it('belongs to no flow: asking again is contention', async () => {
    const { service } = openCore(database);
    await using lock = await service.acquire('x');
    expect(lock?.held).toBe(true);
    expect(service.isHeld('x')).toBe(false);
    expect(await service.acquire('x', { timeout: 0 })).toBeNull();
  });

  it('releases once, however often it is told to', async () => {
    const { service } = openCore(database);
    const lock = await service.acquire('x');
    await Promise.all([lock?.release(), lock?.release()]);
    await lock?.release();
    await using next = await service.acquire('x', { timeout: 0 });
    await lock?.release();
    expect(next?.held).toBe(true);
    expect(lock).toMatchObject({ held: false });
    expect(lock?.signal.aborted).toBe(false);
  });

  it('names the backend that holds the lock', async () => {
    const { service } = openCore(database);
    await using lock = await service.acquire('x');
    const { rows } = await database.admin.query(
      'SELECT pid FROM pg_locks WHERE pid = ANY($1) AND locktype = $2',
      [(await database.sessions()).map(({ pid }) => pid), 'advisory'],
    );
    expect(rows).toEqual([{ pid: lock?.pid }]);
  });
});

describe('shared locks', () => {
  it('go together, in one process and across processes, and keep exclusive ones out', async () => {
    const [a, b] = openTwo(database);
    const readers = await Promise.all(
      [a, a, b].map(({ service }) => service.acquire('x', { shared: true, timeout: 0 })),
    );
    expect(readers.map((reader) => reader?.held)).toEqual([true, true, true]);
    expect(await a.service.acquire('x', { timeout: 0 })).toBeNull();
    expect(await b.service.acquire('x', { timeout: 0 })).toBeNull();
    await Promise.all(readers.map((reader) => reader?.release()));
    await using writer = await b.service.acquire('x', { timeout: 0 });
    expect(writer?.held).toBe(true);
    expect(await a.service.acquire('x', { timeout: 0, shared: true })).toBeNull();
  });

  it('leave the key shared for other processes when an exclusive holder passes it on to a reader', async () => {
    const [a, b] = openTwo(database);
    const writer = await a.service.acquire('x');
    const reader = a.service.acquire('x', { shared: true });
    await writer?.release();
    await using local = await reader;
    await using remote = await b.service.acquire('x', { shared: true, timeout: 0 });
    expect([local?.held, remote?.held]).toEqual([true, true]);
  });
});

describe('several ids at once', () => {
  it('are had all together or not at all', async () => {
    const [a, b] = openTwo(database);
    const held = await a.service.acquire('account:2');
    expect(await b.service.acquire(['account:1', 'account:2', 'account:3'], { timeout: 0 })).toBeNull();
    expect(await b.service.acquire(['account:1', 'account:2', 'account:3'], { timeout: 40 })).toBeNull();
    expect(await advisoryLocks(database)).toEqual([lockKey('account:2').text]);
    await held?.release();
    await using all = await b.service.acquire(['account:1', 'account:2', 'account:3', 'account:1']);
    expect(all?.keys).toHaveLength(3);
    expect(await advisoryLocks(database)).toHaveLength(3);
  });

  it('do not deadlock, whatever order callers name them in', async () => {
    const cores = openTwo(database);
    let together = 0;
    const runs = Array.from({ length: 60 }, (_, i) => {
      const ids = i % 2 === 0 ? ['p', 'q', 'r'] : ['r', 'q', 'p'];
      return cores[i % 2]?.service.advisory(ids, async () => {
        expect(++together).toBe(1);
        await Promise.resolve();
        together--;
      });
    });
    await Promise.all(runs);
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it('take two plain numbers for one pair, as PostgreSQL has it', async () => {
    const { service } = openCore(database);
    await using pair = await service.acquire([-1, 7]);
    expect(pair?.key).toEqual({ classId: 4294967295, objId: 7, objSubId: 2 });
    expect(await advisoryLocks(database)).toEqual(['4294967295:7:2']);
  });
});

describe('isHeld and assertHeld', () => {
  it('know what the running flow holds, and nothing else', async () => {
    const { service } = openCore(database);
    expect(service.isHeld('x')).toBe(false);
    expect(() => service.assertHeld('x')).toThrow(PgLockUsageError);
    await service.advisory('x', async () => {
      expect(service.isHeld('x')).toBe(true);
      service.assertHeld('x');
      expect(service.isHeld('y')).toBe(false);
      await service.advisory('y', () => service.assertHeld('x'));
    });
    expect(service.isHeld('x')).toBe(false);
  });
});

describe('holdAtLeast', () => {
  it('keeps the lock for its minimum, without keeping the caller', async () => {
    const [a, b] = openTwo(database);
    await a.service.advisory('x', { holdAtLeast: '400ms' }, () => undefined);
    expect(await b.service.acquire('x', { timeout: 0 })).toBeNull();
    expect(await a.service.acquire('x', { timeout: 0 })).toBeNull();
    await using lock = await b.service.acquire('x', { timeout: '5s' });
    expect(lock?.held).toBe(true);
  });

  it('does not block shutdown', async () => {
    const [a, b] = openTwo(database);
    await a.service.advisory('x', { holdAtLeast: '1 hour' }, () => undefined);
    await a.close();
    await using lock = await b.service.acquire('x', { timeout: 0 });
    expect(lock?.held).toBe(true);
  });
});

describe('maxHold', () => {
  it('loses the handle and frees the lock', async () => {
    const [a, b] = openTwo(database);
    const lock = await a.service.acquire('x', { maxHold: 60 });
    await using next = await b.service.acquire('x', { timeout: '5s' });
    expect(next?.held).toBe(true);
    expect(lock?.signal.reason).toMatchObject({ name: 'LockLostError' });
    await lock?.release();
    expect(next?.held).toBe(true);
  });
});

describe('sticky', () => {
  it('keeps the lock in the process between runs, until it is closed', async () => {
    const [a, b] = openTwo(database);
    const once = { timeout: 0, onContention: 'skip', sticky: true } as const;
    expect(await a.service.advisory('job', once, () => 'ran')).toBe('ran');
    expect(await b.service.advisory('job', once, () => 'ran')).toBeUndefined();
    expect(await a.service.advisory('job', once, () => 'ran')).toBe('ran');
    await a.close();
    expect(await b.service.advisory('job', once, () => 'ran')).toBe('ran');
  });

  it('never lets a run overlap itself', async () => {
    const { service } = openCore(database);
    const once = { timeout: 0, onContention: 'skip', sticky: true } as const;
    const gate = deferred();
    const first = service.advisory('job', once, () => gate.promise.then(() => 'first'));
    await eventually(async () => (await advisoryLocks(database)).length === 1);
    expect(await service.advisory('job', once, () => 'second')).toBeUndefined();
    gate.resolve();
    expect(await first).toBe('first');
  });
});

describe('fencingToken', () => {
  it('grows from holder to holder and stays the same for one', async () => {
    const cores = openTwo(database);
    let last = 0n;
    for (let i = 0; i < 20; i++) {
      const token = await cores[i % 2]?.service.advisory('x', async (lock) => {
        const first = await lock.fencingToken();
        expect(await lock.fencingToken()).toBe(first);
        return first;
      });
      expect(token).toBeGreaterThan(last);
      last = token ?? 0n;
    }
  });
});

describe('signal', () => {
  it('stops the wait with its reason, and leaves nothing behind', async () => {
    const [a, b] = openTwo(database);
    await using _lock = await a.service.acquire('x');
    const controller = new AbortController();
    const waiting = b.service.advisory('x', { signal: controller.signal }, () => 'ran');
    await database.waitForWaiter();
    const reason = new Error('client has gone');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect((await database.sessions()).filter(({ blockedBy }) => blockedBy.length > 0)).toEqual([]);
  });

  it('that is aborted already asks the server nothing', async () => {
    const { service } = openCore(database);
    await expect(service.acquire('x', { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    expect(await database.sessions()).toEqual([]);
  });
});

describe('timeout', () => {
  it("left out follows the server's own lock_timeout", async () => {
    const name = new URL(database.url).pathname.slice(1);
    await database.admin.query(`ALTER DATABASE "${name}" SET lock_timeout = '150ms'`);
    const [a, b] = openTwo(database);
    await using _lock = await a.service.acquire('x');
    expect(await b.service.acquire('x')).toBeNull();
    expect(await b.service.acquire('x')).toBeNull();
    const controller = new AbortController();
    const forEver = b.service.acquire('x', { timeout: null, signal: controller.signal });
    expect(await a.service.acquire('x')).toBeNull();
    expect(await Promise.race([forEver, 'still waiting'])).toBe('still waiting');
    controller.abort(new Error('enough'));
    await expect(forEver).rejects.toThrow('enough');
    await database.admin.query(`ALTER DATABASE "${name}" RESET lock_timeout`);
  });

  it("left out takes the module's default first", async () => {
    const [a, b] = openTwo(database, { advisory: { timeout: 0 } });
    await using _lock = await a.service.acquire('x');
    expect(await b.service.acquire('x')).toBeNull();
  });
});

describe('bad input', () => {
  it.each([
    ['an id that is no id', () => [Symbol('x')]],
    ['no id', () => [undefined]],
    ['a fraction', () => [1.5]],
    ['an unsafe integer', () => [2 ** 53]],
    ['a bigint out of range', () => [2n ** 63n]],
    ['a pair out of range', () => [[0, 2 ** 31]]],
    ['a pair with a fraction', () => [[0.5, 1]]],
    ['an empty list', () => [[]]],
    ['a list with a bad id', () => [['a', {}]]],
    ['a negative timeout', () => ['x', { timeout: -1 }]],
    ['a NaN timeout', () => ['x', { timeout: Number.NaN }]],
    ['an infinite timeout', () => ['x', { timeout: Number.POSITIVE_INFINITY }]],
    ['a fraction of a millisecond', () => ['x', { timeout: 0.5 }]],
    ['an unreadable timeout', () => ['x', { timeout: 'soon' }]],
    ['a negative text', () => ['x', { timeout: '-1s' }]],
    ['an unknown onContention', () => ['x', { onContention: 'ignore' }]],
    ['an unknown option', () => ['x', { timeOut: 1 }]],
    ['a flag of another type', () => ['x', { shared: 'yes' }]],
    ['a signal of another type', () => ['x', { signal: {} }]],
    ['a maxHold of zero', () => ['x', { maxHold: 0 }]],
    ['a bad holdAtLeast', () => ['x', { holdAtLeast: '' }]],
    ['options of another type', () => ['x', 5]],
  ])('%s is a usage error before any SQL', async (_what, args) => {
    const { service } = openCore(database);
    const [id, options] = args() as [LockId, object];
    await expect(service.acquire(id, options)).rejects.toThrow(PgLockUsageError);
    await expect(service.advisory(id, options, () => 1)).rejects.toThrow(PgLockUsageError);
    expect(await database.sessions()).toEqual([]);
  });

  it('work that is no function is a usage error', async () => {
    const { service } = openCore(database);
    await expect(service.advisory('x', {}, undefined as never)).rejects.toThrow(PgLockUsageError);
  });
});

describe('ids', () => {
  it('have the key that pg_locks shows, also when they hash negative', async () => {
    const { service } = openCore(database);
    const names = Array.from({ length: 1000 }, () => randomUUID());
    const all = await service.acquire(names);
    expect(await advisoryLocks(database)).toEqual(names.map((name) => lockKey(name).text).sort());
    const negative = names.filter((name) => advisoryKey(name).classId >= 2 ** 31);
    expect(negative.length).toBeGreaterThan(400);
    await all?.release();
  });

  it('exclude those who lock the same number by hand', async () => {
    const { service } = openCore(database);
    const client = await database.connect();
    await client.query('SELECT pg_advisory_lock(-5), pg_advisory_lock(-2, 3)');
    expect(await service.acquire(-5, { timeout: 0 })).toBeNull();
    expect(await service.acquire(-5n, { timeout: 0 })).toBeNull();
    expect(await service.acquire([-2, 3], { timeout: 0 })).toBeNull();
    await client.query('SELECT pg_advisory_unlock_all()');
    await using lock = await service.acquire([-2, 3], { timeout: 0 });
    expect(lock?.held).toBe(true);
  });

  it('of different namespaces never meet', async () => {
    const a = openCore(database, { namespace: 'a:' });
    const b = openCore(database, { namespace: 'b:' });
    await using one = await a.service.acquire('x', { timeout: 0 });
    await using two = await b.service.acquire('x', { timeout: 0 });
    expect([one?.held, two?.held]).toEqual([true, true]);
    expect(a.service.advisoryKey('x')).toEqual(advisoryKey('a:x'));
  });
});
