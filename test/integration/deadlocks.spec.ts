import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { PgLockCore } from '../../lib/core/pg-lock-core.js';
import { DeadlockError } from '../../lib/errors/deadlock.error.js';
import { openCore, openTwo } from '../support/cores.js';
import { barrier, deferred, eventually, quickest, useDatabase } from '../support/database.js';

const database = useDatabase();

/** How two flows that hold one thing each and ask for the other's end: one is refused, and the other goes on. */
async function outcomes(flows: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(flows);
  return settled
    .map((one) =>
      one.status === 'fulfilled'
        ? 'done'
        : one.reason instanceof DeadlockError
          ? 'refused'
          : String(one.reason),
    )
    .sort();
}

/** Holds the first, and when all have theirs, asks for the second. */
function nested(
  core: PgLockCore,
  all: { arrive(): Promise<void> },
  first: string,
  second: string,
): Promise<unknown> {
  return core.service.advisory(first, { timeout: null }, async () => {
    await all.arrive();
    await core.service.advisory(second, { timeout: null }, () => undefined);
  });
}

describe('a deadlock across processes', () => {
  it('ends for the one that came last, within seconds', async () => {
    const [a, b] = openTwo(database);
    const meet = async () => {
      const all = barrier(2);
      expect(await outcomes([nested(a, all, 'x', 'y'), nested(b, all, 'y', 'x')])).toEqual([
        'done',
        'refused',
      ]);
    };
    expect(await quickest(4_000, meet)).toBeLessThan(4_000);
  });

  it('is found around three', async () => {
    const cores = [openCore(database), openCore(database), openCore(database)];
    const all = barrier(3);
    const flows = cores.map((core, i) => nested(core, all, `k${i}`, `k${(i + 1) % 3}`));
    expect(await outcomes(flows)).toEqual(['done', 'done', 'refused']);
  });

  it('is found between roles that may not see what the other runs', async () => {
    const [one, other] = [await database.role('one'), await database.role('other')];
    const all = barrier(2);
    const flows = [
      nested(openCore(database, { connection: one.url }), all, 'x', 'y'),
      nested(openCore(database, { connection: other.url }), all, 'y', 'x'),
    ];
    expect(await outcomes(flows)).toEqual(['done', 'refused']);
  });

  it('is found among flows that hold 500 ids', async () => {
    const [a, b] = openTwo(database);
    const all = barrier(2);
    const many = (prefix: string) => Array.from({ length: 500 }, (_, i) => `${prefix}:${String(i)}`);
    const flow = (core: PgLockCore, own: string, others: string) =>
      core.service.advisory(many(own), { timeout: null }, async () => {
        await all.arrive();
        await core.service.advisory(`${others}:499`, { timeout: null }, () => undefined);
      });
    expect(await outcomes([flow(a, 'a', 'b'), flow(b, 'b', 'a')])).toEqual(['done', 'refused']);
  });

  it('is found while waits poll, since the bound on sessions is reached', async () => {
    const [a, b] = openTwo(database, { sessions: { max: 2 } });
    const blocker = openCore(database);
    const used = await blocker.service.acquire('used up');
    const stuck = [a, b].map(({ service }) => service.acquire('used up', { timeout: null }));
    await eventually(() => [a, b].every((core) => core.advisory.status().sessions === 2));
    const all = barrier(2);
    const found = await outcomes([nested(a, all, 'x', 'y'), nested(b, all, 'y', 'x')]);
    await used!.release();
    await Promise.all(stuck.map(async (one) => (await one)?.release())); // whichever has it first
    expect(found).toEqual(['done', 'refused']);
  });

  it('is found over handles that a flow has acquired', async () => {
    const [a, b] = openTwo(database);
    const all = barrier(2);
    const flow = ({ service }: PgLockCore, name: string, first: string, second: string) =>
      service.advisory(name, async () => {
        await using held = await service.acquire(first, { timeout: null });
        expect(held?.held).toBe(true);
        await all.arrive();
        await using other = await service.acquire(second, { timeout: null });
        expect(other?.held).toBe(true);
      });
    expect(await outcomes([flow(a, 'flow a', 'x', 'y'), flow(b, 'flow b', 'y', 'x')])).toEqual([
      'done',
      'refused',
    ]);
  });

  it('is found over two modules on one database in one process', async () => {
    const [a, b] = openTwo(database);
    const all = barrier(2);
    const flow = (outer: PgLockCore, inner: PgLockCore, first: string, second: string) =>
      outer.service.advisory(first, { timeout: null }, async () => {
        await all.arrive();
        await inner.service.advisory(second, { timeout: null }, () => undefined);
      });
    expect(await outcomes([flow(a, b, 'x', 'y'), flow(b, a, 'y', 'x')])).toEqual(['done', 'refused']);
  });

  it('is found over a lock of a transaction', async () => {
    const [a, b] = openTwo(database);
    const all = barrier(2);
    const first = a.service.advisory('x', { timeout: null }, async () => {
      await all.arrive();
      await a.service.advisory('y', { xact: true, timeout: null }, () => undefined);
    });
    const second = b.service.advisory('y', { xact: true }, async () => {
      await all.arrive();
      await b.service.advisory('x', { timeout: null }, () => undefined);
    });
    expect(await outcomes([first, second])).toEqual(['done', 'refused']);
  });
});

describe('no deadlock', () => {
  it('refuses nobody who waits behind a long queue, with locks that others wait for', async () => {
    const cores = Array.from({ length: 4 }, () => openCore(database));
    const last = deferred<undefined>();
    const flows = cores.map(({ service }, i) =>
      service.advisory(`chain:${i}`, { timeout: null }, async () => {
        if (i === 0) return last.promise;
        await service.advisory(`chain:${i - 1}`, { timeout: null }, () => undefined);
        return undefined;
      }),
    );
    await delay(4_000);
    last.resolve(undefined);
    expect(await outcomes(flows)).toEqual(['done', 'done', 'done', 'done']);
  });

  it('refuses nobody where other software ends the chase', async () => {
    const core = openCore(database);
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await other.query('SELECT pg_advisory_lock(42)');
    const flow = core.service.advisory('x', () =>
      core.service.advisory(42n, { timeout: null }, () => 'done'),
    );
    await delay(3_000);
    await other.end();
    expect(await flow).toBe('done');
  });
});
