import {
  Injectable,
  Module,
  Scope,
  UseGuards,
  UseInterceptors,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common';
import {
  BullModule,
  OnQueueEvent,
  OnWorkerEvent,
  Processor,
  QueueEventsHost,
  QueueEventsListener,
  WorkerHost,
} from '@nestjs/bullmq';
import {
  CommandBus,
  CommandHandler,
  CqrsModule,
  EventBus,
  EventsHandler,
  QueryBus,
  QueryHandler,
  Saga,
} from '@nestjs/cqrs';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { Test, type TestingModule } from '@nestjs/testing';
import { Queue, QueueEvents, type Job } from 'bullmq';
import { ignoreElements, type Observable } from 'rxjs';
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
import { eventually, useDatabase } from '../support/database.js';
import { spawnChild } from '../support/child.js';
import { holdOutside, holders } from './support/holder.js';
import { describeWithRedis, startRedis } from './support/redis.js';

/** What a bridged method has seen: whether another session sees its lock, and what it was given. */
interface Seen {
  readonly holders: number;
  readonly args: readonly unknown[];
}

describe('enhancers on methods that others call without them', () => {
  const db = useDatabase();
  const seen: Seen[] = [];

  const look = async (id: string, ...args: unknown[]): Promise<void> => {
    seen.push({ holders: await holders(db, id), args });
  };

  async function boot(
    imports: NonNullable<ModuleMetadata['imports']>,
    providers: Type[],
    use: (app: TestingModule) => Promise<void>,
  ): Promise<void> {
    @Module({ imports: [...imports, PgLockModule.forRoot({ connection: db.url })], providers })
    class App {}
    const app = await Test.createTestingModule({ imports: [App] }).compile();
    try {
      await app.init();
      await use(app);
    } finally {
      await app.close();
    }
  }

  beforeEach(() => {
    seen.length = 0;
  });

  describe('@OnEvent', () => {
    @Injectable()
    class Listener {
      @OnEvent('order.paid')
      @UseInterceptors(AdvisoryLock('listener'))
      async paid(payload: { readonly id: number }, @CurrentLock() lock?: LockHandle): Promise<void> {
        await look('listener', payload, lock?.id);
      }

      @OnEvent('order.refunded')
      @UseInterceptors(AdvisoryLock('contended', { timeout: 0, onContention: 'skip' }))
      async refunded(): Promise<void> {
        await look('contended');
      }

      @OnEvent('order.shipped')
      @WithAdvisoryLock((payload: { readonly id: number }) => `shipped:${payload.id}`)
      async shipped(payload: { readonly id: number }, @CurrentLock() lock?: LockHandle): Promise<void> {
        await look(`shipped:${payload.id}`, lock?.id);
      }

      @OnEvent('order.guarded')
      @UseGuards(AdvisoryLockGuard('maintenance'))
      async guarded(): Promise<void> {
        await look('maintenance');
      }
    }

    it('holds the lock while the listener runs, and gives it the lock rather than further arguments', async () => {
      await boot([EventEmitterModule.forRoot()], [Listener], async (app) => {
        await app.get(EventEmitter2).emitAsync('order.paid', { id: 7 }, 'not a lock');
      });
      expect(seen).toEqual([{ holders: 1, args: [{ id: 7 }, 'listener'] }]);
      expect(await holders(db, 'listener')).toBe(0);
    });

    it('holds the lock of @WithAdvisoryLock while the listener runs', async () => {
      await boot([EventEmitterModule.forRoot()], [Listener], async (app) => {
        await app.get(EventEmitter2).emitAsync('order.shipped', { id: 7 }, 'not a lock');
      });
      expect(seen).toEqual([{ holders: 1, args: ['shipped:7'] }]);
    });

    it('skips, and refuses by a guard, while another session holds the lock', async () => {
      await holdOutside(db, 'contended');
      await holdOutside(db, 'maintenance');
      await boot([EventEmitterModule.forRoot()], [Listener], async (app) => {
        await app.get(EventEmitter2).emitAsync('order.refunded');
        await app.get(EventEmitter2).emitAsync('order.guarded');
      });
      expect(seen).toEqual([]);
    });

    it('stops the boot on a request-scoped listener', async () => {
      @Injectable({ scope: Scope.REQUEST })
      class PerRequest {
        @OnEvent('order.paid')
        @UseInterceptors(AdvisoryLock('x'))
        paid(): void {}
      }
      await expect(
        boot([EventEmitterModule.forRoot()], [PerRequest], async () => Promise.resolve()),
      ).rejects.toThrow(
        /'PerRequest\.paid' carries a lock that cannot be bound to it: it is request-scoped or transient/,
      );
    });
  });

  describe('CQRS handlers', () => {
    class Close {
      constructor(readonly month: string) {}
    }
    class Count {}
    class Closed {}

    @CommandHandler(Close)
    class CloseHandler {
      @UseInterceptors(AdvisoryLock('close'))
      async execute(command: Close): Promise<string> {
        await look('close', command.month);
        return `closed ${command.month}`;
      }
    }
    @QueryHandler(Count)
    @UseInterceptors(AdvisoryLock('count'))
    class CountHandler {
      async execute(): Promise<number> {
        await look('count');
        return 42;
      }
    }
    @EventsHandler(Closed)
    class ClosedHandler {
      @UseInterceptors(AdvisoryLock('closed'))
      async handle(): Promise<void> {
        await look('closed');
      }
    }

    class Reopen {
      constructor(readonly month: string) {}
    }
    @CommandHandler(Reopen)
    class ReopenHandler {
      @WithAdvisoryLock((command: Reopen) => `reopen:${command.month}`)
      async execute(command: Reopen): Promise<string> {
        await look(`reopen:${command.month}`);
        return `reopened ${command.month}`;
      }
    }

    it('run under the locks of @WithAdvisoryLock', async () => {
      await boot([CqrsModule.forRoot()], [ReopenHandler], async (app) => {
        expect(await app.get(CommandBus).execute(new Reopen('may'))).toBe('reopened may');
      });
      expect(seen).toEqual([{ holders: 1, args: [] }]);
    });

    it.each([
      ['an interceptor', UseInterceptors(AdvisoryLock('saga')), 'AdvisoryLock'],
      ['@WithAdvisoryLock', WithAdvisoryLock('saga') as MethodDecorator, 'WithAdvisoryLock'],
    ])('stop the boot where a saga has %s', async (_what, decorate, name) => {
      @Injectable()
      class Sagas {
        @Saga()
        @decorate
        closed(events: Observable<unknown>): Observable<never> {
          return events.pipe(ignoreElements());
        }
      }
      const booting = boot([CqrsModule.forRoot()], [Sagas], async () => Promise.resolve());
      await expect(booting).rejects.toThrow(PgLockConfigurationError);
      await expect(booting).rejects.toThrow(
        new RegExp(
          `${name} on 'Sagas.closed', a saga, would guard nothing: .* Lock in the handlers of the commands`,
        ),
      );
    });

    it('run under their locks, and answer', async () => {
      await boot([CqrsModule.forRoot()], [CloseHandler, CountHandler, ClosedHandler], async (app) => {
        expect(await app.get(CommandBus).execute(new Close('may'))).toBe('closed may');
        expect(await app.get(QueryBus).execute(new Count())).toBe(42);
        await app.get(EventBus).publish(new Closed());
        await eventually(() => seen.length === 3);
      });
      expect(seen).toEqual([
        { holders: 1, args: ['may'] },
        { holders: 1, args: [] },
        { holders: 1, args: [] },
      ]);
    });
  });

  describe('commands of nest-commander', () => {
    it('run under their locks, of interceptors and of decorators', async () => {
      const child = spawnChild(new URL('../support/children/commander.mjs', import.meta.url), {
        env: { PGLOCK_URL: db.url },
      });
      expect(await child.next('ran')).toMatchObject({ args: ['reports'], granted: 1 });
      expect(await child.next('decorated')).toMatchObject({ args: ['reports'], granted: 1 });
      await child.next('done');
      expect(await child.exit).toEqual({ code: 0, signal: null });
    });
  });

  describeWithRedis('BullMQ', () => {
    let redis: Awaited<ReturnType<typeof startRedis>>;

    beforeAll(async () => {
      redis = await startRedis();
    });

    afterAll(() => redis.stop());

    it('runs processors, worker events and queue events under their locks', async () => {
      const connection = { host: '127.0.0.1', port: redis.port };

      @Processor('exports')
      class Exports extends WorkerHost {
        constructor(readonly pglock: PgLockService) {
          super();
        }

        @UseInterceptors(AdvisoryLock('exports'))
        async process(job: Job, @CurrentLock() lock?: unknown): Promise<string> {
          await look('exports', job.name, (lock as LockHandle).id);
          return 'exported';
        }

        @OnWorkerEvent('completed')
        @UseInterceptors(AdvisoryLock('completed'))
        async onCompleted(job: Job): Promise<void> {
          await look('completed', job.name);
        }
      }

      @QueueEventsListener('exports')
      class ExportEvents extends QueueEventsHost {
        @OnQueueEvent('completed')
        @UseInterceptors(AdvisoryLock('queue:completed'))
        async onCompleted({ returnvalue }: { returnvalue: unknown }): Promise<void> {
          await look('queue:completed', returnvalue);
        }
      }

      const imports = [BullModule.forRoot({ connection }), BullModule.registerQueue({ name: 'exports' })];
      await boot(imports, [Exports, ExportEvents], async () => {
        const queue = new Queue('exports', { connection });
        const events = new QueueEvents('exports', { connection });
        await events.waitUntilReady();
        const job = await queue.add('monthly', {});
        expect(await job.waitUntilFinished(events)).toBe('exported');
        await eventually(() => seen.length === 3);
        await events.close();
        await queue.close();
      });
      expect(seen[0]).toEqual({ holders: 1, args: ['monthly', 'exports'] });
      expect(seen.slice(1)).toEqual(
        expect.arrayContaining([
          { holders: 1, args: ['monthly'] },
          { holders: 1, args: ['exported'] },
        ]),
      );
    });

    it('runs processors and worker events under the locks of @WithAdvisoryLock', async () => {
      const connection = { host: '127.0.0.1', port: redis.port };

      @Processor('imports')
      class Imports extends WorkerHost {
        @WithAdvisoryLock((job: Job) => `import:${job.name}`)
        async process(job: Job, @CurrentLock() lock?: unknown): Promise<string> {
          await look(`import:${job.name}`, (lock as LockHandle).id);
          return 'imported';
        }

        @OnWorkerEvent('completed')
        @WithAdvisoryLock('imported')
        async onCompleted(job: Job): Promise<void> {
          await look('imported', job.name);
        }
      }

      const imports = [BullModule.forRoot({ connection }), BullModule.registerQueue({ name: 'imports' })];
      await boot(imports, [Imports], async () => {
        const queue = new Queue('imports', { connection });
        const events = new QueueEvents('imports', { connection });
        await events.waitUntilReady();
        const job = await queue.add('daily', {});
        expect(await job.waitUntilFinished(events)).toBe('imported');
        await eventually(() => seen.length === 2);
        await events.close();
        await queue.close();
      });
      expect(seen).toEqual([
        { holders: 1, args: ['import:daily'] },
        { holders: 1, args: ['daily'] },
      ]);
    });
  });
});
