import { LockLostError } from '../../../lib/errors/lock-lost.error.js';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import type { PgLockModuleOptions } from '../../../lib/options/pg-lock-options.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import type { PgLockService } from '../../../lib/pg-lock.service.js';
import { MemoryCore } from '../../../lib/testing/memory-core.js';
import { MemoryLockTable } from '../../../lib/testing/memory-lock-table.js';
import { holdLock, loseLock, PgLockTesting } from '../../../lib/testing/pg-lock-testing.js';

const cores: MemoryCore[] = [];
const kits: PgLockTesting[] = [];
let pglock: PgLockService;
let locks: PgLockTesting;

function open(options: PgLockModuleOptions = {}, table = new MemoryLockTable()): PgLockTesting {
  const core = new MemoryCore(resolveOptions(options), table);
  cores.push(core);
  pglock = core.service;
  const kit = new PgLockTesting(core);
  kits.push(kit);
  return kit;
}

beforeEach(() => {
  locks = open({ namespace: 'app:' });
});

afterEach(async () => {
  for (const kit of kits.splice(0)) await kit.onApplicationShutdown();
  await Promise.all(cores.splice(0).map((core) => core.close()));
  expect(locks.table.waiters()).toEqual([]);
});

describe('holdLock', () => {
  it('is contention for the application, until it is released, called or disposed of', async () => {
    for (const letGo of ['release', 'call', 'dispose', 'asyncDispose'] as const) {
      const other = locks.holdLock('x');
      expect(await pglock.acquire('x', { timeout: 0 })).toBeNull();
      if (letGo === 'release') other.release();
      if (letGo === 'call') other();
      if (letGo === 'dispose') other[Symbol.dispose]();
      if (letGo === 'asyncDispose') await other[Symbol.asyncDispose]();
      await using lock = await pglock.acquire('x', { timeout: 0 });
      expect(lock?.held).toBe(true);
      other();
      expect(lock?.held).toBe(true);
    }
  });

  it('holds several ids at once, or shares one', async () => {
    using _both = locks.holdLock(['a', 'b']);
    using _shared = locks.holdLock('s', { shared: true });
    expect(await pglock.acquire('b', { timeout: 0 })).toBeNull();
    expect(await pglock.acquire('s', { timeout: 0 })).toBeNull();
    await using lock = await pglock.acquire('s', { timeout: 0, shared: true });
    expect(lock?.shared).toBe(true);
  });

  it('lets a waiting application go on', async () => {
    const other = locks.holdLock('x');
    const working = pglock.advisory('x', () => 'ran');
    await locks.untilAwaited('x');
    other();
    expect(await working).toBe('ran');
  });

  it('is refused where the application has the lock, and takes none of several', async () => {
    await using _lock = await pglock.acquire('b');
    expect(() => locks.holdLock(['a', 'b'])).toThrow(PgLockUsageError);
    expect(locks.isHeld('a')).toBe(false);
  });

  it('means the namespace of its module', () => {
    using _other = locks.holdLock('x');
    expect(open({ namespace: 'else:' }, locks.table).isHeld('x')).toBe(false);
    expect(open({ namespace: 'app:' }, locks.table).isHeld('x')).toBe(true);
  });
});

describe('loseLock', () => {
  it('aborts the signal of the handle at once, and frees the lock', async () => {
    const lock = await pglock.acquire('x');
    locks.loseLock('x');
    expect(lock?.signal.reason).toBeInstanceOf(LockLostError);
    expect([lock?.held, locks.isHeld('x')]).toEqual([false, false]);
  });

  it('is refused where nobody of the application holds the lock', () => {
    using _other = locks.holdLock('x');
    expect(() => locks.loseLock('x')).toThrow(PgLockUsageError);
    expect(locks.isHeld('x')).toBe(true);
  });
});

describe('the functions', () => {
  it('act on the testing module that came last and is still open, or on a given one', async () => {
    const first = locks;
    const second = open();
    holdLock('x');
    expect([first.isHeld('x'), second.isHeld('x')]).toEqual([false, true]);
    using _other = holdLock('y', { testing: first, shared: true });
    expect([first.isHeld('y'), second.isHeld('y')]).toEqual([true, false]);
    const lock = await pglock.acquire('z');
    loseLock('z', { testing: second });
    expect(lock?.signal.aborted).toBe(true);
    await second.onApplicationShutdown();
    holdLock('w');
    expect(first.isHeld('w')).toBe(true);
    await first.onApplicationShutdown();
    expect(() => holdLock('x')).toThrow('There is no testing module');
  });
});

describe('replica', () => {
  it('is another service on the same locks', async () => {
    const replica = locks.replica();
    await using _lock = await replica.acquire('x');
    expect(await pglock.acquire('x', { timeout: 0 })).toBeNull();
    expect(replica.advisoryKey('x')).toEqual(pglock.advisoryKey('x'));
  });
});
