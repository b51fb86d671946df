import { setTimeout as delay } from 'node:timers/promises';
import type { PgLockCore } from '../../lib/core/pg-lock-core.js';
import type { LockHandle } from '../../lib/locks/lock-handle.js';
import { advisoryLocks, openCore, openTwo } from '../support/cores.js';
import { eventually, inOneOf, useDatabase } from '../support/database.js';

const database = useDatabase();

async function take(core: PgLockCore, shared = false): Promise<LockHandle> {
  return core.service.acquire('x', { shared, timeout: '30s', onContention: 'throw' });
}

/** Resolves when a process tells that so many of its requests wait. */
function told(by: PgLockCore, listener: PgLockCore, count: number): Promise<void> {
  return new Promise((resolve) => {
    const stop = listener.peers.on(
      { name: 'line', read: (body) => body as { readonly requests: readonly unknown[] } },
      ({ requests }, { id }) => {
        if (id !== by.peers.id || requests.length !== count) return;
        stop();
        resolve();
      },
    );
  });
}

const isIdle = async () => (await advisoryLocks(database)).length === 0;

describe('the order of requests across processes', () => {
  it('is that in which they were made, although each process stands in the queue once', async () => {
    await inOneOf(10, inOrder); // news comes late where the machine stands still
  });

  async function inOrder(): Promise<void> {
    const [a, b] = openTwo(database);
    const c = openCore(database);
    const order: string[] = [];
    const work = async (core: PgLockCore, name: string) => {
      const lock = await take(core);
      order.push(name);
      await delay(50);
      await lock.release();
    };
    await b.service.advisory('warm', () => undefined);
    const held = await take(c);
    const isTold = told(a, b, 3);
    const works: Promise<void>[] = [];
    for (const [core, name] of [
      [a, 'a1'],
      [a, 'a2'],
      [a, 'a3'],
      [b, 'b1'],
      [b, 'b2'],
    ] as const) {
      works.push(work(core, name));
      await delay(40); // earlier by more than a message takes
    }
    await isTold;
    await held.release();
    await Promise.all(works);
    expect(order).toEqual(['a1', 'a2', 'a3', 'b1', 'b2']);
    await eventually(isIdle);
  }

  it('does not wait for requests of a process that is gone', async () => {
    const [a, b] = openTwo(database);
    const c = openCore(database);
    await b.service.advisory('warm', () => undefined);
    const held = await take(c);
    const isTold = told(a, b, 3);
    const gone = [1, 2, 3].map(() => take(a).catch((error: unknown) => error));
    await isTold;
    await delay(40);
    const works = Array.from({ length: 5 }, () => b.service.advisory('x', () => delay(50)));
    a.peers.close(); // it tells no more of its requests
    await a.close();
    const releasedAt = performance.now();
    await held.release();
    await Promise.all([...works, ...gone]);
    expect(performance.now() - releasedAt).toBeLessThan(20_000); // who says nothing is forgotten after 25 s
    expect(await isIdle()).toBe(true);
  });
});

describe('a writer behind readers of its own process', () => {
  it('has its place in the queue of the server, so that no further readers elsewhere come before it', async () => {
    const [a, b] = openTwo(database);
    await b.service.advisory('warm', () => undefined);
    const reader = await take(a, true);
    const writer = take(a);
    await database.waitForWaiter();
    expect(await b.service.acquire('x', { shared: true, timeout: 0 })).toBeNull();
    const later = [take(b, true), take(a, true)];
    await reader.release();
    const write = await writer;
    expect(write.held).toBe(true);
    expect(await b.service.acquire('x', { shared: true, timeout: 0 })).toBeNull();
    await write.release();
    for (const lock of await Promise.all(later)) await lock.release();
    await eventually(isIdle);
  });

  it('leaves it when it gives up: readers come in again, here and elsewhere', async () => {
    const [a, b] = openTwo(database);
    const reader = await take(a, true);
    const gone = new AbortController();
    const writer = a.service.acquire('x', { signal: gone.signal, timeout: null });
    const behind = take(a, true);
    await database.waitForWaiter();
    gone.abort(new Error('gone'));
    await expect(writer).rejects.toThrow('gone');
    const locks = [reader, await behind, await take(b, true)];
    expect(locks.map(({ held }) => held)).toEqual([true, true, true]);
    await Promise.all(locks.map((lock) => lock.release()));
    await eventually(isIdle);
  });

  it('gets the lock when the session of the readers is lost', async () => {
    const [a] = openTwo(database);
    const reader = await take(a, true);
    const writer = take(a);
    await database.waitForWaiter();
    await database.admin.query('SELECT pg_terminate_backend($1)', [reader.pid]);
    const write = await writer;
    expect([reader.held, reader.signal.aborted, write.held]).toEqual([false, true, true]);
    await write.release();
    await eventually(isIdle);
  });

  it('waits as before where no session is free for that', async () => {
    const a = openCore(database, { sessions: { max: 2 } });
    const b = openCore(database);
    const y = await b.service.acquire('y');
    const waiting = a.service.acquire('y', { timeout: null });
    await database.waitForWaiter();
    const reader = await take(a, true);
    const writer = take(a);
    await delay(300);
    const other = await take(b, true);
    await reader.release();
    await other.release();
    await (await writer).release();
    await y?.release();
    await (await waiting)?.release();
    await eventually(isIdle);
  });

  it('leaves nothing behind at shutdown', async () => {
    const a = openCore(database);
    const reader = await take(a, true);
    const writer = take(a).catch((error: unknown) => error);
    await database.waitForWaiter();
    await a.close();
    expect(await writer).toBeInstanceOf(Error);
    expect(reader.held).toBe(false);
    await eventually(isIdle);
  });
});
