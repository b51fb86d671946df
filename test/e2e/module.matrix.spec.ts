import { jest } from '@jest/globals';
import { Injectable, Logger, Module, type DynamicModule, type Type } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import pg from 'pg';
import {
  getPgLockToken,
  InjectPgLock,
  PgLockConfigurationError,
  PgLockModule,
  PgLockService,
  type PgLockModuleOptions,
  type PgLockOptionsFactory,
} from '../../lib/index.js';
import { eventually, useDatabase } from '../support/database.js';
import { holders } from './support/holder.js';

@Injectable()
class Both {
  constructor(
    readonly pglock: PgLockService,
    @InjectPgLock('reporting') readonly reporting: PgLockService,
  ) {}
}

describe('PgLockModule', () => {
  const db = useDatabase();

  async function boot(imports: (DynamicModule | Type)[], providers: Type[] = []): Promise<TestingModule> {
    const module = await Test.createTestingModule({ imports, providers }).compile();
    db.defer(() => module.close());
    return module.init();
  }

  const lockOnce = (pglock: PgLockService) => pglock.advisory('module', (lock) => lock.held);

  it('connects where the libpq environment says when it is given nothing', async () => {
    const url = new URL(db.url);
    const before = { ...process.env };
    db.defer(() => Object.assign(process.env, before));
    Object.assign(process.env, {
      PGHOST: url.hostname,
      PGPORT: url.port,
      PGUSER: decodeURIComponent(url.username),
      PGPASSWORD: decodeURIComponent(url.password),
      PGDATABASE: db.name,
    });
    const module = await boot([PgLockModule.forRoot()]);
    expect(await lockOnce(module.get(PgLockService))).toBe(true);
  });

  it('takes a PoolConfig as well as a connection string', async () => {
    const module = await boot([PgLockModule.forRoot({ connection: { connectionString: db.url } })]);
    expect(await lockOnce(module.get(PgLockService))).toBe(true);
  });

  describe('forRootAsync', () => {
    @Injectable()
    class Options implements PgLockOptionsFactory {
      createPgLockOptions(): PgLockModuleOptions {
        return { connection: db.url, namespace: 'async:' };
      }
    }
    @Module({ providers: [Options], exports: [Options] })
    class Config {}

    it.each([
      [
        'useFactory',
        { imports: [Config], inject: [Options], useFactory: (o: Options) => o.createPgLockOptions() },
      ],
      ['useClass', { useClass: Options }],
      ['useExisting', { imports: [Config], useExisting: Options }],
    ])('takes %s', async (_form, options) => {
      const module = await boot([PgLockModule.forRootAsync(options)]);
      const pglock = module.get(PgLockService);
      expect(pglock.advisoryKey('x')).not.toEqual(
        (await boot([PgLockModule.forRoot()])).get(PgLockService).advisoryKey('x'),
      );
      expect(await lockOnce(pglock)).toBe(true);
    });

    it('takes a name beside the factory, and refuses it inside', async () => {
      const module = await boot([
        PgLockModule.forRootAsync({ name: 'reporting', useFactory: () => ({ connection: db.url }) }),
      ]);
      expect(await lockOnce(module.get(getPgLockToken('reporting')))).toBe(true);
      const inside = { useFactory: () => ({ name: 'reporting' }) as PgLockModuleOptions };
      await expect(boot([PgLockModule.forRootAsync(inside)])).rejects.toThrow(
        /'name' shapes the module itself/,
      );
    });

    it.each([
      ['nothing', undefined, /got a value of type undefined/],
      ['no factory', {}, /got none of them/],
      ['a factory that is no function', { useFactory: 5 }, /got useFactory as a value of type number/],
      ['a class that makes no options', { useClass: class Empty {} }, /has no method createPgLockOptions/],
    ])('refuses %s', async (_what, options, words) => {
      const booting = async () => boot([PgLockModule.forRootAsync(options as never)]);
      await expect(booting()).rejects.toThrow(words);
      await expect(booting()).rejects.toThrow(PgLockConfigurationError);
    });

    it('refuses unknown and bad options at boot', async () => {
      const bad = { useFactory: () => ({ limits: 3 }) as PgLockModuleOptions };
      await expect(boot([PgLockModule.forRootAsync(bad)])).rejects.toThrow(PgLockConfigurationError);
      const beside = { nam: 'reporting', useFactory: () => ({}) } as Parameters<
        typeof PgLockModule.forRootAsync
      >[0];
      await expect(boot([PgLockModule.forRootAsync(beside)])).rejects.toThrow(
        /no option 'nam'. Did you mean 'name'/,
      );
      const nothing = { useFactory: () => undefined as unknown as PgLockModuleOptions };
      await expect(boot([PgLockModule.forRootAsync(nothing)])).rejects.toThrow(
        /the factory gave a value of type undefined/,
      );
    });
  });

  it('refuses bad options at boot, and says which', async () => {
    await expect(boot([PgLockModule.forRoot({ limit: -1 })])).rejects.toThrow(
      /limit must be a whole number 1 or above; got -1/,
    );
  });

  it('keeps databases apart', async () => {
    const module = await boot(
      [
        PgLockModule.forRoot({ connection: db.url }),
        PgLockModule.forRoot({ name: 'reporting', connection: db.url }),
      ],
      [Both],
    );
    const { pglock, reporting } = module.get(Both);
    expect(pglock).not.toBe(reporting);
    await pglock.advisory('apart', async () => {
      expect(reporting.isHeld('apart')).toBe(false);
      expect(await reporting.acquire('apart', { timeout: 0 })).toBeNull();
    });
  });

  it('refuses one name twice', async () => {
    const twice = [
      PgLockModule.forRoot({ connection: db.url }),
      PgLockModule.forRoot({ connection: db.url }),
    ];
    await expect(boot(twice)).rejects.toThrow(/database 'default' is configured twice/);
  });

  it('is global unless told otherwise', async () => {
    @Injectable()
    class User {
      constructor(readonly pglock: PgLockService) {}
    }
    @Module({ providers: [User] })
    class Feature {}
    const module = await boot([PgLockModule.forRoot({ connection: db.url }), Feature]);
    expect(module.get(User, { strict: false }).pglock).toBeInstanceOf(PgLockService);
    const local = [PgLockModule.forRoot({ connection: db.url, isGlobal: false }), Feature];
    await expect(boot(local)).rejects.toThrow(/can't resolve dependencies of the User/);
  });

  it('borrows a pool: takes none of its clients for locks, and never closes it', async () => {
    const pool = new pg.Pool({ connectionString: db.url, max: 1 });
    db.defer(() => pool.end());
    const module = await boot([PgLockModule.forRoot({ pool })]);
    const client = await pool.connect();
    expect(await lockOnce(module.get(PgLockService))).toBe(true);
    await module.close();
    client.release();
    expect((await pool.query<{ one: number }>('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('opens no connection before it is needed, and leaves none at shutdown', async () => {
    const module = await boot([PgLockModule.forRoot({ connection: db.url })]);
    expect(await db.sessions()).toEqual([]);
    const lock = await module.get(PgLockService).acquire('shutdown');
    expect(await holders(db, 'shutdown')).toBe(1);
    await module.close();
    await eventually(async () => (await db.sessions()).length === 0);
    expect(lock?.held).toBe(false);
  });

  it('writes lost locks into the log', async () => {
    const warnings = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    db.defer(() => warnings.mockRestore());
    const module = await boot([PgLockModule.forRoot({ connection: db.url })]);
    const lock = await module.get(PgLockService).acquire('lost');
    await db.admin.query('SELECT pg_terminate_backend($1)', [lock?.pid]);
    await eventually(() => warnings.mock.calls.some(([text]) => /Lost a lock: .*"lost"/.test(String(text))));
    expect(lock?.signal.aborted).toBe(true);
  });

  it('serves two applications of one process independently', async () => {
    const [first, second] = await Promise.all([
      boot([PgLockModule.forRoot({ connection: db.url })]),
      boot([PgLockModule.forRoot({ connection: db.url })]),
    ]);
    await first.get(PgLockService).advisory('two', async () => {
      expect(await second.get(PgLockService).acquire('two', { timeout: 0 })).toBeNull();
    });
    await first.close();
    expect(await lockOnce(second.get(PgLockService))).toBe(true);
  });
});
