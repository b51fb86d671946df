import {
  Injectable,
  Module,
  UseInterceptors,
  type DynamicModule,
  type INestApplicationContext,
  type LoggerService,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, Interval, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { jest } from '@jest/globals';
import { CronJob, CronTime } from 'cron';
import {
  AdvisoryLock,
  CurrentLock,
  CurrentTick,
  LockNotAvailableError,
  PgLockConfigurationError,
  PgLockModule,
  PgLockService,
  PgLockUsageError,
  WithAdvisoryLock,
  type JobTick,
  type LockHandle,
  type PgLockModuleOptions,
} from '../../lib/index.js';
import { Jobs } from '../../lib/jobs/jobs.js';
import { eventually, useDatabase } from '../support/database.js';

const EVERY_SECOND = '* * * * * *';

interface Ran {
  readonly job: string;
  readonly app: string;
  readonly at: number | undefined;
  readonly skipped: number;
  readonly lock: boolean;
  readonly from: number;
  until: number;
}
let ran: Ran[] = [];

/** Which application of this process an instance belongs to. */
const apps = new WeakMap<object, string>();

async function note(self: object, job: string, tick?: JobTick, lock?: LockHandle, ms = 0): Promise<void> {
  const row = {
    ...{
      job,
      app: apps.get(self) ?? '?',
      at: tick?.scheduledAt.getTime(),
      skipped: tick?.skipped ?? 0,
      lock: lock?.held ?? false,
    },
    ...{ from: performance.now(), until: 0 },
  };
  ran.push(row);
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  row.until = performance.now();
}

/** The ticks of a job that ran, in their order. */
function ticksOf(job: string): number[] {
  return ran
    .filter((one) => one.job === job)
    .map(({ at }) => at)
    .filter((at) => at !== undefined)
    .sort((a, b) => a - b);
}

/** What is wrong with the ticks of a job: no tick at all, run twice, or neither run nor, on a machine that is too busy, skipped for a later one. */
function wrongTicks(job: string): string[] {
  const runs = ran.filter((one) => one.job === job).sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
  return runs.flatMap(({ at, skipped }, index) => {
    if (at === undefined) return ['a run without a tick'];
    const before = runs[index - 1]?.at;
    const gap = before === undefined ? 1 : (at - before) / 1_000;
    return gap === 1 || gap === skipped + 1
      ? []
      : [`${new Date(at).toISOString()}: gap ${gap}, skipped ${skipped}`];
  });
}

const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 1_000));

@Injectable()
class Plain {
  @Cron(EVERY_SECOND)
  @UseInterceptors(AdvisoryLock())
  async run(@CurrentTick() tick: JobTick, @CurrentLock() lock: LockHandle) {
    await note(this, 'plain', tick, lock);
  }
}

@Injectable()
class Decorated {
  @Cron(EVERY_SECOND)
  @WithAdvisoryLock('decorated')
  async run(@CurrentTick() tick?: JobTick, @CurrentLock() lock?: LockHandle) {
    await note(this, 'decorated', tick, lock);
  }
}

@Injectable()
@UseInterceptors(AdvisoryLock('reports', { catchUp: '5s' }))
class SharedId {
  @Cron(EVERY_SECOND)
  async first(@CurrentTick() tick: JobTick) {
    await note(this, 'first', tick, undefined, 50);
  }

  @Cron(EVERY_SECOND)
  async second(@CurrentTick() tick: JobTick) {
    await note(this, 'second', tick, undefined, 50);
  }
}

@Injectable()
class Failing {
  @Cron(EVERY_SECOND)
  @UseInterceptors(AdvisoryLock({ giveBackAfter: 2 }))
  async run(@CurrentTick() tick: JobTick) {
    await note(this, 'failing', tick);
    if (apps.get(this) === 'a') throw new Error("no such user 'ada'");
  }
}

const onceName = (date: Date) => `once at ${date.toISOString()}`;

function onceAt(date: Date): Type {
  @Injectable()
  class Once {
    @Cron(date)
    @UseInterceptors(AdvisoryLock(onceName(date)))
    async run(@CurrentTick() tick: JobTick) {
      await note(this, onceName(date), tick);
    }
  }
  return Once;
}

