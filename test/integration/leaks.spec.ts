import { getEventListeners, type EventEmitter } from 'node:events';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import pg from 'pg';
import { LockLostError } from '../../lib/errors/lock-lost.error.js';
import type { LockHandle } from '../../lib/locks/lock-handle.js';
import type { PgLockCore } from '../../lib/core/pg-lock-core.js';
import { isFullRun } from '../chaos/report.js';
import { table, writeSection } from '../chaos/sections.mjs';
import { advisoryLocks, openCore } from '../support/cores.js';
import { eventually, useDatabase } from '../support/database.js';

const database = useDatabase();
/** 100 000 in the long run. */
const CYCLES = isFullRun ? 100_000 : 6_000;
/** Every so many cycles the backends are terminated, which loses whatever is held. */
const LOSSES = 20;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What a process has at a quiet moment. */
interface Stock {
  readonly heapMb: number;
  readonly timers: number;
  readonly sockets: number;
  readonly listeners: number;
  readonly sessions: number;
  readonly locks: number;
}

async function stockOf(core: PgLockCore, signal: AbortSignal): Promise<Stock> {
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  const resources = process.getActiveResourcesInfo();
  const count = (type: string) => resources.filter((resource) => resource === type).length;
  const sessions = await database.sessions();
  return {
    heapMb: getHeapStatistics().used_heap_size / 2 ** 20,
    timers: count('Timeout'),
    sockets: count('TCPSocketWrap'),
    listeners: core.events.eventNames().length + listenersOf(signal),
    sessions: sessions.filter(({ applicationName }) => applicationName.startsWith('pglock')).length,
    locks: (await advisoryLocks(database)).length,
  };
}

function listenersOf(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length;
}

/** Every way in which the life of a lock can go; `n` chooses. */
async function cycle(core: PgLockCore, other: PgLockCore, n: number, shutdown: AbortSignal): Promise<string> {
  const { service } = core;
  const id = `leak:${String(n % 16)}`;
  const unique = `leak:${String(n)}`;
  switch (n % 10) {
    case 0:
      await (await service.acquire(unique, { timeout: 0 }))?.release();
      return 'acquired and released';
    case 1:
      await service.advisory(unique, { signal: shutdown }, () =>
        service.advisory(unique, { reentrant: true }, () => undefined),
      );
      return 'ran, and asked again within';
    case 2:
      await service.advisory(unique, () => Promise.reject(new Error('thrown'))).catch(() => undefined);
      return 'threw';
    case 3: {
      const lock = await service.acquire(unique, { maxHold: 1 });
      await aborted(lock as LockHandle);
      return 'expired';
    }
    case 4: {
      await using _shared = await service.acquire([`${unique}:a`, `${unique}:b`], { shared: true });
      return 'several, shared';
    }
    case 5: {
      await using _held = await other.service.acquire(unique, { timeout: 0 });
      await service.acquire(unique, { timeout: 0 });
      return 'skipped';
    }
    case 6: {
      await using _held = await other.service.acquire(unique, { timeout: 0 });
      await service.acquire(unique, { timeout: 1 + (n % 3), signal: shutdown });
      return 'timed out';
    }
    case 7: {
      await using _held = await other.service.acquire(unique, { timeout: 0 });
      const abort = new AbortController();
      setImmediate(() => abort.abort());
      await service
        .acquire(unique, { signal: AbortSignal.any([abort.signal, shutdown]) })
        .catch(() => undefined);
      return 'aborted';
    }
    case 8:
      await service.advisory(id, { holdAtLeast: 1 }, (lock) => lock.signal.aborted);
      return 'held at least';
    default:
      await Promise.all(
        [0, 1, 2].map(() => service.advisory(id, { timeout: '60s' }, (lock) => lock.fencingToken())),
      );
      return 'queued, with tokens';
  }
}

function aborted({ signal }: LockHandle): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

async function lose(core: PgLockCore): Promise<void> {
  const held = (await core.service.acquire('lost', { timeout: '60s' })) as LockHandle;
  await database.admin.query('SELECT pg_terminate_backend($1)', [held.pid]);
  await aborted(held);
  await held.release();
}

