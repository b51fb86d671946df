import { jest } from '@jest/globals';
import {
  Controller,
  Get,
  Injectable,
  Logger,
  Module,
  Post,
  UseGuards,
  UseInterceptors,
  type DynamicModule,
} from '@nestjs/common';
import { Interval, ScheduleModule } from '@nestjs/schedule';
import { Test, type TestingModule, type TestingModuleBuilder } from '@nestjs/testing';
import {
  AdvisoryLock,
  AdvisoryLockGuard,
  CurrentLock,
  InjectPgLock,
  LockTimeout,
  PgLockModule,
  PgLockService,
  Prioritize,
  WithAdvisoryLock,
  WithLockTimeout,
  WithPrioritize,
  type LockHandle,
} from '../../lib/index.js';
import {
  getPgLockTestingToken,
  holdLock,
  PgLockTesting,
  PgLockTestingModule,
} from '../../lib/testing/index.js';
import { eventually } from '../support/waiting.js';
import { PLATFORMS, serve } from './support/platforms.js';

@Injectable()
class Invoices {
  runs = 0;

  constructor(private readonly pglock: PgLockService) {}

  @WithAdvisoryLock('billing.close', { timeout: 0 })
  async close(): Promise<boolean> {
    return Promise.resolve(this.pglock.isHeld('billing.close'));
  }

  @WithPrioritize({ interval: '1s' })
  @WithLockTimeout('1s')
  async migrate(): Promise<string> {
    return Promise.resolve('migrated');
  }

  @Interval(20)
  @UseInterceptors(AdvisoryLock())
  async sweep(): Promise<void> {
    this.runs++;
    return Promise.resolve();
  }
}

@Controller()
class InvoicesController {
  @Post('rebuild')
  @UseInterceptors(AdvisoryLock('reports.rebuild', { timeout: 0 }))
  rebuild(@CurrentLock() lock: LockHandle) {
    return { id: lock.id };
  }

  @Get('report')
  @UseGuards(AdvisoryLockGuard('maintenance'))
  @UseInterceptors(LockTimeout('1s'), Prioritize({ interval: '1s' }))
  report() {
    return 'report';
  }
}

@Module({ controllers: [InvoicesController], providers: [Invoices] })
class InvoicesModule {}

const started: TestingModule[] = [];

async function compiled(builder: TestingModuleBuilder): Promise<TestingModule> {
  const module = await builder.compile();
  started.push(module);
  return module;
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((module) => module.close()));
});

const application = (pglock: DynamicModule = PgLockTestingModule.forRoot()) =>
  compiled(Test.createTestingModule({ imports: [ScheduleModule.forRoot(), InvoicesModule, pglock] }));

describe.each(PLATFORMS)('an application over PgLockTestingModule on %s', (platform) => {
  it('answers contention with 423, guards, and runs under its locks otherwise', async () => {
    const module = await application();
    const { app, url } = await serve(module, platform);
    const locks = module.get(PgLockTesting);
    const rebuild = () => fetch(`${url}/rebuild`, { method: 'POST' });

    expect(await (await rebuild()).json()).toEqual({ id: 'reports.rebuild' });
    const other = locks.holdLock('reports.rebuild');
    const refused = await rebuild();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([423, expect.any(String)]);
    other.release();
    expect((await rebuild()).status).toBe(201);

    expect(await (await fetch(`${url}/report`)).text()).toBe('report');
    using _maintenance = locks.holdLock('maintenance');
    expect((await fetch(`${url}/report`)).status).toBe(423);
    await app.close();
  });
});

