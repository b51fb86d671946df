import { jest } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { DeadlockError } from '../../lib/errors/deadlock.error.js';
import { LockLostError } from '../../lib/errors/lock-lost.error.js';
import { LockTableBudgetError } from '../../lib/errors/lock-table-budget.error.js';
import type { LockHandle } from '../../lib/locks/lock-handle.js';
import type { PgLockModuleOptions } from '../../lib/options/pg-lock-options.js';
import { spawnChild, type Child } from '../support/child.js';
import { advisoryLocks, hasLease, openCore, openTwo } from '../support/cores.js';
import { barrier, deferred, eventually, inOneOf, quickest, useDatabase } from '../support/database.js';

const database = useDatabase();

async function replica(options: PgLockModuleOptions = {}): Promise<Child> {
  const child = spawnChild(new URL('../support/children/holder.mjs', import.meta.url), {
    env: { PGLOCK_OPTIONS: JSON.stringify({ connection: database.url, ...options }) },
  });
  await child.next('ready');
  return child;
}

async function take(child: Child, id: string, options: object = {}): Promise<boolean> {
  child.send('do', { verb: 'acquire', id, options });
  return (await child.next('acquired')).got === true;
}

const lockSessions = async () =>
  (await database.sessions()).filter(({ applicationName }) => applicationName === 'pglock:locks');

function aborted(signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) return Promise.resolve(signal.reason);
  return new Promise((resolve) =>
    signal.addEventListener('abort', () => resolve(signal.reason), { once: true }),
  );
}

describe('G1: a lock never takes a connection from the pool of the application', () => {
  it('works while every connection of a lent pool is taken', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    database.defer(() => pool.end());
    const busy = await pool.connect();
    const { service } = openCore(database, { connection: undefined, pool });
    await service.advisory('x', async () => {
      expect(pool.totalCount).toBe(1);
      expect(pool.waitingCount).toBe(0);
      await Promise.resolve();
    });
    busy.release();
  });
});

describe('G2: lock connections are bounded', () => {
  it('holds 5 000 distinct ids at once on at most two connections', async () => {
    const { service } = openCore(database);
    const handles = await Promise.all(
      Array.from({ length: 5_000 }, (_, i) => service.acquire(`many:${String(i)}`, { timeout: 0 })),
    );
    expect(handles.every((lock) => lock?.held)).toBe(true);
    expect((await lockSessions()).length).toBeLessThanOrEqual(2);
    expect(await advisoryLocks(database)).toHaveLength(5_000);
    await Promise.all(handles.map((lock) => lock?.release()));
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it('serves 200 waiters with four sessions: each has its lock or is told in time', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    database.defer(() => pool.end());
    const { service } = openCore(database, {
      connection: undefined,
      pool,
      sessions: { max: 4 },
    });
    const other = openCore(database);
    const ids = Array.from({ length: 200 }, (_, i) => `w:${String(i)}`);
    const held = await Promise.all(ids.map((id) => other.service.acquire(id)));
    const late: number[] = [];
    const waiting = ids.map(async (id, i) => {
      const timeout = i % 2 === 0 ? 300 + i : 120_000;
      const startedAt = performance.now();
      const lock = await service.acquire(id, { timeout });
      if (lock === null) late.push(performance.now() - startedAt - timeout);
      await lock?.release();
      return lock !== null;
    });
    await eventually(async () => (await lockSessions()).length >= 4);
    expect((await lockSessions()).length).toBeLessThanOrEqual(5);
    await Promise.all(waiting.filter((_, i) => i % 2 === 0));
    expect(late).toHaveLength(100);
    // What the server needs to end a wait on a busy machine, and far less than the next thing that would end it.
    expect(Math.max(...late)).toBeLessThan(30_000);
    await Promise.all(held.map((lock) => lock?.release()));
    expect((await Promise.all(waiting)).filter(Boolean)).toHaveLength(100);
  });
});

describe('G3: no dead connection ends the process', () => {
  it('survives when every lock session is terminated, idle or not', async () => {
    const [a, b] = openTwo(database);
    await using _lock = await a.service.acquire('x');
    const waiting = b.service.acquire('x', { timeout: '60s' });
    await database.waitForWaiter();
    const { rows } = await database.admin.query<{ pid: number }>(
      `SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'pglock:locks' AND datname = current_database()`,
    );
    const ended = new Set(rows.map(({ pid }) => pid));
    await eventually(async () => (await lockSessions()).every(({ pid }) => !ended.has(pid)));
    await (await waiting)?.release(); // had, perhaps on a session that was about to be terminated, and lost again
    await using next = await b.service.acquire('x', { timeout: '60s' });
    expect(next?.held).toBe(true);
  });
});

describe('G4: mutual exclusion', () => {
  it('lets no two processes, nor two flows, into one exclusive id', async () => {
    await database.admin.query('CREATE TABLE guarded (n int); INSERT INTO guarded VALUES (0)');
    const cores = [...openTwo(database), openCore(database)];
    const client = await database.connect();
    let inside = 0;
    await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        cores[i % 3]?.service.advisory('counter', async () => {
          expect(++inside).toBe(1);
          const { rows } = await client.query<{ n: number }>('SELECT n FROM guarded');
          await client.query('UPDATE guarded SET n = $1', [(rows[0]?.n ?? 0) + 1]);
          inside--;
        }),
      ),
    );
    expect((await client.query('SELECT n FROM guarded')).rows).toEqual([{ n: 300 }]);
  });
});

