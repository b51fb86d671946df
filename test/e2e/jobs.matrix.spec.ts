import type { Server } from 'node:http';
import { jest } from '@jest/globals';
import {
  Controller,
  Get,
  Injectable,
  Logger,
  Module,
  Scope,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type DynamicModule,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Cron, Interval, ScheduleModule, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import {
  AdvisoryLock,
  AdvisoryLockGuard,
  CurrentLock,
  PgLockConfigurationError,
  PgLockModule,
  PgLockService,
  WithAdvisoryLock,
  type LockHandle,
} from '../../lib/index.js';
import { deferred, eventually, useDatabase, type Deferred } from '../support/database.js';
import { portOf } from './support/platforms.js';
import { holders, holdOutside, untilFree, untilHeld } from './support/holder.js';

const EVERY_SECOND = '* * * * * *';

/** What a job's run saw. */
interface Seen {
  readonly name: string;
  readonly held: boolean;
  readonly lock: LockHandle | undefined;
}
let seen: Seen[] = [];
let gate: Deferred<void> | undefined;

const note = async (pglock: PgLockService, id: string, lock?: LockHandle) => {
  seen.push({ name: id, held: pglock.isHeld(id), lock });
  await gate?.promise;
};

@Injectable()
class Jobs {
  constructor(private readonly pglock: PgLockService) {}

  @Cron(EVERY_SECOND, { name: 'cron' })
  @UseInterceptors(AdvisoryLock())
  async cron(@CurrentLock() lock: LockHandle) {
    await note(this.pglock, 'Jobs.cron', lock);
  }

  @UseInterceptors(AdvisoryLock('interval'))
  @Interval('interval', 50)
  async interval() {
    await note(this.pglock, 'interval');
  }

  @Timeout('timeout', 10)
  @UseInterceptors(AdvisoryLock('timeout'))
  async timeout() {
    await note(this.pglock, 'timeout');
  }
}

@Injectable()
@UseInterceptors(AdvisoryLock('class'))
class WholeClass {
  constructor(private readonly pglock: PgLockService) {}

  @Interval('class', 50)
  async run() {
    await note(this.pglock, 'class');
  }
}

@Injectable()
class Base {
  constructor(protected readonly pglock: PgLockService) {}

  @Interval(50)
  @UseInterceptors(AdvisoryLock())
  async inherited() {
    await note(this.pglock, `${this.constructor.name}.inherited`);
  }
}
@Injectable()
class First extends Base {}
@Injectable()
class Second extends First {}

@Controller('jobs')
class JobController {
  constructor(private readonly pglock: PgLockService) {}

  @Get()
  @Interval('controller', 50)
  @UseInterceptors(AdvisoryLock('controller'))
  async run() {
    await note(this.pglock, 'controller');
    return 'ran';
  }
}

const order: string[] = [];
const around = (name: string) => ({
  intercept(context: ExecutionContext, next: CallHandler) {
    order.push(`${name}:${context.getType<string>()}`);
    return next.handle();
  },
});

@Injectable()
@UseInterceptors(around('foreign class'))
class Enhanced {
  @Interval('enhanced', 50)
  @UseGuards({ canActivate: () => order.push('guard') > 0 })
  @UseInterceptors(around('foreign method'), AdvisoryLock('enhanced'))
  run() {
    order.push('run');
  }
}

@Injectable()
class Guarded {
  @Interval('guarded', 30)
  @UseGuards(AdvisoryLockGuard('maintenance'))
  run() {
    seen.push({ name: 'guarded', held: false, lock: undefined });
  }
}

@Injectable()
class Throwing {
  @Interval('throwing', 30)
  @UseInterceptors(AdvisoryLock('throwing', { onContention: 'throw' }))
  run() {
    throw new Error('the job failed');
  }
}

@Injectable()
class Decorated {
  constructor(private readonly pglock: PgLockService) {}

  @WithAdvisoryLock('decorated')
  @Interval('decorated', 30)
  async run(@CurrentLock() lock?: LockHandle) {
    await note(this.pglock, 'decorated', lock);
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  @Interval('per-request', 10)
  @UseInterceptors(AdvisoryLock('per-request'))
  run() {
    seen.push({ name: 'per-request', held: false, lock: undefined });
  }
}

describe('jobs', () => {
  const db = useDatabase();
  const ORDERS: readonly (readonly [string, (pglock: DynamicModule) => DynamicModule[]])[] = [
    ['ScheduleModule first', (pglock) => [ScheduleModule.forRoot(), pglock]],
    ['PgLockModule first', (pglock) => [pglock, ScheduleModule.forRoot()]],
  ];
  const pglock = () => PgLockModule.forRoot({ connection: db.url });
  const [, scheduleFirst] = ORDERS[0]!;

  beforeEach(() => {
    seen = [];
    gate = undefined;
    order.length = 0;
  });

  async function start(
    providers: Type[],
    imports = scheduleFirst(pglock()),
    prepare: (builder: TestingModuleBuilder) => unknown = () => undefined,
  ): Promise<INestApplication<Server>> {
    const builder = Test.createTestingModule({
      imports,
      providers: providers.filter((type) => type !== JobController),
      controllers: providers.filter((type) => type === JobController),
    });
    prepare(builder);
    const app = (await builder.compile()).createNestApplication<INestApplication<Server>>();
    app.useLogger(false);
    db.defer(() => app.close());
    await app.init();
    return app;
  }

  const runs = (name: string) => seen.filter((run) => run.name === name);
  const firstRun = (name: string) => eventually(() => runs(name)[0]);

  describe.each(ORDERS)('with %s', (_title, imports) => {
    it('runs @Cron, @Interval and @Timeout under their locks', async () => {
      const app = await start([Jobs], imports(pglock()));
      const cron = await firstRun('Jobs.cron');
      expect(cron).toMatchObject({ held: true, lock: { id: 'Jobs.cron' } });
      expect(await firstRun('interval')).toMatchObject({ held: true });
      expect(await firstRun('timeout')).toMatchObject({ held: true });
      const registry = app.get(SchedulerRegistry, { strict: false });
      expect(registry.getCronJob('cron')).toBeDefined();
      expect(registry.getIntervals()).toEqual(['interval']);
      expect(registry.getTimeouts()).toEqual(['timeout']);
    });

    it('covers class-level locks, inherited methods and controllers', async () => {
      await start([WholeClass, First, Second, JobController], imports(pglock()));
      for (const name of ['class', 'First.inherited', 'Second.inherited', 'controller'])
        expect(await firstRun(name)).toMatchObject({ held: true });
    });
  });

  it('skips silently while somebody else holds the lock, and keeps it between its own runs', async () => {
    const other = await holdOutside(db, 'interval');
    const ticks = jest.spyOn(Logger.prototype, 'debug');
    await start([Jobs]);
    await eventually(
      () =>
        ticks.mock.calls.filter(([text]) => String(text).startsWith('Jobs.interval was skipped')).length > 2,
    );
    ticks.mockRestore();
    expect(runs('interval')).toEqual([]);
    await other.release();
    await eventually(() => runs('interval').length > 2);
    // Sticky: between two runs, and whenever else one looks.
    for (let look = 0; look < 20; look += 1) expect(await holders(db, 'interval')).toBe(1);
  });

  it('never overlaps itself', async () => {
    gate = deferred();
    const skips = jest.spyOn(Logger.prototype, 'debug');
    await start([Jobs]);
    await firstRun('interval');
    await eventually(
      () =>
        skips.mock.calls.filter(([text]) => String(text).startsWith('Jobs.interval was skipped')).length > 2,
    );
    skips.mockRestore();
    expect(runs('interval')).toHaveLength(1);
    gate.resolve();
    await eventually(() => runs('interval').length > 1);
  });

  it('runs guards, then interceptors; of class-level ones only ours; with type schedule', async () => {
    await start([Enhanced]);
    await eventually(() => order.includes('run'));
    // A busy machine starts the next tick before the first one has run: what counts is what came first.
    const came = ['guard', 'foreign method:schedule', 'run'];
    expect([...new Set(order)].slice(0, 3)).toEqual(came);
    expect(order.join()).not.toContain('foreign class');
  });

  it('skips a job whose guard refuses', async () => {
    const other = await holdOutside(db, 'maintenance');
    const skips = jest.spyOn(Logger.prototype, 'debug');
    await start([Guarded]);
    await eventually(() =>
      skips.mock.calls.some(([text]) => String(text).includes('Guarded.run was skipped')),
    );
    skips.mockRestore();
    expect(seen).toEqual([]);
    await other.release();
    await firstRun('guarded');
  });

  it("leaves errors to the scheduler's logger", async () => {
    const errors = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    await start([Throwing]);
    const logged = () => errors.mock.calls.map(([error]) => (error as Error).message);
    // A tick that comes while the first run still opens its connection is refused, and logged as well.
    await eventually(() => logged().filter((message) => message === 'the job failed').length > 1);
    errors.mockRestore();
  });

  it('gives jobs their defaults under @WithAdvisoryLock, above or below @Interval', async () => {
    await start([Decorated]);
    expect(await firstRun('decorated')).toMatchObject({ held: true, lock: { id: 'decorated' } });
    await eventually(() => runs('decorated').length > 1);
    expect(await holders(db, 'decorated')).toBe(1);
  });

  it('answers a method that is job and handler at once as a handler', async () => {
    const app = await start([JobController]);
    await app.listen(0, '127.0.0.1');
    const answer = await fetch(`http://127.0.0.1:${portOf(app)}/jobs`);
    expect(await answer.text()).toBe('ran');
  });

  it('leaves providers per request to the scheduler, which refuses them', async () => {
    const warnings = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    await start([PerRequest]);
    expect(warnings.mock.calls.join()).toContain('non static provider');
    warnings.mockRestore();
    expect(seen).toEqual([]);
  });

  it('puts the prototypes back, metadata and all', async () => {
    const before = Object.getOwnPropertyDescriptor(Jobs.prototype, 'cron');
    const keys = Reflect.getMetadataKeys(Jobs.prototype.cron).length;
    const compiled = await Test.createTestingModule({
      imports: scheduleFirst(pglock()),
      providers: [Jobs, Second],
    }).compile();
    const standIn = Jobs.prototype.cron;
    expect(standIn).not.toBe(before?.value);
    expect(standIn.name).toBe('cron');
    expect(standIn).toHaveLength(1);
    expect(Reflect.getMetadataKeys(standIn)).toHaveLength(keys);
    expect(new Reflector().get('SCHEDULER_NAME', standIn)).toBe('cron');
    await compiled.init();
    expect(Object.getOwnPropertyDescriptor(Jobs.prototype, 'cron')).toEqual(before);
    expect(Object.hasOwn(Second.prototype, 'inherited')).toBe(false);
    await compiled.close();
  });

  it('serves two applications of one process', async () => {
    const [first, second] = await Promise.all([start([Jobs]), start([Jobs])]);
    await eventually(() => runs('interval').length > 2);
    expect(seen.every((run) => run.held)).toBe(true);
    // The one that has the sticky lock leaves; the other takes over.
    await first.close();
    seen = [];
    await second.close();
    expect(await holders(db, 'interval')).toBe(0);
  });

  it('makes transient enhancers anew for each run', async () => {
    let made = 0;
    @Injectable({ scope: Scope.TRANSIENT })
    class Fresh implements NestInterceptor {
      constructor() {
        made += 1;
      }
      intercept(_context: ExecutionContext, next: CallHandler) {
        order.push(`run ${made}`);
        return next.handle();
      }
    }
    @Injectable()
    class WithFresh {
      @Interval(20)
      @UseInterceptors(AdvisoryLock('fresh'), Fresh)
      run() {
        return undefined;
      }
    }
    await start([WithFresh]);
    await eventually(() => order.length > 1);
    expect(new Set(order).size).toBe(order.length);
  });

  it('honours overrideInterceptor', async () => {
    const Lock = AdvisoryLock('overridden');
    @Injectable()
    class Overridden {
      @Interval(20)
      @UseInterceptors(Lock)
      run() {
        order.push('run');
      }
    }
    await start([Overridden], undefined, (builder) =>
      builder.overrideInterceptor(Lock).useValue(around('instead')),
    );
    await eventually(() => order.includes('run'));
    expect(order[0]).toBe('instead:schedule');
    expect((await db.sessions()).flatMap(({ advisoryLocks }) => advisoryLocks)).toEqual([]);
  });

  it('binds what is provided under another token', async () => {
    @Module({ providers: [{ provide: 'TOKEN', useClass: WholeClass }] })
    class Feature {}
    await start([], [...scheduleFirst(pglock()), { module: Feature }]);
    expect(await firstRun('class')).toMatchObject({ held: true });
  });

  it('stops the boot where a job comes from a factory and cannot be bound', async () => {
    class Hidden {
      @Interval(20)
      @UseInterceptors(AdvisoryLock('hidden'))
      run() {
        seen.push({ name: 'hidden', held: false, lock: undefined });
      }
    }
    @Module({ providers: [{ provide: 'HIDDEN', useFactory: () => new Hidden() }] })
    class Feature {}
    const boot = start([], [...scheduleFirst(pglock()), { module: Feature }]);
    await expect(boot).rejects.toThrow(PgLockConfigurationError);
    await expect(boot).rejects.toThrow(/'run' of provider 'HIDDEN'.*factory/);
    expect(seen).toEqual([]);
  });

  it('stops the boot where the database of a job is not configured', async () => {
    @Injectable()
    class Elsewhere {
      @Interval(20)
      @UseInterceptors(AdvisoryLock('x', { connection: 'nowhere' }))
      run() {
        seen.push({ name: 'x', held: false, lock: undefined });
      }
    }
    await expect(start([Elsewhere])).rejects.toThrow(/PgLockModule.forRoot\(\{ name: 'nowhere' \}\)/);
  });

  it('lets a running job finish under its lock at shutdown, then frees it', async () => {
    gate = deferred();
    const app = await start([Jobs]);
    await firstRun('interval');
    const closed = jest.fn();
    const closing = app.close().then(closed);
    await untilHeld(db, 'interval');
    expect(closed).not.toHaveBeenCalled();
    expect(await holders(db, 'interval')).toBe(1);
    gate.resolve();
    await closing;
    await untilFree(db, 'interval');
  });
});
