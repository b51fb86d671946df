import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { Test } from '@nestjs/testing';
import {
  getPgLockHealthToken,
  LockNotAvailableError,
  PgLockConfigurationError,
  PgLockHealthIndicator,
  PgLockModule,
  PgLockService,
  type LockAcquiredMessage,
  type LockChannels,
  type OpenTelemetryApi,
  type PgLockModuleOptions,
  type TelemetryAttributes,
  type TelemetryInstrument,
  type TelemetryObservation,
} from '../../lib/index.js';
import { CHANNELS } from '../../lib/telemetry/lock-channels.js';
import { loseLock, PgLockTestingModule } from '../../lib/testing/index.js';
import { eventually, useDatabase } from '../support/database.js';
import { FaultyProxy } from '../support/proxy.js';

const db = useDatabase();
const A_NUMBER = expect.any(Number) as number;

/** What an application would have from `@opentelemetry/api`, with what was told to it. */
class FakeTelemetry implements OpenTelemetryApi {
  readonly values = new Map<string, { value: number; attributes: TelemetryAttributes | undefined }[]>();
  readonly spans: { name: string; startTime: number; attributes: TelemetryAttributes; code: number }[] = [];
  readonly names: string[] = [];
  readonly instruments = new Map<string, TelemetryInstrument | undefined>();
  version: string | undefined;
  readonly #gauges = new Map<string, Set<(observation: TelemetryObservation) => void>>();
  readonly metrics = {
    getMeter: (_name: string, version?: string) => {
      this.version = version;
      return this.#meter();
    },
  };
  readonly trace = {
    getTracer: () => ({
      startSpan: (
        name: string,
        options: { readonly startTime?: number; readonly attributes?: TelemetryAttributes } = {},
      ) => {
        const span = {
          name,
          startTime: options.startTime ?? 0,
          attributes: options.attributes ?? {},
          code: 0,
        };
        return {
          setStatus: ({ code }: { readonly code: number }) => void (span.code = code),
          end: () => void this.spans.push(span),
        };
      },
    }),
  };

  /** The sum of a counter, or how often a histogram was written to. */
  total(name: string): number {
    const values = this.values.get(name) ?? [];
    return name.endsWith('.duration') ? values.length : values.reduce((sum, { value }) => sum + value, 0);
  }

  collect(): Record<string, number> {
    const seen: Record<string, number> = {};
    for (const [name, callbacks] of this.#gauges)
      for (const callback of callbacks) callback({ observe: (value) => (seen[name] = value) });
    return seen;
  }

  #meter() {
    const write = (name: string) => {
      this.names.push(name);
      return (value: number, attributes?: TelemetryAttributes) => {
        this.values.set(name, [...(this.values.get(name) ?? []), { value, attributes }]);
      };
    };
    return {
      createCounter: (name: string, options?: TelemetryInstrument) => {
        this.instruments.set(name, options);
        return { add: write(name) };
      },
      createHistogram: (name: string, options?: TelemetryInstrument) => {
        this.instruments.set(name, options);
        return { record: write(name) };
      },
      createObservableGauge: (name: string) => {
        const own = new Set<(observation: TelemetryObservation) => void>();
        this.names.push(name);
        this.#gauges.set(name, own);
        return { addCallback: own.add.bind(own), removeCallback: own.delete.bind(own) };
      },
    };
  }
}

/** Takes down what is said on a channel until the test is over. */
function hear<Name extends keyof LockChannels>(name: Name): LockChannels[Name][] {
  const heard: LockChannels[Name][] = [];
  const listener = (message: unknown) => void heard.push(message as LockChannels[Name]);
  subscribe(name, listener);
  db.defer(() => void unsubscribe(name, listener));
  return heard;
}

async function onDatabase(options: PgLockModuleOptions = {}) {
  const module = PgLockModule.forRoot({ connection: db.url, ...options });
  const app = await Test.createTestingModule({ imports: [module] }).compile();
  app.useLogger(false);
  await app.init();
  db.defer(() => app.close());
  return app;
}