describe('G6: hand-over', () => {
  it('keeps the order of arrival in one process', async () => {
    const { service } = openCore(database);
    const order: number[] = [];
    await Promise.all(Array.from({ length: 50 }, (_, i) => service.advisory('x', () => void order.push(i))));
    expect(order).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('keeps the order of arrival across processes, for one waiting process each', async () => {
    const cores = Array.from({ length: 6 }, () => openCore(database));
    // The order is that of what processes have heard of each other, which comes late where the machine stands still.
    await inOneOf(10, async () => {
      const first = await cores[0]?.service.acquire('x');
      const order: number[] = [];
      const waiting: Promise<unknown>[] = [];
      for (let i = 1; i < 6; i++) {
        const work = async () => {
          order.push(i);
          await delay(100); // as long as order is kept for: 10 ms for each process
        };
        waiting.push(cores[i]?.service.advisory('x', work) as Promise<unknown>);
        await eventually(async () => {
          const waiters = (await database.sessions()).filter(({ blockedBy }) => blockedBy.length > 0);
          return waiters.length === i;
        });
      }
      await first?.release();
      await Promise.all(waiting);
      expect(order).toEqual([1, 2, 3, 4, 5]);
    });
  });

  it('lets a writer in behind readers that overlap without end, here and elsewhere', async () => {
    const [a, b] = openTwo(database);
    let stop = false;
    const read = async (): Promise<void> => {
      while (!stop) {
        await a.service.advisory('x', { shared: true }, async () => {
          await new Promise((resolve) => setTimeout(resolve, 15));
        });
      }
    };
    const readers = Array.from({ length: 8 }, async (_, i) => {
      await new Promise((resolve) => setTimeout(resolve, i * 4));
      await read();
    });
    expect(await b.service.advisory('x', { timeout: '60s' }, () => 'elsewhere')).toBe('elsewhere');
    expect(await a.service.advisory('x', { timeout: '60s' }, () => 'here')).toBe('here');
    stop = true;
    await Promise.all(readers);
  });

  it('refuses a reader that tries once while a writer elsewhere waits behind the readers here', async () => {
    const [a, b] = openTwo(database);
    const reader = await a.service.acquire('x', { shared: true });
    const writer = b.service.acquire('x');
    await database.waitForWaiter();
    await eventually(async () => {
      const late = await a.service.acquire('x', { shared: true, timeout: 0 });
      await late?.release();
      return late === null;
    });
    await reader?.release();
    await (await writer)?.release();
  });

  it('gives other processes their turn while many local flows want the same id', async () => {
    const [a, b] = openTwo(database);
    let stop = false;
    const local = Array.from({ length: 20 }, async () => {
      while (!stop) await a.service.advisory('x', () => new Promise((resolve) => setImmediate(resolve)));
    });
    expect(await b.service.advisory('x', { timeout: '60s' }, () => 'in')).toBe('in');
    stop = true;
    await Promise.all(local);
  });
});

describe('locks that are kept between runs', () => {
  it('are tried by one statement, although the timers of one moment fire one after the other', async () => {
    // What is counted are the tries, and no heartbeat.
    const [elsewhere, { service }] = openTwo(database, { sessions: { heartbeat: '1h', lease: '3h' } });
    const ids = Array.from({ length: 20 }, (_, index) => `tick:${String(index)}`);
    const held = await elsewhere.service.acquire(ids);
    const query = jest.spyOn(service.pgDriver.Client.prototype, 'query');
    await service.advisory('opens the connection', () => undefined);
    query.mockClear();
    const options = { timeout: 0, onContention: 'skip', sticky: true } as const;
    const ran: string[] = [];
    const tick = (id: string) => service.advisory(id, options, () => void ran.push(id));
    // All due before the timer of the library that the first of them sets.
    await Promise.all(ids.map((id, index) => delay(1 + 2 * (index % 2)).then(() => tick(id))));
    expect(query).toHaveBeenCalledTimes(1);
    query.mockRestore();
    expect(ran).toEqual([]);
    await held?.release();
  });
});

describe('G7: waiting holds up no CREATE INDEX CONCURRENTLY for long', () => {
  it('ends each wait at the server after a slice, and begins another', async () => {
    await database.admin.query('CREATE TABLE indexed (n int)');
    const [a, b] = openTwo(database);
    await using lock = await a.service.acquire('x');
    const waiting = b.service.acquire('x');
    await database.waitForWaiter();
    const client = await database.connect();
    const startedAt = performance.now();
    await client.query('CREATE INDEX CONCURRENTLY ON indexed (n)');
    expect(performance.now() - startedAt).toBeLessThan(30_000); // a wait that is left alone ends after 60 s
    await database.waitForWaiter();
    await lock?.release();
    await (await waiting)?.release();
  });
});

describe('G8: waiters and holders can be seen in pg_locks', () => {
  it('shows one session that waits for each key, however many flows stand behind it', async () => {
    const [a, b] = openTwo(database);
    const lock = await a.service.acquire('x');
    const waiting = Array.from({ length: 10 }, () => b.service.advisory('x', () => undefined));
    const waiter = await database.waitForWaiter();
    expect(waiter.blockedBy).toEqual([lock?.pid]);
    expect((await database.sessions()).filter(({ blockedBy }) => blockedBy.length > 0)).toHaveLength(1);
    await lock?.release();
    await Promise.all(waiting);
  });
});

describe('a wait without a connection of its own', () => {
  it('tries again and again, and stands in the queue of the server as soon as it can have one', async () => {
    const role = await database.role('narrow', 'CONNECTION LIMIT 1');
    const holder = openCore(database);
    const { service } = openCore(database, { connection: role.url });
    const lock = await holder.service.acquire('x');
    expect(await service.acquire('x', { timeout: 250 })).toBeNull();
    const waiting = service.acquire('x', { timeout: '60s' });
    await lock?.release();
    const had = await waiting;
    expect(had?.held).toBe(true);
    const next = holder.service.acquire('x', { timeout: '60s' });
    await database.waitForWaiter();
    await had?.release();
    await using again = await next;
    const late = service.acquire('x', { timeout: '60s' });
    expect((await database.sessions()).filter(({ blockedBy }) => blockedBy.length > 0)).toEqual([]);
    await database.admin.query(`ALTER ROLE ${role.name} CONNECTION LIMIT 2`);
    await expect(database.waitForWaiter()).resolves.toMatchObject({ blockedBy: [again?.pid] });
    await again?.release();
    await (await late)?.release();
  });
});

describe('G9: deadlocks end in DeadlockError', () => {
  it('across processes through nested ids, within seconds, for one of the two', async () => {
    const cores = openTwo(database);
    const meet = async () => {
      const both = barrier(2);
      const cross = ([first, second]: string[], i: number) =>
        cores[i]?.service.advisory(first as string, async () => {
          await both.arrive();
          return cores[i]?.service.advisory(second as string, () => 'through');
        });
      const results = await Promise.allSettled([cross(['A', 'B'], 0), cross(['B', 'A'], 1)]);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const [refused] = results.flatMap((result) =>
        result.status === 'rejected' ? [result.reason as unknown] : [],
      );
      expect(refused).toBeInstanceOf(DeadlockError);
      expect(refused).toMatchObject({ code: '40P01' });
    };
    expect(await quickest(6_000, meet)).toBeLessThan(6_000);
  });

  it('across three processes', async () => {
    const cores = [...openTwo(database), openCore(database)];
    const all = barrier(3);
    const ids = ['A', 'B', 'C'];
    const results = await Promise.allSettled(
      cores.map(({ service }, i) =>
        service.advisory(ids[i] as string, async () => {
          await all.arrive();
          return service.advisory(ids[(i + 1) % 3] as string, () => 'through');
        }),
      ),
    );
    const refused = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    expect(refused).toHaveLength(1);
    expect(refused[0]).toBeInstanceOf(DeadlockError);
  });

  it('with a session that locks by hand', async () => {
    const { service } = openCore(database);
    const client = await database.connect();
    await client.query('SELECT pg_advisory_lock(1)');
    let byHand: Promise<unknown> | undefined;
    const flow = service.advisory(2, async () => {
      byHand = client.query('SELECT pg_advisory_lock(2)');
      await database.waitForWaiter(database.pidOf(client));
      return service.advisory(1, () => 'never');
    });
    await expect(flow).rejects.toThrow(DeadlockError);
    await byHand;
    await client.query('SELECT pg_advisory_unlock_all()');
  });

  it('in one process at once', async () => {
    const { service } = openCore(database);
    const meet = async () => {
      const both = barrier(2);
      const cross = (first: string, second: string) =>
        service.advisory(first, async () => {
          await both.arrive();
          return service.advisory(second, () => 'through');
        });
      const results = await Promise.allSettled([cross('A', 'B'), cross('B', 'A')]);
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    };
    expect(await quickest(900, meet)).toBeLessThan(900); // the server takes a second
  });

  it('and finds none where one flow merely waits behind another', async () => {
    const [a, b] = openTwo(database);
    const held = deferred();
    const go = deferred();
    const slow = a.service.advisory('A', async () => {
      held.resolve();
      await go.promise;
    });
    await held.promise;
    const nested = b.service.advisory('B', () => b.service.advisory('A', () => 'through'));
    await database.waitForWaiter();
    const behind = a.service.advisory('C', () => a.service.advisory('B', () => 'through'));
    await eventually(async () => {
      const waiting = (await database.sessions()).filter(({ blockedBy }) => blockedBy.length > 0);
      return waiting.length === 2;
    });
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // longer than two looks of the detector
    go.resolve();
    expect(await Promise.all([slow, nested, behind])).toEqual([undefined, 'through', 'through']);
  });
});

describe('G10: timeouts are honoured within 100 ms', () => {
  it('behind a local holder, behind the server, and behind the bound on sessions', async () => {
    const [a, b] = openTwo(database, { sessions: { max: 2 } });
    const ids = ['p', 'q', 'r', 's'];
    const held = await Promise.all(ids.map((id) => a.service.acquire(id)));
    const latest = async () => {
      const measured = await Promise.all(
        [...ids, 'p'].flatMap((id) =>
          [a, b].map(async ({ service }) => {
            const startedAt = performance.now();
            expect(await service.acquire(id, { timeout: 250 })).toBeNull();
            return performance.now() - startedAt - 250;
          }),
        ),
      );
      expect(Math.min(...measured)).toBeGreaterThanOrEqual(-1);
      return Math.max(...measured);
    };
    expect(await quickest(100, latest, { rounds: 100 })).toBeLessThan(100);
    await Promise.all(held.map((lock) => lock?.release()));
  });

  it('also while no connection can be had', async () => {
    const { service } = openCore(database, { connection: { host: '127.0.0.1', port: 1 } });
    // The server may come back: it is waited for as long as the timeout allows.
    const wait = async () => expect(await service.acquire('x', { timeout: 300 })).toBeNull();
    expect(await quickest(400, wait, { rounds: 100 })).toBeLessThan(400);
  });
});

describe('G11: a lost lock is told', () => {
  it('at once to all 100 handles of a terminated session, and new locks work afterwards', async () => {
    const core = openCore(database, { sessions: { lease: '2min' } }); // which is not what tells
    const events = jest.fn();
    core.events.on('sessionEnded', events);
    const handles = (await Promise.all(
      Array.from({ length: 100 }, (_, i) => core.service.acquire(`h:${String(i)}`)),
    )) as LockHandle[];
    const signals = Promise.all(handles.map(({ signal }) => aborted(signal)));
    const startedAt = performance.now();
    await database.admin.query('SELECT pg_terminate_backend($1)', [handles[0]?.pid]);
    const reasons = await signals;
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    expect(reasons.every((reason) => reason instanceof LockLostError)).toBe(true);
    expect(handles.some(({ held }) => held)).toBe(false);
    await Promise.all(handles.map((lock) => lock.release()));
    expect(events).toHaveBeenCalledTimes(1);
    expect(events).toHaveBeenCalledWith(expect.objectContaining({ locksLost: 100 }));
    await using again = await core.service.acquire('h:0', { timeout: 0 });
    expect(again?.held).toBe(true);
    await expect(handles[0]?.fencingToken()).rejects.toThrow(LockLostError);
  });

  it('to the flow that works under it, which keeps its result', async () => {
    const { service } = openCore(database);
    const result = await service.advisory('x', async (lock) => {
      await database.admin.query('SELECT pg_terminate_backend($1)', [lock.pid]);
      await aborted(lock.signal);
      expect(service.isHeld('x')).toBe(false);
      return 'done all the same';
    });
    expect(result).toBe('done all the same');
  });

  it('by the lease, to a process that was stopped, after the server has given the lock to another', async () => {
    const sessions = { heartbeat: '300ms', lease: '1500ms' } as const;
    const child = await replica({ sessions });
    expect(await take(child, 'x')).toBe(true);
    const { service } = openCore(database);
    const leased = await hasLease(database);
    child.signal('SIGSTOP');
    await using lock = await service.acquire('x', { timeout: leased ? '60s' : '2s' });
    expect(lock?.held).toBe(leased ? true : undefined); // without a lease it stays with who is stopped
    child.signal('SIGCONT');
    expect(await child.next('lost')).toMatchObject({ id: 'x', reason: 'LockLostError' });
  });

  it('by held, as soon as a blocked event loop looks', async () => {
    const child = await replica({ sessions: { heartbeat: '200ms', lease: '1s' } });
    expect(await take(child, 'x')).toBe(true);
    child.send('do', { verb: 'block', id: 'x', options: { ms: 1_800 } });
    expect(await child.next('blocked')).toMatchObject({ held: false });
    await child.next('lost');
  });
});

describe('G12: after a loss', () => {
  it('an old handle is never resurrected, and its release is quiet', async () => {
    const { service } = openCore(database);
    const old = (await service.acquire('x')) as LockHandle;
    await database.admin.query('SELECT pg_terminate_backend($1)', [old.pid]);
    await aborted(old.signal);
    const fresh = (await service.acquire('x', { timeout: 0 })) as LockHandle;
    await old.release();
    expect([old.held, fresh.held]).toEqual([false, true]);
    expect(await advisoryLocks(database)).toHaveLength(1);
    await fresh.release();
  });

  it('a killed replica frees its lock at once', async () => {
    const child = await replica({ sessions: { lease: '2min' } }); // which is not what frees it
    expect(await take(child, 'x')).toBe(true);
    const { service } = openCore(database);
    const waiting = service.acquire('x', { timeout: null });
    await database.waitForWaiter();
    const killedAt = performance.now();
    await child.kill();
    await using lock = await waiting;
    expect(lock?.held).toBe(true);
    expect(performance.now() - killedAt).toBeLessThan(60_000);
  });
});

describe("the server's lock table", () => {
  it('is filled to our share and no further', async () => {
    const { service } = openCore(database, { sessions: { lockTableShare: 0.001 } });
    const ids = Array.from({ length: 40 }, (_, i) => `b:${String(i)}`);
    const results = await Promise.allSettled(ids.map((id) => service.acquire(id)));
    const refused = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every((error) => error instanceof LockTableBudgetError)).toBe(true);
    const { rows } = await database.admin.query<{ size: number }>(
      `SELECT current_setting('max_locks_per_transaction')::int
        * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int) AS size`,
    );
    expect(await advisoryLocks(database)).toHaveLength(Math.floor((rows[0]?.size ?? 0) * 0.001));
  });
});
