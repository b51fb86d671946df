import { setTimeout as delay } from 'node:timers/promises';
import type { PgLockCore } from '../../lib/core/pg-lock-core.js';
import { LockLostError } from '../../lib/errors/lock-lost.error.js';
import { PgLockUsageError } from '../../lib/errors/pg-lock-usage.error.js';
import type { LeadOptions } from '../../lib/leadership/lead-options.js';
import type { Leadership } from '../../lib/leadership/leadership.js';
import { openCore, openTwo } from '../support/cores.js';
import { deferred, eventually, quickest, useDatabase } from '../support/database.js';
import { pollTooSeldom } from '../support/late-polls.js';

const database = useDatabase();

/** Work that leads until it is told to end, and what it was given. */
class Work {
  readonly terms: Leadership[] = [];
  readonly ended: Leadership[] = [];

  readonly run = async (leadership: Leadership): Promise<string> => {
    this.terms.push(leadership);
    await until(leadership.signal);
    this.ended.push(leadership);
    return 'ended';
  };

  get now(): Leadership {
    return this.terms.at(-1)!;
  }
}

function until(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Leads until the end of the test. */
function stand(core: PgLockCore, name: string, options: LeadOptions = {}): Work {
  const work = new Work();
  void core.service.lead(name, options, work.run);
  return work;
}

const begun = (work: Work, times = 1) => eventually(() => work.terms.length >= times);

const terminate = (pid: number) => database.admin.query('SELECT pg_terminate_backend($1)', [pid]);

/** Resolves when so many lock sessions stand in the server's queue. */
const waiters = (count: number) =>
  eventually(async () => {
    const { rows } = await database.admin.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`,
    );
    return rows[0]!.n === count;
  });

describe('lead', () => {
  it.each(['', 'x'.repeat(501), 7])('refuses a name that is none (%#)', async (name) => {
    const { service } = openCore(database);
    await expect(service.lead(name as string, () => 'led')).rejects.toThrow(/The name of what is led/);
    expect(() => service.isLeader(name as string)).toThrow(PgLockUsageError);
  });

  it('lists more leaders than one message holds, and listens to their signal once', async () => {
    const [one, two] = openTwo(database);
    const over = new AbortController();
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on('warning', note);
    database.defer(() => process.off('warning', note));
    const names = Array.from({ length: 150 }, (_, index) => `shard number ${index}`);
    const leading = names.map((name) =>
      one.service.lead(name, { signal: over.signal }, ({ signal }) => until(signal)).catch(() => undefined),
    );
    await eventually(() => names.every((name) => one.service.isLeader(name)));
    names.sort();
    await eventually(async () => {
      const found = await two.service.leaders.find();
      expect(found.filter(({ leader }) => leader !== null).map(({ name }) => name)).toEqual(names);
      return true;
    });
    over.abort();
    await Promise.all(leading);
    expect(warnings).toEqual([]);
  });

  it('gives up at once what standing by cannot mend, and only that', async () => {
    const nobody = new URL(database.url);
    nobody.username = 'no_such_role';
    const core = openCore(database, { connection: nobody.href });
    await expect(core.service.lead('poller', () => 'led')).rejects.toMatchObject({ code: '28000' });
  });

  it('runs the work on one of two, with a term that grows, and gives what it returns', async () => {
    const [a, b] = openTwo(database);
    const finish = deferred<number>();
    const seen: bigint[] = [];
    const first = a.service.lead('poller', async ({ term, held, name, pid }) => {
      seen.push(term);
      expect({ held, name }).toEqual({ held: true, name: 'poller' });
      expect(a.peers.self.pids).toContain(pid);
      return finish.promise;
    });
    await eventually(() => seen.length === 1);
    const second = b.service.lead('poller', ({ term }) => {
      seen.push(term);
      return 'second';
    });
    await waiters(1);
    expect([a.service.isLeader('poller'), b.service.isLeader('poller')]).toEqual([true, false]);
    finish.resolve(42);
    expect(await first).toBe(42);
    expect(await second).toBe('second');
    expect(seen[1]).toBeGreaterThan(seen[0]!);
    expect(a.service.isLeader('poller')).toBe(false);
  });

  it('holds the advisory lock of its name in the namespace of the module', async () => {
    const [a, b] = openTwo(database, { namespace: 'shop:' });
    const work = stand(a, 'poller');
    await begun(work);
    expect(await b.service.acquire('leader:poller', { timeout: 0 })).toBeNull();
    const free = await openCore(database).service.acquire('leader:poller', { timeout: 0 });
    await free!.release();
  });

  it('aborts the signal when the lead is lost, before another begins, and stands again', async () => {
    const [a, b] = openTwo(database);
    const first = stand(a, 'poller');
    await begun(first);
    const second = stand(b, 'poller');
    await waiters(1);
    const lostAt = until(first.now.signal).then(() => performance.now());
    await terminate(first.now.pid);
    await begun(second);
    expect(await lostAt).toBeLessThan(performance.now());
    expect(first.now.signal.reason).toBeInstanceOf(LockLostError);
    expect(first.now.held).toBe(false);
    expect(second.now.term).toBeGreaterThan(first.now.term);
    await waiters(1);
    void second.now.resign();
    await begun(first, 2);
  });

  it('waits until the work has ended after a loss, and calls it anew', async () => {
    const core = openCore(database);
    const mayEnd = deferred<undefined>();
    let runs = 0;
    const outcome = core.service.lead('poller', async ({ signal, pid }) => {
      if (++runs === 2) return 'again';
      await terminate(pid);
      await until(signal);
      await mayEnd.promise;
      throw new Error('that of a loss is nobody’s');
    });
    await eventually(() => runs === 1 && !core.service.isLeader('poller'));
    await delay(100);
    expect(runs).toBe(1);
    mayEnd.resolve(undefined);
    expect(await outcome).toBe('again');
  });

  it('tries again after errors, under the same term, and then leaves the lead to others', async () => {
    const [a, b] = openTwo(database);
    const terms: bigint[] = [];
    const options = { giveUpAfter: 3, backOff: { first: 5, most: 20 } };
    const failing = a.service.lead('poller', options, ({ term }) => {
      terms.push(term);
      throw new Error(`run ${terms.length}`);
    });
    await expect(failing).rejects.toThrow('run 3');
    expect(new Set(terms).size).toBe(1);
    const other = stand(b, 'poller');
    await begun(other);
  });

  it('gives the lead away when it is resigned, and lets others go first', async () => {
    const [a, b] = openTwo(database);
    const first = stand(a, 'poller');
    await begun(first);
    const second = stand(b, 'poller');
    await waiters(1);
    await first.now.resign();
    expect(first.ended).toHaveLength(1);
    expect(first.now.signal.reason).toMatchObject({ name: 'AbortError' });
    await begun(second);
    await waiters(1);
    expect(first.terms).toHaveLength(1);
  });

  it('leads again when nobody else wanted to', async () => {
    const work = stand(openCore(database), 'poller');
    await begun(work);
    await work.now.resign();
    await begun(work, 2);
  });

  it('may be resigned within the work', async () => {
    const core = openCore(database);
    let runs = 0;
    const result = core.service.lead('poller', async (leadership) => {
      if (++runs === 2) return 'twice';
      await leadership.resign();
      return 'once';
    });
    expect(await result).toBe('twice');
  });

  it('ends with its own signal, standing by or leading', async () => {
    const [a, b] = openTwo(database);
    const [leading, waiting] = [new AbortController(), new AbortController()];
    const work = new Work();
    const led = a.service.lead('poller', { signal: leading.signal }, work.run);
    await begun(work);
    const stoodBy = b.service.lead('poller', { signal: waiting.signal }, () => 'never');
    await waiters(1);
    waiting.abort(new Error('no more'));
    await expect(stoodBy).rejects.toThrow('no more');
    await waiters(0);
    leading.abort(new Error('enough'));
    await expect(led).rejects.toThrow('enough');
    expect(work.ended).toHaveLength(1);
    expect(
      await a.service.acquire('leader:poller', { timeout: 0 }).then((lock) => lock?.release()),
    ).toBeUndefined();
    await expect(
      a.service.lead('poller', { signal: AbortSignal.abort(new Error('before')) }, () => 1),
    ).rejects.toThrow('before');
  });

  it('tells its hooks and the events of the module, and minds no hook that throws', async () => {
    const core = openCore(database);
    const told: string[] = [];
    for (const type of ['leaderElected', 'leaderResigned', 'leaderLost'] as const)
      core.service.events.on(type, ({ name }: { readonly name: string }) => told.push(`${type} ${name}`));
    const options: LeadOptions = {
      onElected: () => {
        told.push('onElected');
        throw new Error('a bad hook');
      },
      onResigned: () => told.push('onResigned'),
      onLost: (_leadership, error) => told.push(`onLost ${error.name}`),
    };
    let runs = 0;
    await core.service.lead('poller', options, async ({ signal, pid }) => {
      if (++runs === 2) return;
      await terminate(pid);
      await until(signal);
    });
    const elected = ['leaderElected poller', 'onElected'];
    expect(told).toEqual([
      ...elected,
      'leaderLost poller',
      'onLost LockLostError',
      ...elected,
      'onResigned',
      'leaderResigned poller',
    ]);
  });

  it('runs outside of the flow that asks, and is stranger to its locks', async () => {
    const { service } = openCore(database);
    await service.advisory('outer', async () => {
      const inside = await service.lead('poller', () => service.isHeld('outer'));
      expect(inside).toBe(false);
    });
  });

  it('is ended by no default of the module for locks', async () => {
    const work = stand(openCore(database, { advisory: { maxHold: 50, timeout: 10 } }), 'poller');
    await begun(work);
    await delay(200);
    expect(work.now.held).toBe(true);
  });

  it.each([
    ['', undefined],
    [7, undefined],
    ['x', null],
    ['x', { giveUpAfter: 0 }],
    ['x', { giveUpAfter: 1.5 }],
    ['x', { backOff: { first: -1 } }],
    ['x', { backOff: 7 }],
    ['x', { onLost: 'no' }],
    ['x', { signal: {} }],
    ['x', { timeout: 0 }],
  ])('refuses %j with %j before any SQL', async (name, options) => {
    const { service } = openCore(database);
    const led = service.lead(name as string, (options === undefined ? {} : options) as LeadOptions, () => 1);
    await expect(led).rejects.toThrow(PgLockUsageError);
    expect(await database.sessions()).toEqual([]);
  });

  it('refuses to lead without work', async () => {
    const { service } = openCore(database);
    await expect(service.lead('x', {}, undefined as never)).rejects.toThrow(PgLockUsageError);
    expect(() => service.isLeader('')).toThrow(PgLockUsageError);
  });
});

describe('shutdown', () => {
  it('resigns, waits for the work, and leaves the lead to the next at once', async () => {
    const gap = async () => {
      const [a, b] = openTwo(database);
      const working = deferred<undefined>();
      const endedAt = deferred<number>();
      const led = a.service.lead('poller', async ({ signal }) => {
        working.resolve(undefined);
        await until(signal);
        await delay(50);
        endedAt.resolve(performance.now());
      });
      await working.promise;
      const begins = deferred<number>();
      const next = b.service.lead('poller', async ({ signal }) => {
        begins.resolve(performance.now());
        await until(signal);
      });
      await waiters(1);
      await a.close();
      expect(await led).toBeUndefined();
      const ms = (await begins.promise) - (await endedAt.promise);
      expect(ms).toBeGreaterThan(0);
      await b.close();
      await next;
      return ms;
    };
    // Some milliseconds on a quiet machine; the next thing that would make it stand is a second away.
    expect(await quickest(500, gap)).toBeLessThan(500);
  });

  it('refuses to lead once it has begun', async () => {
    const core = openCore(database);
    await core.close();
    await expect(core.service.lead('poller', () => 'led')).rejects.toThrow(PgLockUsageError);
  });

  it('hands over at once where the next had no connection left to stand by on', async () => {
    const polls = pollTooSeldom(database);
    const names = ['one', 'two', 'three', 'four'];
    const handOver = async () => {
      const [a, b] = openTwo(database, { sessions: { max: 2 } });
      const leading = names.map((name) => stand(a, name));
      for (const work of leading) await begun(work);
      const before = polls.pauses;
      const standing = names.map((name) => stand(b, name));
      await waiters(1);
      await eventually(() => polls.pauses >= before + names.length - 1);
      const closedAt = performance.now();
      await a.close();
      for (const work of standing) await begun(work);
      const ms = performance.now() - closedAt;
      await b.close();
      return ms;
    };
    // Where it is not told, it asks whether it is told every 5 s.
    expect(await quickest(2_500, handOver)).toBeLessThan(2_500);
  });
});

describe('connections', () => {
  it('takes one for each name that another leads, within the bound', async () => {
    const [a, b] = openTwo(database, { sessions: { max: 3 } });
    const names = Array.from({ length: 10 }, (_, i) => `name ${String(i)}`);
    const leading = names.map((name) => stand(a, name));
    for (const work of leading) await begun(work);
    for (const name of names) stand(b, name);
    await waiters(2);
    expect(b.advisory.status().sessions).toBe(3);
    expect(a.advisory.status().sessions).toBe(1);
  });
});

describe('leaders.find', () => {
  it('says who leads what, since when, in which term, and how many stand by', async () => {
    const connection = { connectionString: database.url, application_name: 'orders-api' };
    const a = openCore(database, { connection });
    const [b, c] = openTwo(database);
    const first = stand(a, 'poller');
    await begun(first);
    const other = stand(b, 'other');
    await begun(other);
    stand(b, 'poller');
    stand(c, 'poller');
    await waiters(2);
    const { term, since, pid } = first.now;
    await eventually(async () => {
      expect(await b.service.leaders.find()).toMatchObject([
        { name: 'other', standingBy: 0, leader: { own: true, pid: other.now.pid } },
        {
          name: 'poller',
          standingBy: 2,
          leader: { own: false, applicationName: 'orders-api', term, since, pid },
        },
      ]);
      return true;
    });
    const { leaders } = openCore(database).service;
    await eventually(async () => (await leaders.find()).length === 2);
  });
});