async function inMemory(options: PgLockModuleOptions = {}) {
  const module = PgLockTestingModule.forRoot(options);
  const app = await Test.createTestingModule({ imports: [module] }).compile();
  app.useLogger(false);
  await app.init();
  db.defer(() => app.close());
  return app;
}

describe.each([
  ['PostgreSQL', onDatabase],
  ['memory', inMemory],
])('channels, on %s', (_, open) => {
  it('tell of a lock that is had and let go of', async () => {
    const [requested, acquired] = [hear('nestjs-pglock:requested'), hear('nestjs-pglock:acquired')];
    const released = hear('nestjs-pglock:released');
    const pglock = (await open()).get(PgLockService);
    await pglock.advisory('a', { shared: true }, () => expect(released).toEqual([]));
    const lock = { database: 'default', id: 'a', shared: true, scope: 'session' };
    expect(requested).toEqual([expect.objectContaining(lock)]);
    expect(acquired).toEqual([expect.objectContaining({ ...lock, waitedMs: A_NUMBER, pid: A_NUMBER })]);
    expect(released).toEqual([expect.objectContaining({ ...lock, heldMs: A_NUMBER })]);
    expect(released[0]!.instance).toBe(requested[0]!.instance);
  });

  it('tell of a lock that is refused, with the reason', async () => {
    const refused = hear('nestjs-pglock:refused');
    const pglock = (await open()).get(PgLockService);
    await using _held = await pglock.acquire('a');
    expect(await pglock.acquire('a', { timeout: 0 })).toBeNull();
    expect(await pglock.advisory('a', { timeout: 5, onContention: 'skip' }, () => 1)).toBeUndefined();
    await expect(pglock.acquire('a', { signal: AbortSignal.timeout(5) })).rejects.toThrow('timeout');
    expect(refused.map(({ reason }) => reason)).toEqual(['contention', 'contention', 'error']);
    expect(refused[0]!.error).toBeInstanceOf(LockNotAvailableError);
    expect(refused[1]!.waitedMs).toBeGreaterThanOrEqual(4);
  });

  it('tell of several ids as of one lock, and of re-entry as of another', async () => {
    const [acquired, released] = [hear('nestjs-pglock:acquired'), hear('nestjs-pglock:released')];
    const pglock = (await open()).get(PgLockService);
    const inner = () => pglock.advisory('a', { reentrant: true }, () => undefined);
    await pglock.advisory(['a', 'b'], inner);
    expect(acquired.map(({ id }) => id)).toEqual([['a', 'b'], 'a']);
    expect(released.map(({ id }) => id)).toEqual(['a', ['a', 'b']]);
  });

  it('say nothing of what was taken before anybody listened', async () => {
    const pglock = (await open()).get(PgLockService);
    const lock = await pglock.acquire('a');
    const released = hear('nestjs-pglock:released');
    await lock?.release();
    expect(released).toEqual([]);
  });
});

