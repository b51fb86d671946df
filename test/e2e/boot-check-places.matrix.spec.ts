import {
  Controller,
  Get,
  Injectable,
  Module,
  Scope,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type MiddlewareConsumer,
  type NestInterceptor,
  type NestMiddleware,
  type Type,
} from '@nestjs/common';
import {
  APP_GUARD,
  APP_INTERCEPTOR,
  DiscoveryModule,
  DiscoveryService,
  LazyModuleLoader,
} from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import type { Server } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import {
  AdvisoryLock,
  AdvisoryLockGuard,
  CurrentLock,
  PgLockConfigurationError,
  PgLockModule,
  PgLockService,
  PgLockUsageError,
  WithAdvisoryLock,
  WithLockTimeout,
  type LockHandle,
} from '../../lib/index.js';
import { useDatabase } from '../support/database.js';
import { holders, holdOutside } from './support/holder.js';
import { PLATFORMS, serve } from './support/platforms.js';

const NEVER = '0 0 1 1 *';

interface Parts {
  readonly imports?: Type[];
  readonly controllers?: Type[];
  readonly providers?: object[];
  readonly middleware?: Type;
}

describe('whatever class of the application carries a decorator', () => {
  const db = useDatabase();

  function rootOf({ imports = [], controllers = [], providers = [], middleware }: Parts): Type {
    @Module({
      imports: [ScheduleModule.forRoot(), PgLockModule.forRoot({ connection: db.url }), ...imports],
      controllers,
      providers: providers as Type[],
    })
    class App {
      configure(consumer: MiddlewareConsumer): void {
        if (middleware !== undefined) consumer.apply(middleware).forRoutes(...controllers);
      }
    }
    return App;
  }

  async function boot(
    parts: Parts,
    use: (app: INestApplication<Server>, url: string) => Promise<void> = async () => Promise.resolve(),
    platform: (typeof PLATFORMS)[number] = 'express',
    prepare: (app: INestApplication) => void = () => undefined,
  ): Promise<void> {
    const module = await Test.createTestingModule({ imports: [rootOf(parts)] }).compile();
    let created: INestApplication | undefined;
    try {
      const { app, url } = await serve(module, platform, (served) => {
        created = served;
        prepare(served);
      });
      await use(app, url);
    } finally {
      // The module alone leaves its server listening.
      await (created ?? module).close();
    }
  }

  const refused = async (parts: Parts, words: RegExp): Promise<void> => {
    const booting = boot(parts);
    await expect(booting).rejects.toThrow(PgLockConfigurationError);
    await expect(booting).rejects.toThrow(words);
  };

  @Controller()
  class Pages {
    @Get()
    page(): string {
      return 'page';
    }
  }

  describe('middleware', () => {
    @Injectable()
    class Locked implements NestMiddleware {
      @UseInterceptors(AdvisoryLock('middleware'))
      use(_request: unknown, _response: unknown, next: () => void): void {
        next();
      }
    }

    @Injectable()
    @UseInterceptors(AdvisoryLock('middleware'))
    class OnClass implements NestMiddleware {
      use(_request: unknown, _response: unknown, next: () => void): void {
        next();
      }
    }

    it('stops the boot with an interceptor, on the method and on the class', async () => {
      await refused(
        { controllers: [Pages], middleware: Locked },
        /'Locked\.use' would never run: .* Use @WithAdvisoryLock/,
      );
      await refused(
        { controllers: [Pages], middleware: OnClass },
        /class 'OnClass' reaches none of its methods/,
      );
    });

    it.each(PLATFORMS)('holds the lock of @WithAdvisoryLock on %s', async (platform) => {
      const seen: number[] = [];
      @Injectable()
      class Wrapped implements NestMiddleware {
        @WithAdvisoryLock('middleware')
        async use(_request: unknown, _response: unknown, next: () => void): Promise<void> {
          seen.push(await holders(db, 'middleware'));
          next();
        }
      }
      await boot(
        { controllers: [Pages], middleware: Wrapped },
        async (_app, url) => {
          expect(await (await fetch(url, { headers: { connection: 'close' } })).text()).toBe('page');
        },
        platform,
      );
      expect(seen).toEqual([1]);
    });
  });

  describe('guards and interceptors, which are no providers', () => {
    it('stop the boot with an interceptor or a guard of ours on their methods', async () => {
      @Injectable()
      class Guard implements CanActivate {
        @UseInterceptors(AdvisoryLock('guard'))
        canActivate(): boolean {
          return true;
        }
      }
      @Controller()
      class Guarded {
        @Get()
        @UseGuards(Guard)
        page(): void {}
      }
      await refused({ controllers: [Guarded] }, /'Guard\.canActivate' would never run/);

      @Injectable()
      class Around implements NestInterceptor {
        @UseGuards(AdvisoryLockGuard('around'))
        intercept(_context: ExecutionContext, next: CallHandler) {
          return next.handle();
        }
      }
      @Controller()
      class Surrounded {
        @Get()
        @UseInterceptors(Around)
        page(): void {}
      }
      await refused(
        { controllers: [Surrounded] },
        /AdvisoryLockGuard on 'Around\.intercept' would never run/,
      );
    });

    it('hold the lock of @WithAdvisoryLock', async () => {
      const seen: number[] = [];
      @Injectable()
      class Guard implements CanActivate {
        @WithAdvisoryLock('guard')
        async canActivate(): Promise<boolean> {
          seen.push(await holders(db, 'guard'));
          return true;
        }
      }
      @Controller()
      class Guarded {
        @Get()
        @UseGuards(Guard)
        page(): string {
          return 'page';
        }
      }
      await boot({ controllers: [Guarded] }, async (_app, url) => {
        expect(await (await fetch(url)).text()).toBe('page');
      });
      expect(seen).toEqual([1]);
    });
  });

  describe('modules that are loaded lazily', () => {
    it('are refused where an enhancer on them would never run', async () => {
      @Injectable()
      class Plain {
        @UseInterceptors(AdvisoryLock('lazy'))
        run(): void {}
      }
      @Module({ providers: [Plain] })
      class Lazy {}
      await boot({}, async (app) => {
        const loading = app.get(LazyModuleLoader).load(() => Lazy);
        await expect(loading).rejects.toThrow(PgLockConfigurationError);
        await expect(loading).rejects.toThrow(/'Plain\.run' would never run/);
      });
    });

    it('lock by @WithAdvisoryLock, and are closed with the application', async () => {
      @Injectable()
      class Wrapped {
        @WithAdvisoryLock('lazy')
        async run(): Promise<number> {
          return holders(db, 'lazy');
        }
      }
      @Module({ providers: [Wrapped] })
      class Lazy {}
      await boot({}, async (app) => {
        const module = await app.get(LazyModuleLoader).load(() => Lazy);
        expect(await module.get(Wrapped).run()).toBe(1);
      });
    });

    it('close what they opened by pglock.close(), where the module itself is loaded lazily', async () => {
      @Module({ imports: [PgLockModule.forRoot({ connection: db.url })] })
      class Lazy {}
      const module = await Test.createTestingModule({}).compile();
      const lazy = await module.get(LazyModuleLoader).load(() => Lazy);
      const pglock = lazy.get(PgLockService, { strict: false });
      expect(await pglock.advisory('lazy', () => holders(db, 'lazy'))).toBe(1);
      await pglock.close();
      expect(await db.sessions()).toEqual([]);
      await module.close();
    });
  });

  describe('global enhancers', () => {
    const named = (path: string): Type => {
      @Controller(path)
      class Twin {
        @Get()
        page(): string {
          return 'page';
        }
      }
      return Twin;
    };

    it('lock around every handler, and let a guard refuse', async () => {
      const providers = [
        { provide: APP_INTERCEPTOR, useClass: AdvisoryLock('global', { timeout: 0 }) },
        { provide: APP_GUARD, useClass: AdvisoryLockGuard('maintenance') },
      ];
      await boot({ controllers: [Pages], providers }, async (_app, url) => {
        const global = await holdOutside(db, 'global');
        expect((await fetch(url)).status).toBe(423);
        await global.release();
        expect((await fetch(url)).status).toBe(200);
        await holdOutside(db, 'maintenance');
        expect((await fetch(url)).status).toBe(423);
      });
    });

    it('stop the boot where their default id is one for two classes', async () => {
      const providers = [{ provide: APP_INTERCEPTOR, useClass: AdvisoryLock() }];
      await boot({ controllers: [named('a')], providers });
      await refused(
        { controllers: [named('a'), named('b')], providers },
        /two different classes are called 'Twin', and AdvisoryLock\(\)/,
      );
    });

    it('stop the boot where the handler takes their id again', async () => {
      @Controller()
      class Again {
        @Get()
        @UseInterceptors(AdvisoryLock('global'))
        page(): void {}
      }
      const providers = [{ provide: APP_INTERCEPTOR, useClass: AdvisoryLock('global') }];
      await refused({ controllers: [Again], providers }, /'Again\.page' takes the lock 'global' twice/);
    });

    it('are given to Nest as classes: of what was created by hand it is said how', () => {
      const Interceptor = AdvisoryLock('x') as unknown as new () => object;
      const Guard = AdvisoryLockGuard('x') as unknown as new () => object;
      expect(() => new Interceptor()).toThrow(/\{ provide: APP_INTERCEPTOR, useClass: AdvisoryLock\(…\) \}/);
      expect(() => new Guard()).toThrow(/\{ provide: APP_GUARD, useClass: AdvisoryLockGuard\(…\) \}/);
    });

    it('work where an application takes them from Nest for useGlobalInterceptors', async () => {
      const Interceptor = AdvisoryLock('global', { timeout: 0 });
      const isRefused = async (_app: INestApplication, url: string): Promise<void> => {
        await holdOutside(db, 'global');
        expect((await fetch(url)).status).toBe(423);
      };
      await boot({ controllers: [Pages], providers: [Interceptor] }, isRefused, 'express', (app) =>
        app.useGlobalInterceptors(app.get(Interceptor)),
      );
    });
  });

  describe('a database that is not there', () => {
    @Injectable()
    class Typo {
      @WithAdvisoryLock('x', { connection: 'reportng' })
      async run(): Promise<void> {}
    }

    it('is named in our words, for method decorators too', async () => {
      @Controller()
      class Routed {
        @Get()
        @UseInterceptors(AdvisoryLock('x', { connection: 'reportng' }))
        page(): void {}
      }
      await refused(
        { controllers: [Routed] },
        /AdvisoryLock needs PgLockModule\.forRoot\(\{ name: 'reportng' \}\), .* correct `connection: 'reportng'`/,
      );
      await refused(
        { providers: [Typo] },
        /@WithAdvisoryLock on Typo\.run needs PgLockModule\.forRoot\(\{ name: 'reportng' \}\), .* correct `connection: 'reportng'`/,
      );
      @Injectable()
      class Limited {
        @WithLockTimeout('1s')
        async run(): Promise<void> {}
      }
      const compiling = Test.createTestingModule({ providers: [Limited] }).compile();
      await expect(compiling).rejects.toThrow(PgLockConfigurationError);
      await expect(compiling).rejects.toThrow(
        /@WithLockTimeout on Limited\.run needs PgLockModule\.forRoot\(\), which no module .* imports/,
      );
    });

    it('is found missing for a job that a factory made, and for whatever else is called directly', async () => {
      class Jobs {
        @Cron(NEVER)
        @UseInterceptors(AdvisoryLock('jobs'))
        run(): void {}
      }
      const booting = Test.createTestingModule({
        imports: [ScheduleModule.forRoot()],
        providers: [{ provide: 'JOBS', useFactory: () => new Jobs() }],
      })
        .compile()
        .then((module) => module.init());
      await expect(booting).rejects.toThrow(PgLockConfigurationError);
      await expect(booting).rejects.toThrow(
        /AdvisoryLock on 'Jobs\.run' needs PgLockModule\.forRoot\(\), which no module .* imports/,
      );
    });

    it('leaves applications without decorated providers alone', async () => {
      const module = await Test.createTestingModule({
        imports: [DiscoveryModule],
        providers: [{ provide: 'VALUE', useValue: { run: () => undefined } }],
      }).compile();
      expect(module.get(DiscoveryService).getProviders().length).toBeGreaterThan(0);
      await module.close();
    });
  });

  it('refuses jobs of transient providers, which are called on an object that was never constructed', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Each {
      @Cron(NEVER)
      @UseInterceptors(AdvisoryLock('each'))
      run(): void {}
    }
    await refused({ providers: [Each] }, /AdvisoryLock on 'Each\.run', a job of a transient provider/);
    @Injectable({ scope: Scope.TRANSIENT })
    class Wrapped {
      @Cron(NEVER)
      @WithAdvisoryLock('each')
      async run(): Promise<void> {}
    }
    await refused({ providers: [Wrapped] }, /never constructed\. Make the provider a singleton/);
  });

  describe('@CurrentLock() on a method that carries no lock', () => {
    @Injectable()
    class Bare {
      run(_text: string, @CurrentLock() lock?: LockHandle): LockHandle | undefined {
        return lock;
      }
    }
    @Injectable()
    class Outer {
      constructor(private readonly bare: Bare) {}

      @WithAdvisoryLock('outer')
      async run(): Promise<string> {
        return String(this.bare.run('text', 'no lock' as never)?.id);
      }
    }

    it('throws, whatever its caller passes there', async () => {
      await boot({ providers: [Bare, Outer] }, async (app) => {
        const call = () => app.get(Bare).run('text', 'a token' as never);
        expect(call).toThrow(PgLockUsageError);
        expect(call).toThrow(/@CurrentLock\(\) of Bare\.run has no lock/);
        await Promise.resolve();
      });
    });

    it('is the lock of the flow that calls it', async () => {
      await boot({ providers: [Bare, Outer] }, async (app) => {
        expect(await app.get(Outer).run()).toBe('outer');
      });
    });
  });
});
