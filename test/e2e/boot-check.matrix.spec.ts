import {
  Controller,
  Get,
  Injectable,
  mixin,
  Module,
  Post,
  UseGuards,
  UseInterceptors,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { GrpcStreamCall } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  AdvisoryLock,
  AdvisoryLockGuard,
  Leader,
  LockTimeout,
  NoAdvisoryLock,
  PgLockConfigurationError,
  PgLockModule,
  PgLockService,
  WithAdvisoryLock,
  WithLockTimeout,
  WithPrioritize,
  type PgLockModuleOptions,
} from '../../lib/index.js';
import { useDatabase } from '../support/database.js';

const NEVER = '0 0 1 1 *';

describe('what is decorated runs under its lock, or the application does not boot', () => {
  const db = useDatabase();

  async function boot(
    parts: { readonly imports?: Type[]; readonly controllers?: Type[]; readonly providers?: object[] },
    options: Partial<PgLockModuleOptions> = {},
  ): Promise<void> {
    @Module({
      imports: [
        ScheduleModule.forRoot(),
        PgLockModule.forRoot({ connection: db.url, ...options }),
        ...(parts.imports ?? []),
      ],
      controllers: parts.controllers ?? [],
      providers: (parts.providers ?? []) as Type[],
    })
    class App {}
    const app = await Test.createTestingModule({ imports: [App] }).compile();
    try {
      await app.init();
    } finally {
      await app.close();
    }
  }

  const refused = async (parts: Parameters<typeof boot>[0], words: RegExp): Promise<void> => {
    const booting = boot(parts);
    await expect(booting).rejects.toThrow(PgLockConfigurationError);
    await expect(booting).rejects.toThrow(words);
  };

  it('refuses an interceptor on a plain method of a provider', async () => {
    @Injectable()
    class Plain {
      @UseInterceptors(AdvisoryLock('plain'))
      run(): void {}
    }
    await refused(
      { providers: [Plain] },
      /AdvisoryLock on 'Plain\.run' would never run: Nest does not call it through interceptors and guards\. Use @WithAdvisoryLock/,
    );
  });

  it.each([
    ['a guard', UseGuards(AdvisoryLockGuard('plain')), /AdvisoryLockGuard on 'Guarded\.run'/],
    [
      'a lock timeout',
      UseInterceptors(LockTimeout('1s')),
      /LockTimeout on 'Guarded\.run' would never run: .* Use @WithLockTimeout/,
    ],
  ])('refuses %s on a plain method', async (_what, decorate, words) => {
    @Injectable()
    class Guarded {
      @decorate
      run(): void {}
    }
    await refused({ providers: [Guarded] }, words);
  });

  it.each([
    ['catchUp', AdvisoryLock('routed', { catchUp: '1m' })],
    ['job', AdvisoryLock('routed', { job: 'jobs.route' })],
    ['giveBackAfter', AdvisoryLock('routed', { giveBackAfter: 2 })],
  ])('refuses %s, an option of jobs, where no scheduler calls', async (option, interceptor) => {
    @Controller()
    class Routed {
      @Get()
      @UseInterceptors(interceptor)
      run(): void {}
    }
    await refused(
      { controllers: [Routed] },
      new RegExp(`AdvisoryLock on 'Routed\\.run': ${option} means nothing here`),
    );
  });

  it('refuses an interceptor on a lifecycle hook', async () => {
    @Injectable()
    class Hooked implements OnModuleInit {
      @UseInterceptors(AdvisoryLock('hook'))
      onModuleInit(): void {}
    }
    await refused({ providers: [Hooked] }, /'Hooked\.onModuleInit' would never run/);
  });

  it('refuses a lifecycle hook of a gateway, and lets its messages through', async () => {
    @WebSocketGateway()
    class Gateway {
      @UseInterceptors(AdvisoryLock('connection'))
      handleConnection(): void {}

      @SubscribeMessage('ping')
      @UseInterceptors(AdvisoryLock('ping'))
      ping(): void {}
    }
    await refused({ providers: [Gateway] }, /'Gateway\.handleConnection' would never run/);
  });

  it('refuses a gRPC call whose handler returns before its stream', async () => {
    @Controller()
    class Calls {
      @GrpcStreamCall('Calls', 'Pass')
      @UseInterceptors(AdvisoryLock('stream'))
      pass(): void {}
    }
    await refused(
      { controllers: [Calls] },
      /'Calls\.pass' would never run: a @GrpcStreamCall handler returns before/,
    );
  });

  it('refuses a route of a class that is no controller', async () => {
    @Injectable()
    class Unrouted {
      @Get()
      @UseInterceptors(AdvisoryLock('x'))
      find(): void {}
    }
    await refused({ providers: [Unrouted] }, /'Unrouted\.find' would never run/);
  });

  it('refuses an enhancer on a class of which it reaches no method, and no other', async () => {
    @Injectable()
    @UseInterceptors(AdvisoryLock('class'))
    class Unreached {
      run(): void {}
    }
    await refused(
      { providers: [Unreached] },
      /AdvisoryLock on the class 'Unreached' reaches none of its methods/,
    );

    @Controller('reached')
    @UseInterceptors(AdvisoryLock('class'))
    class Reached {
      @Get()
      find(): void {}

      helper(): void {}
    }
    await boot({ controllers: [Reached] });
  });

  it('lets a method through for which a library asks for a context of its own, while it boots', async () => {
    @Injectable()
    class Consumer {
      @UseInterceptors(AdvisoryLock('consumer'))
      consume(): void {}
    }
    @Injectable()
    class Library implements OnModuleInit {
      constructor(
        private readonly creator: ExternalContextCreator,
        private readonly consumer: Consumer,
      ) {}

      onModuleInit(): void {
        this.creator.create(this.consumer, this.consumer.consume, 'consume');
      }
    }
    await boot({ providers: [Consumer, Library] });

    @Injectable()
    class WithoutInterceptors extends Library {
      override onModuleInit(): void {
        const { creator, consumer } = this as unknown as {
          creator: ExternalContextCreator;
          consumer: Consumer;
        };
        const options = { guards: true, interceptors: false, filters: true };
        creator.create(
          consumer,
          consumer.consume,
          'consume',
          undefined,
          undefined,
          undefined,
          undefined,
          options,
        );
      }
    }
    await refused({ providers: [Consumer, WithoutInterceptors] }, /'Consumer\.consume' would never run/);
  });

  it('lets through what the application vouches for', async () => {
    const MARK = Symbol('mark');
    @Injectable()
    class Vouched {
      @Reflect.metadata(MARK, true)
      @UseInterceptors(AdvisoryLock('vouched'))
      run(): void {}
    }
    for (const trust of [[MARK], [Vouched], ['Vouched.run']])
      await boot({ providers: [Vouched] }, { handlers: { trust } });
    await expect(boot({ providers: [Vouched] }, { handlers: { trust: ['Vouched.walk'] } })).rejects.toThrow(
      /handlers: \{ trust: \[…\] \}/,
    );
    await expect(boot({}, { handlers: { trust: [1 as never] } })).rejects.toThrow(/handlers\.trust/);
  });

  it('refuses an interceptor on a property, such as an arrow function', async () => {
    @Injectable()
    class Arrow {
      run = (): void => {};

      other(): void {}
    }
    // As TypeScript calls a decorator on a property: without a descriptor.
    (UseInterceptors(AdvisoryLock('arrow')) as PropertyDecorator)(Arrow.prototype, 'run');
    await refused(
      { providers: [Arrow] },
      /AdvisoryLock stands on a property of 'Arrow', such as an arrow function/,
    );
    const onProperty = (): void => {
      class Own {
        @(WithAdvisoryLock('arrow') as unknown as PropertyDecorator)
        run = async (): Promise<void> => Promise.resolve();
      }
      expect(Own).toBeDefined();
    };
    expect(onProperty).toThrow(/only methods can be decorated\. An arrow function in a property is none/);
  });

  it.each([
    ['WithAdvisoryLock', WithAdvisoryLock('x')],
    ['WithLockTimeout', WithLockTimeout('1s')],
    ['WithPrioritize', WithPrioritize()],
    ['Leader', Leader('x')],
  ])('refuses TC39 decorators in words: %s', (name, decorator) => {
    const decorate = decorator as unknown as (value: unknown, context: unknown) => void;
    expect(() => decorate(() => undefined, { kind: 'method', name: 'run' })).toThrow(
      new RegExp(`@${name} was applied as a TC39 decorator, .* set "experimentalDecorators": true`),
    );
  });

  it('lets methods run under @WithAdvisoryLock that nobody calls through enhancers: hooks, and plain ones', async () => {
    const seen: boolean[] = [];
    @Injectable()
    class Hooked implements OnModuleInit {
      constructor(readonly pglock: PgLockService) {}

      @WithAdvisoryLock('hook')
      async onModuleInit(): Promise<void> {
        seen.push(this.pglock.isHeld('hook'));
        await this.plain();
      }

      @WithAdvisoryLock('plain')
      async plain(): Promise<void> {
        seen.push(this.pglock.isHeld('plain'));
        await Promise.resolve();
      }
    }
    await boot({ providers: [Hooked] });
    expect(seen).toEqual([true, true]);
  });

  it('leaves calls of a decorated route from code of the application alone: they are plain calls', async () => {
    @Controller()
    class Called {
      constructor(readonly pglock: PgLockService) {}

      @Get()
      @UseInterceptors(AdvisoryLock('called'))
      find(): boolean {
        return this.pglock.isHeld('called');
      }
    }
    const app = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      controllers: [Called],
    }).compile();
    await app.init();
    expect(app.get(Called).find()).toBe(false);
    await app.close();
  });

  it('refuses an enhancer that was created by hand', () => {
    const Interceptor = AdvisoryLock('x') as unknown as new () => object;
    expect(() => new Interceptor()).toThrow(/AdvisoryLock was created with `new`, where nothing is injected/);
  });

  it('names the module that is missing', async () => {
    @Controller()
    class Alone {
      @Get()
      @UseInterceptors(AdvisoryLock('x'))
      find(): void {}
    }
    const compiling = Test.createTestingModule({ controllers: [Alone] }).compile();
    await expect(compiling).rejects.toThrow(PgLockConfigurationError);
    await expect(compiling).rejects.toThrow(/needs PgLockModule\.forRoot\(\), which no module .* imports/);

    @Injectable()
    class Wrapped {
      @WithAdvisoryLock('x')
      async run(): Promise<void> {}
    }
    await expect(Test.createTestingModule({ providers: [Wrapped] }).compile()).rejects.toThrow(
      /PgLockModule\.forRoot\(\)/,
    );
  });

  it('says why the module could not be created, rather than that it is missing', async () => {
    @Controller()
    class Found {
      @Get()
      @UseInterceptors(AdvisoryLock('x'))
      find(): void {}
    }
    await expect(boot({ controllers: [Found] }, { limit: -1 })).rejects.toThrow(/limit/);
    const failing = PgLockModule.forRootAsync({
      useFactory: () => Promise.reject(new Error('no configuration')),
    });
    await expect(
      Test.createTestingModule({ imports: [failing], controllers: [Found] }).compile(),
    ).rejects.toThrow('no configuration');
  });

  it('refuses decorated methods of what a factory made, where nothing is injected', async () => {
    class Made {
      @WithAdvisoryLock('made')
      async run(): Promise<void> {}
    }
    await refused(
      { providers: [{ provide: Made, useFactory: () => new Made() }] },
      /@WithAdvisoryLock on 'Made\.run' has no database, since its instance comes from a factory/,
    );
  });

  describe('default ids', () => {
    const named = (name: string): Type => {
      class Host {
        @Cron(NEVER)
        @UseInterceptors(AdvisoryLock())
        run(): void {}
      }
      Object.defineProperty(Host, 'name', { value: name });
      Injectable()(Host);
      return Host;
    };

    it.each([
      ['e', /was named by a minifier/],
      ['abc', /begins with no upper-case letter/],
      ['0123456789abcdef01234', /mixin\(\), whose name is random/],
    ])('refuses the class name %s', async (name, words) => {
      await refused({ providers: [named(name)] }, words);
    });

    it('refuses names of two and three letters where a class around them was renamed by a minifier', async () => {
      await boot({ providers: [named('Ab')] });
      class Other {}
      Object.defineProperty(Other, 'name', { value: 't' });
      Module({})(Other);
      await expect(boot({ imports: [Other], providers: [named('Abc')] })).rejects.toThrow(
        /a minifier has renamed the classes of this application, and 'Abc' is such a name.* Give it an id/,
      );
      await boot({ imports: [Other], providers: [named('Reports')] });
    });

    it('refuses a mixin() of Nest, whose name is another one in each process', async () => {
      const Mixed = (path: string): Type => {
        @Controller(path)
        class Host {
          @Get()
          @UseInterceptors(AdvisoryLock())
          find(): void {}
        }
        return mixin(Host);
      };
      await refused({ controllers: [Mixed('a')] }, /is a mixin\(\), whose name is random in each process/);
    });

    it('refuses two versions of one controller that would share a lock, and lets them through with ids', async () => {
      const version = (of: string, id?: string): Type => {
        @Controller({ path: 'reports', version: of })
        class ReportsController {
          @Get()
          @UseInterceptors(AdvisoryLock(id))
          find(): void {}
        }
        return ReportsController;
      };
      await refused(
        { controllers: [version('1'), version('2')] },
        /two different classes are called 'ReportsController', and AdvisoryLock\(\) on their method 'find' would give both the same lock, 'ReportsController\.find'\. Give each an id/,
      );
      await boot({ controllers: [version('1'), version('2', 'reports.v2')] });
    });

    it('refuses one name for two different classes, and only without ids', async () => {
      await refused({ providers: [named('Twin'), named('Twin')] }, /two different classes are called 'Twin'/);
      await boot({ providers: [named('Twin')] });
    });
  });

  describe('overrides', () => {
    @Injectable()
    class Base {
      @Cron(NEVER)
      @UseInterceptors(AdvisoryLock('base'))
      run(): unknown {
        return undefined;
      }
    }

    it('refuses an override that Nest would run without the lock of the method that it overrides', async () => {
      @Injectable()
      class Lost extends Base {
        @Cron(NEVER)
        override run(): void {}
      }
      await refused({ providers: [Lost] }, /'Lost\.run' overrides 'Base\.run' and lost its AdvisoryLock/);
    });

    it('refuses such an override of a route, and of a decorated method of a listener', async () => {
      class Reading {
        @Get()
        @UseInterceptors(AdvisoryLock('reading'))
        find(): void {}
      }
      @Controller('lost')
      class LostRoute extends Reading {
        @Get()
        override find(): void {}
      }
      await refused(
        { controllers: [LostRoute] },
        /'LostRoute\.find' overrides 'Reading\.find' and lost its AdvisoryLock: it would run without the lock/,
      );
      class Writing {
        @WithAdvisoryLock('writing')
        async write(): Promise<void> {}
      }
      @Controller('written')
      class LostDecorator extends Writing {
        @Post()
        override async write(): Promise<void> {}
      }
      await refused(
        { controllers: [LostDecorator] },
        /'LostDecorator\.write' overrides 'Writing\.write' and lost its WithAdvisoryLock/,
      );
    });

    it('lets through what repeats the decorator, is never run, or says that no lock is meant', async () => {
      @Injectable()
      class Repeated extends Base {
        @Cron(NEVER)
        @WithAdvisoryLock('base')
        override run(): Promise<void> {
          return Promise.resolve();
        }
      }
      @Injectable()
      class NotRun extends Base {
        override run(): void {}
      }
      @Injectable()
      class Meant extends Base {
        @Cron(NEVER)
        @NoAdvisoryLock()
        override run(): void {}
      }
      await boot({ providers: [Repeated, NotRun, Meant] });
    });

    it('leaves doubles of overrideProvider alone', async () => {
      @Injectable()
      class Double extends Base {
        @Cron(NEVER)
        override run(): void {}
      }
      const app = await Test.createTestingModule({
        imports: [ScheduleModule.forRoot(), PgLockModule.forRoot({ connection: db.url })],
        providers: [Base],
      })
        .overrideProvider(Base)
        .useClass(Double)
        .compile();
      await app.init();
      await app.close();
    });
  });

  it('refuses one fixed id twice on one way', async () => {
    @Controller()
    @UseInterceptors(AdvisoryLock('same'))
    class Twice {
      @Get()
      @UseInterceptors(AdvisoryLock('same'))
      find(): void {}
    }
    await refused({ controllers: [Twice] }, /'Twice\.find' takes the lock 'same' twice on one way/);
    @Controller()
    class Both {
      @Get()
      @UseInterceptors(AdvisoryLock('same'))
      @WithAdvisoryLock('same')
      async find(): Promise<void> {}
    }
    await refused({ controllers: [Both] }, /by AdvisoryLock and by WithAdvisoryLock inside of it/);
  });

  it('keeps the service usable for what is decorated rightly', async () => {
    @Injectable()
    class Right {
      constructor(readonly pglock: PgLockService) {}

      @WithAdvisoryLock('right')
      async run(): Promise<boolean> {
        return Promise.resolve(this.pglock.isHeld('right'));
      }
    }
    const app = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      providers: [Right],
    }).compile();
    await app.init();
    expect(await app.get(Right).run()).toBe(true);
    await app.close();
  });
});