describe.each([
  ['PostgreSQL', onDatabase],
  ['memory', inMemory],
])('channels and metrics of leaders and permits, on %s', (_, open) => {
  const untilAborted = ({ signal }: { readonly signal: AbortSignal }) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

  it('tell of terms that begin, and of how each ends', async () => {
    const api = new FakeTelemetry();
    const [elected, resigned] = [hear('nestjs-pglock:leader-elected'), hear('nestjs-pglock:leader-resigned')];
    const pglock = (await open({ telemetry: { api } })).get(PgLockService);
    expect(await pglock.lead('once', () => 'done')).toBe('done');
    const failing = pglock.lead('never', { giveUpAfter: 1 }, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    let resign = () => Promise.resolve();
    const stop = new AbortController();
    const led = pglock.lead('given up', { signal: stop.signal }, (leadership) => {
      resign = () => leadership.resign();
      return untilAborted(leadership);
    });
    await eventually(() => pglock.isLeader('given up'));
    await resign();
    stop.abort(new Error('enough'));
    await expect(led).rejects.toThrow('enough');
    const names = ['once', 'never', 'given up'];
    const term = expect.any(BigInt) as bigint;
    expect(elected).toMatchObject(names.map((name) => ({ name, term, pid: A_NUMBER, database: 'default' })));
    expect(resigned.map(({ name, reason }) => [name, reason])).toEqual([
      ['once', 'finished'],
      ['never', 'failed'],
      ['given up', 'resigned'],
    ]);
    expect(api.total('pglock.leader.elected')).toBe(3);
    expect(api.values.get('pglock.leader.ended')?.map(({ attributes }) => attributes)).toEqual(
      resigned.map(({ name, reason }) => ({
        ...{ 'pglock.database': 'default', 'pglock.leader': name, 'pglock.reason': reason },
      })),
    );
  });

  it('tell of a permit as of a lock, of the id that was asked for', async () => {
    const api = new FakeTelemetry();
    const [acquired, refused] = [hear('nestjs-pglock:acquired'), hear('nestjs-pglock:refused')];
    const released = hear('nestjs-pglock:released');
    const pglock = (await open({ telemetry: { api } })).get(PgLockService);
    const one = { permits: 1, timeout: 0 } as const;
    await using permit = await pglock.acquire('gpu', one);
    expect(await pglock.acquire('gpu', one)).toBeNull();
    expect(api.collect()).toMatchObject({ 'pglock.lock.held': 1, 'pglock.lock.waiters': 0 });
    await permit?.release();
    for (const messages of [acquired, refused, released]) expect(messages).toMatchObject([{ id: 'gpu' }]);
    const counted = ['acquired', 'refused'].map((name) => api.total(`pglock.lock.${name}`));
    expect(counted).toEqual([1, 1]);
  });
});

describe('channels, on PostgreSQL', () => {
  it('tell of a lead that is lost, and count it', async () => {
    const api = new FakeTelemetry();
    const lost = hear('nestjs-pglock:leader-lost');
    const pglock = (await onDatabase({ telemetry: { api } })).get(PgLockService);
    let pid = 0;
    const led = pglock.lead('poller', (leadership) => {
      const isFirst = pid === 0;
      pid = leadership.pid;
      return isFirst ? once(leadership.signal, 'abort') : undefined;
    });
    await eventually(() => pid > 0);
    await db.admin.query('SELECT pg_terminate_backend($1)', [pid]);
    await led;
    expect(lost).toMatchObject([{ name: 'poller', database: 'default' }]);
    const lostTerms = api.values
      .get('pglock.leader.ended')
      ?.filter(({ attributes }) => attributes?.['pglock.reason'] === 'lost');
    expect(lostTerms).toHaveLength(1);
  });

  it('tell of numbers of permits that differ', async () => {
    const differ = hear('nestjs-pglock:permits-differ');
    const [a, b] = [(await onDatabase()).get(PgLockService), (await onDatabase()).get(PgLockService)];
    await using one = await a.acquire('gpu', { permits: 1 });
    expect(await b.acquire('gpu', { permits: 2, timeout: 0 })).toBeNull();
    await eventually(() => differ.length > 0);
    expect(one?.permit).toBe(1);
    expect(differ[0]).toMatchObject({ permits: [1, 2], database: 'default' });
  });

  it('tell of locks in transactions, whose end releases them', async () => {
    const [acquired, released] = [hear('nestjs-pglock:acquired'), hear('nestjs-pglock:released')];
    const pglock = (await onDatabase()).get(PgLockService);
    await pglock.transaction(async () => {
      await pglock.acquire('a', { xact: true });
      expect(acquired).toMatchObject([
        { id: 'a', scope: 'transaction' },
      ] satisfies Partial<LockAcquiredMessage>[]);
      expect(released).toEqual([]);
    });
    expect(released).toMatchObject([{ id: 'a', scope: 'transaction' }]);
  });

  it('tell of a lock that is lost, of its session, and not of its release', async () => {
    const [lost, released] = [hear('nestjs-pglock:lost'), hear('nestjs-pglock:released')];
    const ended = hear('nestjs-pglock:session-ended');
    const pglock = (await onDatabase()).get(PgLockService);
    const lock = await pglock.acquire('a', { onContention: 'throw' });
    await db.admin.query('SELECT pg_terminate_backend($1)', [lock.pid]);
    await eventually(() => lock.signal.aborted);
    await lock.release();
    expect(lost).toMatchObject([{ id: 'a', error: lock.signal.reason as Error }]);
    expect(ended).toMatchObject([{ pid: lock.pid, locksLost: 1, database: 'default' }]);
    expect(released).toEqual([]);
  });

  it('tell of blockers that are signalled', async () => {
    const signalled = hear('nestjs-pglock:signalled');
    const pglock = (await onDatabase()).get(PgLockService);
    const idle = await db.connect();
    idle.on('error', () => undefined);
    await db.admin.query('CREATE TABLE t ()');
    await idle.query('BEGIN; LOCK TABLE t');
    await pglock.prioritize({ interval: '50ms' }, () => pglock.pool.query('SELECT FROM t'));
    expect(signalled).toMatchObject([{ pid: db.pidOf(idle), action: 'terminate', outcome: 'terminated' }]);
  });
});

describe('telemetry', () => {
  it('counts, measures and traces what becomes of locks', async () => {
    const api = new FakeTelemetry();
    const app = await inMemory({ telemetry: { api } });
    const pglock = app.get(PgLockService);
    await using held = await pglock.acquire('a', { onContention: 'throw' });
    await pglock.acquire('a', { timeout: 0 });
    const waiting = pglock.acquire('a');
    expect(api.collect()).toEqual({
      'pglock.lock.waiters': 1,
      'pglock.lock.held': 1,
      'pglock.session.open': 1,
    });
    await held.release();
    await (await waiting)?.release();
    const lost = await pglock.acquire('b');
    loseLock('b');
    await lost?.release();

    const names = ['attempts', 'acquired', 'refused', 'lost', 'wait.duration', 'hold.duration'];
    const totals = names.map((name) => [name, api.total(`pglock.lock.${name}`)]);
    expect(Object.fromEntries(totals)).toEqual({
      attempts: 4,
      acquired: 3,
      refused: 1,
      lost: 1,
      'wait.duration': 4,
      'hold.duration': 3,
    });
    expect(api.values.get('pglock.lock.refused')?.[0]?.attributes).toEqual({
      'pglock.database': 'default',
      'pglock.scope': 'session',
      'pglock.shared': false,
      'pglock.reason': 'contention',
    });
    expect(api.spans.map(({ name, code }) => `${name} ${code}`)).toEqual([
      'pglock.wait 0',
      'pglock.wait 2',
      'pglock.hold 0',
      'pglock.wait 0',
      'pglock.hold 0',
      'pglock.wait 0',
      'pglock.hold 2',
    ]);
    expect(api.spans[0]!.attributes['pglock.id']).toBe('a');
    expect(Math.abs(Date.now() - api.spans[0]!.startTime)).toBeLessThan(300_000);
  });

  it('is told of its own module, and of nothing after the shutdown', async () => {
    const api = new FakeTelemetry();
    const [app, other] = [await inMemory({ telemetry: { api, traces: false } }), await inMemory()];
    await other.get(PgLockService).advisory('a', () => undefined);
    expect(api.total('pglock.lock.acquired')).toBe(0);
    await app.get(PgLockService).advisory('a', () => undefined);
    expect(api.total('pglock.lock.acquired')).toBe(1);
    expect(api.spans).toEqual([]);
    await app.close();
    expect(api.collect()).toEqual({});
  });

  it('takes the package that the application has installed, and asks for it where none is, at boot', async () => {
    await expect(inMemory({ telemetry: true })).resolves.toBeDefined();
    jest.unstable_mockModule('@opentelemetry/api', () => {
      throw new Error('Cannot find package');
    });
    await expect(inMemory({ telemetry: true })).rejects.toThrow(PgLockConfigurationError);
    await expect(inMemory({ telemetry: true })).rejects.toThrow('install it');
    await expect(inMemory({ telemetry: { api: 5 as never } })).rejects.toThrow('telemetry.api');
  });
});

describe('docs/telemetry.md', () => {
  const guide = readFileSync(new URL('../../docs/telemetry.md', import.meta.url), 'utf8');
  const named = (pattern: RegExp) => [...guide.matchAll(pattern)].map(([, name]) => name).sort();

  it('names every channel, and no other', () => {
    expect(named(/^\| `(nestjs-pglock:[\w-]+)`/gm)).toEqual(Object.keys(CHANNELS).sort());
  });

  it('names every metric, and no other', async () => {
    const api = new FakeTelemetry();
    await inMemory({ telemetry: { api } });
    expect(named(/^\| `(pglock\.[\w.]+)`/gm)).toEqual(api.names.sort());
  });
});

describe('PgLockHealthIndicator', () => {
  const proxied = async () => {
    const proxy = await new FaultyProxy(() => Number(new URL(db.url).port)).listen();
    db.defer(() => proxy.close());
    return { proxy, connection: proxy.through(db.url) };
  };

  it('is up when the server answers, with what there is to know', async () => {
    const app = await onDatabase();
    await using _lock = await app.get(PgLockService).acquire('a');
    const result = await app.get(PgLockHealthIndicator).check('locks');
    expect(result).toEqual({
      locks: {
        status: 'up',
        latencyMs: A_NUMBER,
        sessions: 1,
        maxSessions: 4,
        held: 1,
        budget: A_NUMBER,
        waiting: 0,
      },
    });
  });

  it('is up in memory, and there for each database', async () => {
    const app = await inMemory({ name: 'reporting' } as PgLockModuleOptions);
    const health = app.get<PgLockHealthIndicator>(getPgLockHealthToken('reporting'));
    expect((await health.check()).pglock.status).toBe('up');
  });

  it('is down when the budget is used up', async () => {
    const app = await onDatabase();
    await using _lock = await app.get(PgLockService).acquire('a');
    const { pglock } = await app.get(PgLockHealthIndicator).check('pglock', { budgetShare: 1e-9 });
    expect(pglock).toMatchObject({
      status: 'down',
      message: expect.stringMatching(/^1 locks are held/) as unknown,
    });
  });

  it('is down in time when the server does not answer, and up again after that', async () => {
    const { proxy, connection } = await proxied();
    const health = (await onDatabase({ connection })).get(PgLockHealthIndicator);
    expect((await health.check()).pglock.status).toBe('up');
    proxy.freeze();
    const startedAt = performance.now();
    const { pglock } = await health.check('pglock', { timeout: 100 });
    expect(performance.now() - startedAt).toBeLessThan(8_000); // a statement has 10 s
    expect(pglock).toMatchObject({ status: 'down', message: 'The server did not answer within 100 ms.' });
    proxy.thaw();
    expect((await health.check()).pglock.status).toBe('up');
  });

  it('is down when nobody listens there', async () => {
    const { proxy, connection } = await proxied();
    await proxy.close();
    const health = (await onDatabase({ connection })).get(PgLockHealthIndicator);
    const { pglock } = await health.check();
    expect(pglock).toMatchObject({ status: 'down', sessions: 0, budget: null });
    expect(pglock.message).toContain('ECONNREFUSED');
  });
});

it('says its version, the units of its counters, and bounds of buckets in seconds', async () => {
  const telemetry = new FakeTelemetry();
  await onDatabase({ telemetry: { api: telemetry } });
  expect(telemetry.version).toMatch(/^\d+\.\d+\.\d+/);
  expect(telemetry.instruments.get('pglock.lock.acquired')).toMatchObject({ unit: '{lock}' });
  const { unit, advice } = telemetry.instruments.get('pglock.lock.wait.duration') ?? {};
  expect(unit).toBe('s');
  expect(advice?.explicitBucketBoundaries?.[0]).toBe(0.001);
});