it(`${String(CYCLES)} locks leave nothing behind`, async () => {
  const [core, other] = [openCore(database), openCore(database)];
  const shutdown = new AbortController();
  const ways = new Map<string, number>();
  const run = async (from: number, to: number) => {
    let next = from;
    const flow = async () => {
      while (next < to) {
        const way = await cycle(core, other, next++, shutdown.signal).catch((error: unknown) => {
          // Whoever held something as the session was terminated.
          if (error instanceof LockLostError) return 'lost meanwhile';
          throw error;
        });
        ways.set(way, (ways.get(way) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 20 }, flow));
    await eventually(async () => (await advisoryLocks(database)).length === 0);
  };
  // Names are remembered up to a bound, and the compiler has its own ideas for a while.
  const warm = isFullRun ? 40_000 : 2_000;
  await run(0, warm);
  const before = await stockOf(core, shutdown.signal);
  const step = CYCLES / LOSSES;
  for (let i = 0; i < LOSSES; i++) {
    await run(warm + i * step, warm + (i + 1) * step);
    await lose(core);
  }
  // What leaks stays; what is on its way, on a busy machine, does not.
  const after = await eventually(async () => {
    const stock = await stockOf(core, shutdown.signal);
    expect(stock).toMatchObject({ locks: 0, listeners: before.listeners });
    expect(stock.timers - before.timers).toBeLessThanOrEqual(2); // the tickers of sessions come and go
    expect(stock.sockets - before.sockets).toBeLessThanOrEqual(4);
    expect(stock.sessions).toBeLessThanOrEqual(8);
    // One object of the size of a handle that stays for each lock would be more than this.
    expect(stock.heapMb - before.heapMb).toBeLessThan(isFullRun ? 12 : 6);
    return stock;
  });
  expect([...ways.values()].reduce((a, b) => a + b, 0)).toBe(CYCLES + warm);
  if (isFullRun) await report(before, after, ways);
}, 600_000);

it('a pool that is lent, and its clients, have no listener more after the module is closed', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  database.defer(() => pool.end());
  const client = await pool.connect();
  client.release();
  const listeners = () =>
    [pool, client].map((emitter) =>
      emitter.eventNames().map((name) => [name, (emitter as EventEmitter).listenerCount(name)]),
    );
  const before = listeners();
  for (let i = 0; i < 12; i++) {
    const core = openCore(database, { connection: undefined, pool });
    await core.service.advisory('x', () => pool.query('SELECT 1'));
    await core.close();
  }
  expect(listeners()).toEqual(before);
});

it('opened and closed again and again, the module leaves no session, timer or socket', async () => {
  const before = process.getActiveResourcesInfo().length;
  for (let i = 0; i < 50; i++) {
    const core = openCore(database);
    const waiting = openCore(database);
    const lock = await core.service.acquire('x', { timeout: '60s' });
    const asked = Promise.allSettled([waiting.service.acquire('x', { timeout: '60s' })]);
    const early = asked.then((outcome) => expect(outcome).toBe('not there yet'));
    if (i % 2 === 0) await Promise.race([database.waitForWaiter(), early]);
    early.catch(() => undefined);
    await Promise.all([waiting.close(), i % 3 === 0 ? lock?.release() : undefined]);
    await core.close();
    await asked;
  }
  await eventually(async () => (await database.sessions()).length === 0);
  await eventually(() => process.getActiveResourcesInfo().length <= before + 1);
});

async function report(before: Stock, after: Stock, ways: ReadonlyMap<string, number>): Promise<void> {
  const names: Record<keyof Stock, string> = {
    heapMb: 'heap, MB',
    timers: 'timers',
    sockets: 'sockets',
    listeners: 'listeners',
    sessions: 'sessions at the server',
    locks: 'advisory locks at the server',
  };
  const rows = Object.entries(names).map(([key, name]) => [
    name,
    ...[before, after].map((stock) => Number(stock[key as keyof Stock].toFixed(1))),
  ]);
  const kinds = [...ways].map(([way, count]) => `${String(count)} × ${way}`).join(', ');
  await writeSection(
    'leaks',
    `${table(['', 'Before', `After ${String(CYCLES)} locks`], rows)}\n\n${kinds}; ${String(LOSSES)} sessions were terminated.`,
  );
}
