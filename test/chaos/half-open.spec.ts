import { LockLostError } from '../../lib/errors/lock-lost.error.js';
import { LockSessionError } from '../../lib/errors/lock-session.error.js';
import type { LockHandle } from '../../lib/locks/lock-handle.js';
import { createCore } from '../../lib/core/pg-lock-core.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { hasLease, openCore } from '../support/cores.js';
import { deferred, eventually, useDatabase } from '../support/database.js';
import { startPostgres } from '../support/postgres/start-postgres.mjs';
import { FaultyProxy } from '../support/proxy.js';

const database = useDatabase();

async function throughProxy(): Promise<FaultyProxy> {
  const proxy = await new FaultyProxy(() => Number(new URL(database.url).port)).listen();
  database.defer(() => proxy.close());
  return proxy;
}

function lossOf(lock: LockHandle): Promise<unknown> {
  return new Promise((resolve) => lock.signal.addEventListener('abort', resolve, { once: true }));
}

describe('a network that swallows everything and tells nobody', () => {
  it.each([
    ['in both directions', ['up', 'down']],
    ['towards the server', ['up']],
    ['towards the process', ['down']],
  ] as const)('%s: the holder is told before anybody else can have its lock', async (_, sides) => {
    // Without a lease nothing but the network's own patience frees the lock.
    if (sides[0] === 'up' && !(await hasLease(database))) return;
    const proxy = await throughProxy();
    // The next heartbeat is asked long after the last answer, and then the session is busy with it when the lease ends.
    const sessions = { heartbeat: '700ms', lease: '1500ms' } as const;
    const holder = openCore(database, { connection: proxy.through(database.url), sessions });
    const other = openCore(database);
    const lock = (await holder.service.acquire('x')) as LockHandle;
    const lost = lossOf(lock);
    const next = other.service.acquire('x', { timeout: null });
    await database.waitForWaiter();
    proxy.freeze(...sides);
    const wasHeld = next.then(() => lock.held);
    await lost;
    // The server learns of the end by this, unless its own lease is over already.
    if (!(sides as readonly string[]).includes('up')) proxy.thaw();
    expect(await wasHeld).toBe(false);
    await (await next)?.release();
    proxy.cut();
  });

  it('does not hold up a shutdown, nor whoever asks something meanwhile', async () => {
    const proxy = await throughProxy();
    const sessions = { lease: '2min' } as const; // which is not what ends it
    const core = openCore(database, { connection: proxy.through(database.url), sessions });
    const locks = await Promise.all(['a', 'b', 'c'].map((id) => core.service.acquire(id)));
    proxy.freeze();
    const asked = Promise.allSettled(locks.map((lock) => lock?.fencingToken()));
    const startedAt = performance.now();
    await core.close();
    expect(performance.now() - startedAt).toBeLessThan(40_000);
    for (const result of await asked)
      expect(result).toMatchObject({ status: 'rejected', reason: expect.any(LockLostError) as unknown });
    proxy.cut();
  });

  it('does not hold up a shutdown while connecting', async () => {
    const proxy = await throughProxy();
    proxy.welcome = { kind: 'silent' };
    const core = openCore(database, { connection: proxy.through(database.url) });
    const asked = Promise.allSettled([core.service.acquire('x', { timeout: '2min' })]);
    await eventually(() => proxy.welcomed > 0);
    const startedAt = performance.now();
    await core.close();
    expect(performance.now() - startedAt).toBeLessThan(8_000); // the time to connect is 10 s
    // Refused by the shutdown, as by anybody else who is in the way: `acquire` gives null.
    expect(await asked).toEqual([{ status: 'fulfilled', value: null }]);
  });

  it.each([
    ['is open', true],
    ['is being made', false],
  ])(
    'holds up no work for longer than a lease that asks for a fencing token while its connection %s',
    async (_, isOpen) => {
      const proxy = await throughProxy();
      const sessions = { lease: '2s', directConnection: proxy.through(database.url) } as const;
      const core = openCore(database, { sessions });
      const token = () => core.service.advisory('x', { xact: true }, (lock) => lock.fencingToken());
      if (isOpen) expect(await token()).toBeGreaterThan(0n);
      proxy.freeze();
      const startedAt = performance.now();
      // Several at once are given up at once.
      const locked = ['a', 'b', 'c'].map(() => deferred());
      const works = locked.map(({ resolve }, i) =>
        core.service.advisory(`id ${String(i)}`, { xact: true }, (lock) => {
          resolve();
          return lock.fencingToken();
        }),
      );
      const asked = Promise.allSettled(works);
      await Promise.all(locked.map(({ promise }) => promise));
      await core.close();
      for (const result of await asked)
        expect(result).toMatchObject({ status: 'rejected', reason: expect.any(LockSessionError) as unknown });
      expect(performance.now() - startedAt).toBeLessThan(8_000); // the time to connect is 10 s
      proxy.cut();
    },
  );
});

describe('several ids at once', () => {
  it('are not handed out when one was lost while another was waited for', async () => {
    const ids = ['x', 'y'];
    const [holder, other] = [openCore(database), openCore(database)];
    const probe = (await other.service.acquire(ids)) as LockHandle;
    const [first, last] = probe.keys;
    await probe.release();
    const client = await database.connect();
    await client.query('SELECT pg_advisory_lock(($1::int8 << 32) | $2::int8)', [last?.classId, last?.objId]);
    const both = holder.service.acquire(ids, { timeout: null });
    await database.waitForWaiter();
    const { rows } = await database.admin.query<{ pid: number }>(
      `SELECT pid, pg_terminate_backend(pid) FROM pg_locks
       WHERE locktype = 'advisory' AND granted AND classid = $1 AND objid = $2`,
      [first?.classId, first?.objId],
    );
    await eventually(async () => (await database.sessions()).every(({ pid }) => pid !== rows[0]?.pid));
    await client.query('SELECT pg_advisory_unlock_all()');
    const lock = await both;
    expect(lock?.held).toBe(true);
    expect(lock?.signal.aborted).toBe(false);
    await lock?.release();
  });
});

describe('a statement that somebody cancels', () => {
  async function cancelTenTimes(pid: number): Promise<void> {
    for (let i = 0; i < 10; i++) await database.admin.query('SELECT pg_cancel_backend($1)', [pid]);
  }

  it('is sent again, be it a try or the question for a fencing token', async () => {
    const { service } = openCore(database);
    const lock = (await service.acquire('warm')) as LockHandle;
    for (let i = 0; i < 200; i++) {
      const cancelling = cancelTenTimes(lock.pid);
      const other = (await service.acquire('x', { timeout: '60s' })) as LockHandle;
      await other.fencingToken();
      await other.release();
      await cancelling;
    }
    expect(lock.held).toBe(true);
    await lock.release();
  });
});

describe('fencing tokens', () => {
  it('grow also when the server crashes right after one was given', async () => {
    const server = await startPostgres({ own: true });
    const connection = server.url;
    let last = 0n;
    try {
      for (let crash = 0; crash < 3; crash++) {
        const { service, ...core } = create(connection);
        const lock = (await service.acquire('x', { timeout: '60s' })) as LockHandle;
        const token = await lock.fencingToken();
        expect(token).toBeGreaterThan(last);
        last = token;
        await server.kill();
        await core.close();
        await server.start();
      }
    } finally {
      await server.stop();
    }
  });
});

function create(connection: string) {
  const core = createCore(resolveOptions({ connection }));
  return { service: core.service, close: () => core.close() };
}
