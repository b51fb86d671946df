import { randomUUID } from 'node:crypto';
import { advisoryKey, lockKey } from '../../lib/vocabulary/lock-id.js';
import { advisoryLockConformance } from '../support/conformance/advisory-locks.js';
import { advisoryLocks, openCore, openTwo } from '../support/cores.js';
import { deferred, eventually, useDatabase } from '../support/database.js';
import { FaultyProxy } from '../support/proxy.js';

const database = useDatabase();

advisoryLockConformance('PostgreSQL', {
  open: (options) => openCore(database, options),
  heldKeys: () => advisoryLocks(database),
  untilWaiting: async (count = 1) => {
    await eventually(async () => {
      const waiters = (await database.sessions()).filter(({ blockedBy }) => blockedBy.length > 0);
      return waiters.length === count;
    });
  },
  expectUntouched: async () => {
    expect(await database.sessions()).toEqual([]);
  },
  loseEverything: async ({ pid }) => {
    await database.admin.query('SELECT pg_terminate_backend($1)', [pid]);
  },
});

describe('a handle', () => {
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

describe('a timeout', () => {
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
});

describe("the server's lock_timeout", () => {
  it('does not count the time in which the first connection is opened', async () => {
    const proxy = await new FaultyProxy(() => Number(new URL(database.url).port)).listen();
    database.defer(() => proxy.close());
    proxy.slow(500);
    const url = new URL(proxy.through(database.url));
    url.searchParams.set('options', '-c lock_timeout=3500');
    const { service } = openCore(database, { connection: url.href });
    const lock = await service.acquire('x');
    expect(lock?.held).toBe(true);
    proxy.slow(0);
    await lock?.release();
  });
});

describe('a server that does not answer', () => {
  it('is told from somebody who holds the lock, within the timeout', async () => {
    const proxy = await new FaultyProxy(() => Number(new URL(database.url).port)).listen();
    database.defer(() => proxy.close());
    proxy.welcome = { kind: 'silent' };
    const { service } = openCore(database, { connection: proxy.through(database.url) });
    await expect(service.advisory('x', { timeout: '100ms' }, () => 'ran')).rejects.toThrow(
      /Could not acquire advisory lock "x" within \d+ ms: no answer from the server/,
    );
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
});

describe('shutdown', () => {
  it('gives what jobs keep to other processes as it begins, or when the running job has ended', async () => {
    const [a, b] = openTwo(database);
    const once = { timeout: 0, onContention: 'skip', sticky: true } as const;
    const [gate, running] = [deferred(), deferred()];
    await a.service.advisory('idle', once, () => undefined);
    const job = a.service.advisory('running', once, () => {
      running.resolve();
      return gate.promise;
    });
    await running.promise;
    await a.drain();
    await using idle = await b.service.acquire('idle', { timeout: '60s' });
    expect(idle?.held).toBe(true);
    expect(await b.service.acquire('running', { timeout: 0 })).toBeNull();
    gate.resolve();
    await job;
    await using next = await b.service.acquire('running', { timeout: 0 });
    expect(next?.held).toBe(true);
  });
});
