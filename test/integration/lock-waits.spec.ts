import { setTimeout as delay } from 'node:timers/promises';
import { advisoryLocks, openCore, openTwo } from '../support/cores.js';
import { eventually, inOneOf, useDatabase, type Session } from '../support/database.js';
import { errorsOf } from '../support/server-log.js';

const database = useDatabase();

async function waiters(): Promise<readonly Session[]> {
  return (await database.sessions()).filter(({ blockedBy }) => blockedBy.length > 0);
}

describe('a wait in the queue of the server', () => {
  it('keeps its place and its statement for as long as it lasts', async () => {
    const [a, b] = openTwo(database);
    const lock = await a.service.acquire('x');
    const waiting = b.service.acquire('x');
    const { pid } = await database.waitForWaiter();
    const since = async () => {
      const { rows } = await database.admin.query<{ since: string }>(
        `SELECT query_start::text AS since FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'advisory'`,
        [pid],
      );
      return rows[0]?.since;
    };
    const first = await since();
    expect(first).toBeDefined();
    await delay(3_500);
    // The backend may be looking for deadlocks at this very moment, which is no wait.
    expect(await eventually(since)).toBe(first);
    await lock?.release();
    await (await waiting)?.release();
  });

  it('gives a lock that stays, also when it has lasted for almost as long as the session is trusted without an answer', async () => {
    const [holder, waiter] = openTwo(database, { sessions: { max: 8 } });
    const trustedMs = 4_000; // of a lease of 5 s
    await waiter.service.advisory('warm', () => undefined);
    await delay(250); // half-way between two looks at the sessions, which are 500 ms apart
    const ids = [200, 160, 120, 80, 40].map((before) => ({ id: `late ${String(before)}`, before }));
    const kept = ids.map(async ({ id, before }) => {
      const held = await holder.service.acquire(id);
      const waiting = waiter.service.acquire(id, { timeout: null, onContention: 'throw' });
      await delay(trustedMs - before);
      await held?.release();
      const lock = await waiting;
      await delay(1_000);
      const isHeld = lock.held;
      await lock.release();
      return isHeld;
    });
    expect(await Promise.all(kept)).toEqual(ids.map(() => true));
  });

  it('leaves no line in the log of the server: not when it succeeds, times out, or is given up', async () => {
    const [a, b] = openTwo(database);
    const lock = await a.service.acquire('x');
    const waiting = b.service.acquire('x', { timeout: '60s' });
    await database.waitForWaiter();
    expect(await b.service.acquire('x', { timeout: 400 })).toBeNull();
    const gone = new AbortController();
    const givenUp = b.service.acquire('x', { signal: gone.signal });
    gone.abort(new Error('gone'));
    await expect(givenUp).rejects.toThrow('gone');
    await lock?.release();
    await (await waiting)?.release();
    const next = await a.service.acquire('x');
    expect(await b.service.acquire('x', { timeout: 300 })).toBeNull();
    await eventually(async () => (await waiters()).length === 0);
    await next?.release();
    const pids = new Set((await database.sessions()).map(({ pid }) => pid));
    expect(await errorsOf(database, pids)).toEqual([]);
  });

  it('works, and leaves nothing behind, where plpgsql cannot be used', async () => {
    const role = await database.role('plain');
    await database.admin.query('REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC');
    const holder = openCore(database);
    const { service } = openCore(database, { connection: role.url });
    const lock = await holder.service.acquire('x');
    expect(await service.acquire('x', { timeout: 300 })).toBeNull();
    const waiting = service.acquire('x', { timeout: '60s' });
    await database.waitForWaiter();
    await lock?.release();
    const had = await waiting;
    expect(had?.held).toBe(true);
    await had?.release();
    await database.admin.query('GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC');
    await eventually(async () => (await advisoryLocks(database)).length === 0);
  });

  it('goes on, and holds nothing twice, when its backend is cancelled by others', async () => {
    const [a, b] = openTwo(database);
    const lock = await a.service.acquire('x');
    const waiting = b.service.acquire('x', { timeout: '60s' });
    const { pid } = await database.waitForWaiter();
    for (let i = 0; i < 5; i++) {
      await database.admin.query('SELECT pg_cancel_backend($1)', [pid]);
      await database.waitForWaiter();
    }
    await lock?.release();
    const had = await waiting;
    expect(had?.held).toBe(true);
    expect(await advisoryLocks(database)).toHaveLength(1);
    await had?.release();
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it('begins again when the server ends its backend', async () => {
    const [a, b] = openTwo(database);
    const lock = await a.service.acquire('x');
    const waiting = b.service.acquire('x', { timeout: '60s' });
    const { pid } = await database.waitForWaiter();
    await database.admin.query('SELECT pg_terminate_backend($1)', [pid]);
    await database.waitForWaiter((session) => session.pid !== pid && session.blockedBy.length > 0);
    await lock?.release();
    await (await waiting)?.release();
  });
});

describe('order among processes', () => {
  it('is kept however long the holder keeps the lock', async () => {
    const cores = Array.from({ length: 5 }, () => openCore(database));
    // The order is that of what processes have heard of each other, which comes late where the machine stands still.
    await inOneOf(10, async () => {
      const lock = await cores[0]?.service.acquire('x');
      const order: number[] = [];
      const waiting: (Promise<unknown> | undefined)[] = [];
      for (const [index, { service }] of cores.entries()) {
        if (index === 0) continue;
        waiting.push(service.advisory('x', () => void order.push(index)));
        await eventually(async () => (await waiters()).length === index);
      }
      await delay(3_000); // longer than deadlock_timeout, and than any slice of a wait
      await lock?.release();
      await Promise.all(waiting);
      expect(order).toEqual([1, 2, 3, 4]);
    });
  });

  it('lets a writer in behind the readers of three processes that take turns', async () => {
    const readers = Array.from({ length: 3 }, () => openCore(database));
    const writer = openCore(database);
    let stop = false;
    let reads = 0;
    const read = () => {
      if (++reads > 200) stop = true; // the writer starves
      return delay(300);
    };
    const reading = readers.map(async ({ service }, index) => {
      await delay(index * 100);
      while (!stop) await service.advisory('x', { shared: true }, read);
    });
    await eventually(() => reads > 2 * readers.length);
    const writing = writer.service.advisory('x', { timeout: null }, () => (stop = true));
    await database.waitForWaiter();
    const before = reads;
    await writing;
    expect(reads - before).toBeLessThan(20);
    await Promise.all(reading);
  });
});

describe('the bound on sessions', () => {
  it('is for those that wait: ten locks that were waited for are held, and an eleventh waits in the queue', async () => {
    const holder = openCore(database);
    const { service } = openCore(database, { sessions: { max: 3 } });
    const ids = Array.from({ length: 8 }, (_, index) => `held:${String(index)}`);
    const held = [];
    for (const id of ids) {
      const lock = await holder.service.acquire(id);
      const waiting = service.acquire(id, { timeout: '60s' });
      await database.waitForWaiter(({ blockedBy }) => blockedBy.includes(lock!.pid));
      await lock?.release();
      held.push(await waiting);
    }
    expect(held.every((lock) => lock?.held)).toBe(true);
    const last = await holder.service.acquire('last');
    const waiting = service.acquire('last', { timeout: '60s' });
    await database.waitForWaiter();
    await last?.release();
    await (await waiting)?.release();
    await Promise.all(held.map((lock) => lock?.release()));
    await eventually(async () => (await lockSessions()).length <= 1 + 3);
  });
});

describe('a snapshot that is in the way', () => {
  it('of a waiter holds up no CREATE INDEX CONCURRENTLY, and the wait keeps its turn', async () => {
    await database.admin.query('CREATE TABLE indexed_too (n int)');
    const [a, b] = openTwo(database);
    const lock = await a.service.acquire('x');
    const waiting = b.service.acquire('x');
    await database.waitForWaiter();
    const client = await database.connect();
    await client.query('CREATE INDEX CONCURRENTLY ON indexed_too (n)');
    await database.waitForWaiter();
    await lock?.release();
    await (await waiting)?.release();
  });
});

async function lockSessions(): Promise<readonly Session[]> {
  return (await database.sessions()).filter(({ applicationName }) => applicationName === 'pglock:locks');
}