describe('PgLockTestingModule', () => {
  it('holds the lock of a job, or skips it while somebody else has it', async () => {
    const module = await application();
    const locks = module.get(PgLockTesting);
    const invoices = module.get(Invoices);
    const other = locks.holdLock('Invoices.sweep');
    const skips = jest.spyOn(Logger.prototype, 'debug').mockImplementation(() => undefined);
    await module.init();
    await eventually(() => skips.mock.calls.length > 1);
    expect(invoices.runs).toBe(0);
    skips.mockRestore();
    other();
    await eventually(() => invoices.runs > 1);
    expect(locks.isHeld('Invoices.sweep')).toBe(true);
  });

  it('puts decorated methods of providers under locks without any application', async () => {
    const module = await application();
    const invoices = module.get(Invoices);
    expect(await invoices.close()).toBe(true);
    expect(await invoices.migrate()).toBe('migrated');
    using _other = module.get(PgLockTesting).holdLock('billing.close');
    await expect(invoices.close()).rejects.toMatchObject({ code: '55P03', id: 'billing.close' });
  });

  it('has further databases, each with a table and a kit of its own', async () => {
    @Injectable()
    class Reports {
      constructor(@InjectPgLock('reporting') readonly pglock: PgLockService) {}
    }
    const module = await compiled(
      Test.createTestingModule({
        imports: [PgLockTestingModule.forRoot(), PgLockTestingModule.forRoot({ name: 'reporting' })],
        providers: [Reports],
      }),
    );
    using _other = module.get<PgLockTesting>(getPgLockTestingToken('reporting')).holdLock('x');
    expect(await module.get(Reports).pglock.acquire('x', { timeout: 0 })).toBeNull();
    await using lock = await module.get(PgLockService).acquire('x', { timeout: 0 });
    expect(lock?.held).toBe(true);
  });

  it('takes the place of the PgLockModule of a whole application', async () => {
    const pglock = PgLockModule.forRoot({ connection: 'postgres://nowhere.invalid/db', namespace: 'app:' });
    @Module({ imports: [ScheduleModule.forRoot(), pglock, InvoicesModule] })
    class AppModule {}
    const module = await compiled(
      Test.createTestingModule({ imports: [AppModule] })
        .overrideModule(pglock)
        .useModule(PgLockTestingModule.forRoot()),
    );
    using _other = module.get(PgLockTesting).holdLock('billing.close');
    await expect(module.get(Invoices).close()).rejects.toMatchObject({ code: '55P03' });
  });

  it('exports everything that PgLockModule exports', () => {
    const replaced = PgLockModule.forRoot({ name: 'reporting' }).exports ?? [];
    const offered = PgLockTestingModule.forRoot({ name: 'reporting' }).exports ?? [];
    expect(replaced.length).toBeGreaterThan(2);
    expect(offered).toEqual(expect.arrayContaining(replaced));
  });

  it('refuses bad options as PgLockModule does', async () => {
    const misspelt = PgLockTestingModule.forRoot({ nameSpace: 'x' } as object);
    await expect(Test.createTestingModule({ imports: [misspelt] }).compile()).rejects.toMatchObject({
      code: 'PGLOCK_CONFIGURATION',
    });
  });

  it('leaves holdLock() to the module before where a boot failed', async () => {
    const module = await application();
    const misspelt = PgLockTestingModule.forRoot({ nameSpace: 'x' } as object);
    await expect(Test.createTestingModule({ imports: [misspelt] }).compile()).rejects.toThrow();
    using _other = holdLock('x');
    expect(module.get(PgLockTesting).isHeld('x')).toBe(true);
    await module.close();
  });

  it('shuts down while everything is held and awaited', async () => {
    const module = await application();
    const service = module.get(PgLockService);
    const replica = module.get(PgLockTesting).replica();
    const lock = await service.acquire('x');
    const waiting = replica.acquire('x', { onContention: 'throw' }).catch((error: unknown) => error);
    const skipping = replica.acquire('x');
    await module.get(PgLockTesting).untilAwaited('x');
    await module.close();
    expect([lock?.held, lock?.signal.aborted]).toEqual([false, true]);
    expect(String(await waiting)).toContain('shutting down');
    expect(await skipping).toBeNull();
  });
});