describe('ticks', () => {
  const db = useDatabase();

  beforeEach(() => {
    ran = [];
  });

  /** One replica: an application of its own, in this process. */
  async function boot(
    name: string,
    providers: readonly Type[],
    {
      options = {},
      imports = [],
      logger = false,
    }: { options?: PgLockModuleOptions; imports?: DynamicModule[]; logger?: LoggerService | false } = {},
  ): Promise<INestApplicationContext> {
    class App {}
    Module({
      imports: [
        ...imports,
        ScheduleModule.forRoot(),
        PgLockModule.forRoot({ connection: db.url, ...options }),
      ],
      providers: [...providers],
    })(App);
    const app = await NestFactory.createApplicationContext(App, { logger, abortOnError: false });
    db.defer(() => app.close());
    for (const provider of providers) apps.set(app.get<object>(provider), name);
    return app;
  }

  const jobsOf = (app: INestApplicationContext) => app.get(PgLockService).jobs;

  it('run once on two replicas, with the tick and the lock, by either decorator', async () => {
    const a = await boot('a', [Plain, Decorated]);
    await boot('b', [Plain, Decorated]);
    await eventually(() => ticksOf('plain').length >= 3 && ticksOf('decorated').length >= 3);
    for (const job of ['plain', 'decorated']) {
      expect(wrongTicks(job)).toEqual([]);
      expect(new Set(ran.filter((one) => one.job === job).map(({ lock }) => lock))).toEqual(new Set([true]));
      expect(ran.filter((one) => one.job === job).every(({ at }) => at !== undefined)).toBe(true);
    }
    expect((await jobsOf(a).find()).map(({ name }) => name)).toEqual(['Decorated.run', 'Plain.run']);
  });

  it('run once where a provider is listed in two modules and ScheduleModule is imported twice', async () => {
    class Feature {}
    Module({ providers: [Plain] })(Feature);
    const twice = { module: ScheduleModule, imports: [ScheduleModule.forRoot({ cronJobs: true })] };
    await boot('a', [Plain], { imports: [{ module: Feature }, twice] });
    await eventually(() => ticksOf('plain').length >= 3);
    expect(wrongTicks('plain')).toEqual([]);
  });

  it('of two jobs with one given id run both, one after the other', async () => {
    await boot('a', [SharedId]);
    await boot('b', [SharedId]);
    await eventually(() => ticksOf('first').length >= 3 && ticksOf('second').length >= 3);
    expect(wrongTicks('first')).toEqual([]);
    expect(wrongTicks('second')).toEqual([]);
    const spans = ran.toSorted((a, b) => a.from - b.from);
    for (const [index, span] of spans.entries())
      expect(spans[index - 1]?.until ?? 0).toBeLessThanOrEqual(span.from);
  });

  it('of one date are one', async () => {
    const { getTimeout } = CronTime.prototype;
    // cron may throw here, out of its own timer: findings/cron-date-job-throws-from-its-timer.sh
    const timeout = jest.spyOn(CronTime.prototype, 'getTimeout').mockImplementation(function (
      this: CronTime,
    ) {
      try {
        return getTimeout.call(this);
      } catch {
        return 0;
      }
    });
    let date = new Date(0);
    // A slow machine needs longer to boot both before that date.
    for (let aheadMs = 1_000; date.getTime() <= Date.now(); aheadMs *= 3) {
      date = new Date(Date.now() + aheadMs);
      const once = onceAt(date);
      for (const name of ['a', 'b']) await boot(name, [once]);
    }
    const ofLast = () => ran.filter(({ job }) => job === onceName(date));
    await eventually(() => ofLast().length > 0);
    await seconds(0.5);
    timeout.mockRestore();
    expect(ofLast().map(({ at }) => at)).toEqual([date.getTime()]);
  });

  it('of a job that fails are given to another replica', async () => {
    const a = await boot('a', [Failing]);
    await eventually(() => ran.length > 0);
    await boot('b', [Failing]);
    await eventually(() => ran.some(({ app }) => app === 'b'));
    expect(wrongTicks('failing')).toEqual([]);
    const [status] = await jobsOf(a).find();
    expect(status).toMatchObject({ name: 'Failing.run', id: 'Failing.run', schedule: EVERY_SECOND });
  });

  it('are not run where the job is stopped, and others have it then', async () => {
    const a = await boot('a', [Plain]);
    await eventually(() => ran.length > 0);
    await boot('b', [Plain]);
    ran = []; // what came while it booted had to share its event loop
    const registry = a.get(SchedulerRegistry, { strict: false });
    void [...registry.getCronJobs().values()][0]?.stop();
    await eventually(() => ran.filter(({ app }) => app === 'b').length >= 2);
    expect(wrongTicks('plain')).toEqual([]);
    await eventually(async () => (await jobsOf(a).find())[0]?.holder ?? false);
  });

  describe('pglock.jobs', () => {
    it('finds every job once, with its holder and its last run', async () => {
      const a = await boot('a', [Plain, Failing]);
      const b = await boot('b', [Plain]);
      await eventually(() => ran.filter(({ job }) => job === 'plain').length >= 2);
      await eventually(() => ran.some(({ job }) => job === 'failing'));
      for (const app of [a, b]) {
        let asked = 0;
        const found = await eventually(async () => {
          asked = Date.now();
          const all = await jobsOf(app).find();
          return all.every(({ lastRun, running }) => lastRun?.outcome && !running) ? all : undefined;
        });
        expect(found.map(({ name }) => name)).toEqual(['Failing.run', 'Plain.run']);
        expect(found[0]?.lastRun).toMatchObject({ outcome: 'failed', error: "Error: no such user '…'" });
        expect(found[1]).toMatchObject({
          id: 'Plain.run',
          schedule: EVERY_SECOND,
          holder: { replica: expect.stringMatching(/:\d+$/) as string, pid: expect.any(Number) as number },
          lastRun: { outcome: 'succeeded', error: null, late: expect.any(Number) as number },
          missed: expect.any(Number) as number, // where the machine stood still
        });
        expect(found[1]?.nextTick?.getTime()).toBeGreaterThan(asked - 1_000);
        expect(found[1]?.lastTick).toBeInstanceOf(Date);
      }
    });

    it('gives a job to the other replica', async () => {
      await boot('a', [Plain]);
      await eventually(() => ran.length > 0);
      const b = await boot('b', [Plain]);
      ran = [];
      // One tick is left to the other replica: if that is late for it, the job stays, and is given once more.
      const giveTo = (name: string) =>
        eventually(async () => {
          await jobsOf(b).release('Plain.run');
          return eventually(() => ran.at(-1)?.app === name, { timeout: 4_000 });
        });
      await giveTo('b');
      await giveTo('a');
      expect(wrongTicks('plain')).toEqual([]);
    });

    it('runs a job now, here or where it is, under its lock, and leaves its ticks alone', async () => {
      @Injectable()
      class Yearly {
        @Cron('0 0 1 1 *')
        @UseInterceptors(AdvisoryLock('yearly', { job: 'year' }))
        async run(@CurrentTick() tick?: JobTick) {
          await note(this, 'yearly', tick);
          if (ran.length === 3) throw new Error('the third');
        }
      }
      const a = await boot('a', [Yearly]);
      const b = await boot('b', []);
      expect(await jobsOf(a).run('year')).toMatchObject({ outcome: 'succeeded', error: null, late: 0 });
      await eventually(async () => (await jobsOf(b).find()).length === 1);
      expect(await jobsOf(b).run('year')).toMatchObject({ outcome: 'succeeded' });
      expect(await jobsOf(b).run('year')).toMatchObject({ outcome: 'failed', error: 'Error: the third' });
      expect(ran.map(({ app, at }) => [app, at])).toEqual([
        ['a', undefined],
        ['a', undefined],
        ['a', undefined],
      ]);
      const [status] = await eventually(async () => {
        const found = await jobsOf(b).find();
        return found.length > 0 && found;
      });
      expect(status).toMatchObject({ name: 'year', lastTick: null, lastRun: { outcome: 'failed' } });
    });

    it('runs and releases what is on a replica that was too busy to answer at first', async () => {
      const a = await boot('a', []);
      jobsOf(a).wrap('wrapped', () => note(a, 'wrapped'));
      const b = await boot('b', []);
      await eventually(async () => (await jobsOf(b).find()).length === 1);
      const elsewhere = jest.spyOn(Jobs.prototype, 'elsewhere');
      db.defer(() => elsewhere.mockRestore());
      elsewhere.mockResolvedValueOnce([]);
      expect(await jobsOf(b).run('wrapped')).toMatchObject({ outcome: 'succeeded' });
      elsewhere.mockResolvedValueOnce([]);
      await expect(jobsOf(b).release('wrapped')).resolves.toBeUndefined();
    });

    it('waits for the lock as a handler does', async () => {
      @Injectable()
      class Taken {
        @Cron('0 0 1 1 *')
        @UseInterceptors(AdvisoryLock('taken'))
        run() {
          return note(this, 'taken');
        }
      }
      const a = await boot('a', [Taken], { options: { advisory: { timeout: '100ms' } } });
      const other = await boot('b', []);
      const lock = await other.get(PgLockService).acquire('taken');
      await expect(jobsOf(a).run('Taken.run')).rejects.toThrow(LockNotAvailableError);
      await lock?.release();
      const run = await eventually(() => jobsOf(a).run('Taken.run'));
      expect(run).toMatchObject({ outcome: 'succeeded' });
    });

    it('knows no job of another name', async () => {
      const a = await boot('a', [Plain]);
      await expect(jobsOf(a).run('Plain.ran')).rejects.toThrow(
        /There is no job "Plain\.ran": there are Plain\.run/,
      );
      for (const unknown of [jobsOf(a).release('nothing'), jobsOf(a).run('nothing')]) {
        await expect(unknown).rejects.toThrow(PgLockUsageError);
        await expect(unknown).rejects.toThrow(/There is no job "nothing": there are Plain\.run/);
      }
      for (const empty of [jobsOf(a).run(''), jobsOf(a).release('')])
        await expect(empty).rejects.toThrow(PgLockUsageError);
    });

    it('wraps what is added while the application runs', async () => {
      for (const name of ['a', 'b']) {
        const app = await boot(name, []);
        const onTick = jobsOf(app).wrap('dynamic', (tick, lock) => note(app, 'dynamic', tick, lock));
        const job = CronJob.from({ cronTime: EVERY_SECOND, onTick, start: false });
        app.get(SchedulerRegistry, { strict: false }).addCronJob('dynamic', job as never);
        job.start();
      }
      await eventually(() => ticksOf('dynamic').length >= 3);
      expect(wrongTicks('dynamic')).toEqual([]);
      expect(ran.every(({ lock }) => lock)).toBe(true);
    });

    it('warns once of a wrapped callback that no cron job calls: it has no ticks', async () => {
      const lines: string[] = [];
      const say = (...parts: unknown[]) => void lines.push(parts.join(' '));
      const app = await boot('a', [], { logger: { log: () => undefined, warn: say, error: say } });
      const onTick = jobsOf(app).wrap('dynamic', (tick) => note(app, 'dynamic', tick));
      await onTick();
      await onTick();
      expect(ran.map(({ at }) => at)).toEqual([undefined, undefined]);
      expect(lines.filter((line) => line.includes('Job dynamic'))).toEqual([
        expect.stringContaining('was called by a function that is no cron job'),
      ]);
    });

    it.each(['the same callback', 'a new one'])('follows a new schedule, with %s', async (which) => {
      const app = await boot('a', []);
      const registry = app.get(SchedulerRegistry, { strict: false });
      const wrap = (as: string) => jobsOf(app).wrap('dynamic', (tick) => note(app, as, tick));
      const first = wrap('first');
      const add = (cronTime: string, onTick: () => Promise<void>) => {
        const job = CronJob.from({ cronTime, onTick, start: false });
        registry.addCronJob('dynamic', job);
        job.start();
      };
      add('*/2 * * * * *', first);
      await eventually(() => ticksOf('first').length >= 1);
      registry.deleteCronJob('dynamic');
      ran = [];
      add('1/2 * * * * *', which === 'a new one' ? wrap('second') : first);
      await eventually(() => ran.length >= 3);
      expect(ran.map(({ at = 0 }) => (at / 1_000) % 2)).toEqual(ran.map(() => 1));
      expect(new Set(ran.map(({ at }) => at)).size).toBe(ran.length);
      expect(new Set(ran.map(({ job }) => job))).toEqual(
        new Set([which === 'a new one' ? 'second' : 'first']),
      );
    });

    it.each([{ shared: true }, { permits: 2 }, { reentrant: true }, { jod: 'x' }, null])(
      'wraps nothing with the options %j, which would have no ticks',
      async (options) => {
        const a = await boot('a', []);
        expect(() => jobsOf(a).wrap('dynamic', () => undefined, options as never)).toThrow(PgLockUsageError);
      },
    );

    it('has a name that a notification can hold', async () => {
      const a = await boot('a', []);
      expect(() => jobsOf(a).wrap('x'.repeat(501), () => undefined)).toThrow(/at most 500 characters/);
    });
  });

  describe('options', () => {
    const refused = async (decorate: () => Type, words: RegExp) => {
      const booting = (async () => boot('a', [decorate()]))();
      await expect(booting).rejects.toThrow(PgLockConfigurationError);
      await expect(booting).rejects.toThrow(words);
    };

    it('are refused where there are no ticks to catch up', async () => {
      await refused(() => {
        class OnInterval {
          @Interval(1_000)
          @UseInterceptors(AdvisoryLock({ catchUp: '1m' }))
          run() {}
        }
        return OnInterval;
      }, /'OnInterval\.run': catchUp means nothing here.*only @Cron names instants/);
      await refused(() => {
        class OnShared {
          @Cron(EVERY_SECOND)
          @UseInterceptors(AdvisoryLock('x', { shared: true, catchUp: '1m' }))
          run() {}
        }
        return OnShared;
      }, /'OnShared\.run': catchUp means nothing here.*its lock is shared/);
      await refused(() => {
        class OnDynamic {
          @Cron(EVERY_SECOND)
          @UseInterceptors(AdvisoryLock(() => 'x', { catchUp: 0 }))
          run() {}
        }
        return OnDynamic;
      }, /'OnDynamic\.run': catchUp means nothing here.*its id is found anew for each call/);
    });

    it.each([
      [{ catchUp: 'soon' }, /AdvisoryLock: catchUp.*"soon"/],
      [{ catchUp: -1 }, /AdvisoryLock: catchUp.*-1/],
      [{ job: '' }, /job must be a text that is not empty; got ""/],
      [
        { job: 'x'.repeat(501) },
        /job must be a text of at most 500 characters without NUL; got "x+\.\.\. \(501\)/,
      ],
      [{ giveBackAfter: 0 }, /giveBackAfter must be a whole number above 0; got 0/],
      [{ giveBackAfter: 1.5 }, /giveBackAfter must be a whole number above 0; got 1\.5/],
    ])('are refused that cannot be read: %j', async (options, words) => {
      await refused(() => {
        class Odd {
          @Cron(EVERY_SECOND)
          @UseInterceptors(AdvisoryLock('x', options as never))
          run() {}
        }
        return Odd;
      }, words);
    });
  });

  it('that two applications share are told of once, with what to do about it', async () => {
    const logged: string[] = [];
    const note = (...parts: unknown[]) => void logged.push(parts.join(' '));
    const logger: LoggerService = { log: () => undefined, warn: note, error: note };
    const named = (name: string) => ({ connection: { connectionString: db.url, application_name: name } });
    await boot('a', [Plain, Decorated], { options: named('shop'), logger });
    await boot('b', [Plain, Decorated], { options: named('billing'), logger });
    const warnings = () => logged.filter((line) => line.includes('has a job of the same name and lock'));
    await eventually(() => warnings().length > 0);
    const heard = ran.length;
    await eventually(() => ran.length >= heard + 4);
    // Each process tells once, whichever of the two hears the other.
    expect(warnings().length).toBeLessThanOrEqual(2);
    expect(warnings()[0]).toMatch(
      /^Job (Plain|Decorated)\.run: application '(shop|billing)' has a job .* and each tick is run by one of both\. .* set `namespace`, or give one of them another id or name/,
    );
    expect([wrongTicks('plain'), wrongTicks('decorated')]).toEqual([[], []]);
  });
});
