import { Controller, Get, Injectable, Res, SetMetadata, UseInterceptors } from '@nestjs/common';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Test, type TestingModule } from '@nestjs/testing';
import { of } from 'rxjs';
import {
  advisoryKey,
  CurrentLock,
  LockNotAvailableError,
  LockTimeout,
  PgLockModule,
  PgLockService,
  PgLockUsageError,
  Prioritize,
  WithAdvisoryLock,
  WithLockTimeout,
  WithPrioritize,
  type LockHandle,
} from '../../lib/index.js';
import { useDatabase } from '../support/database.js';
import { holdOutside, holders } from './support/holder.js';
import { serve } from './support/platforms.js';

interface Timeout {
  readonly lock_timeout: string;
}

@Injectable()
class Orders {
  private readonly prefix = 'order:';

  constructor(private readonly pglock: PgLockService) {}

  @WithAdvisoryLock('fixed', { timeout: 0 })
  async fixed(value: number) {
    await Promise.resolve();
    return { value, held: this.pglock.isHeld('fixed') };
  }

  @WithAdvisoryLock()
  async named(@CurrentLock() lock?: LockHandle) {
    return Promise.resolve(lock?.id);
  }

  @WithAdvisoryLock({ timeout: 0, onContention: 'skip' })
  async skipping() {
    return Promise.resolve('ran');
  }

  @WithAdvisoryLock(function (this: Orders, id: number) {
    return `${this.prefix}${id}`;
  })
  async byArgument(id: number, @CurrentLock() lock?: LockHandle) {
    return Promise.resolve([id, lock?.id]);
  }

  @WithAdvisoryLock('failing')
  async failing(): Promise<void> {
    return Promise.reject(new Error('no'));
  }

  @WithAdvisoryLock('reporting', { connection: 'reporting' })
  async elsewhere() {
    return Promise.resolve(this.pglock.isHeld('reporting'));
  }

  @WithLockTimeout('3s')
  async withTimeout() {
    return (await this.pglock.pool.query<Timeout>('SHOW lock_timeout')).rows[0]?.lock_timeout;
  }

  @WithPrioritize({ interval: '50ms' })
  async prioritized() {
    return (await this.pglock.pool.query('SELECT 1 FROM guarded')).rowCount;
  }

  @WithAdvisoryLock('metadata')
  @SetMetadata('below', 1)
  async metadata(one: number, two: number) {
    return Promise.resolve(one + two);
  }
}

@Injectable()
class Ledger {
  constructor(@CurrentLock() readonly lock: LockHandle) {}

  @WithAdvisoryLock('ledger')
  async write() {
    const { id, key, keys, shared, held, pid, signal } = this.lock;
    return {
      id,
      key,
      keys,
      shared,
      held,
      pid,
      aborted: signal.aborted,
      token: await this.lock.fencingToken(),
    };
  }

  @WithAdvisoryLock('ledger early')
  async early() {
    await this.lock.release();
    return this.lock.held;
  }
}

@Controller()
class Timeouts {
  constructor(
    private readonly pglock: PgLockService,
    private readonly scheduler: SchedulerRegistry,
  ) {}

  @Get('timeout')
  @UseInterceptors(LockTimeout('1234ms'))
  async timeout() {
    return (await this.pglock.pool.query<Timeout>('SHOW lock_timeout')).rows[0]?.lock_timeout;
  }

  @Get('prioritized')
  @UseInterceptors(Prioritize({ interval: '50ms' }))
  async prioritized() {
    const { rowCount } = await this.pglock.pool.query('SELECT 1 FROM guarded');
    return { rowCount, intervals: this.scheduler.getIntervals() };
  }

  @Get('with-throw')
  @WithAdvisoryLock('busy route', { timeout: 0 })
  async withThrow() {
    return Promise.resolve('ran');
  }

  @Get('with-skip')
  @WithAdvisoryLock('busy route', { timeout: 0, onContention: 'skip' })
  async withSkip() {
    return Promise.resolve('ran');
  }

  @Get('with-skip-res')
  @WithAdvisoryLock('busy route', { timeout: 0, onContention: 'skip' })
  async withSkipRes(@Res() response: { send(body: string): void }) {
    await Promise.resolve();
    response.send('ran');
  }

  @Get('with-inner')
  @WithAdvisoryLock('outer route')
  async withInner() {
    await this.pglock.advisory('busy route', { timeout: 0 }, () => 'ran');
  }

  @Get('with')
  @WithAdvisoryLock('route')
  async with(@CurrentLock() lock: LockHandle) {
    return Promise.resolve({ id: lock.id });
  }
}

describe('method decorators', () => {
  const db = useDatabase({
    schema: 'CREATE TABLE guarded (id int)',
    mayStay: ({ applicationName }) => applicationName !== 'outside',
  });
  let module: TestingModule;
  let orders: Orders;
  let url: string;

  beforeAll(async () => {
    module = await Test.createTestingModule({
      imports: [
        ScheduleModule.forRoot(),
        PgLockModule.forRoot({ connection: db.url }),
        PgLockModule.forRoot({ name: 'reporting', connection: db.url }),
      ],
      providers: [Orders, Ledger],
      controllers: [Timeouts],
    }).compile();
    const server = await serve(module, 'express');
    url = server.url;
    db.defer(() => server.app.close());
    orders = module.get(Orders);
  });

  it('runs the method under the lock', async () => {
    expect(await orders.fixed(3)).toEqual({ value: 3, held: true });
    expect(await holders(db, 'fixed')).toBe(0);
  });

  it('rejects with LockNotAvailableError under contention', async () => {
    await holdOutside(db, 'fixed');
    await expect(orders.fixed(3)).rejects.toThrow(LockNotAvailableError);
  });

  it('answers 423 with Retry-After on a route under contention, and an empty 204 where it is skipped', async () => {
    expect((await fetch(`${url}/with-throw`)).status).toBe(200);
    await holdOutside(db, 'busy route');
    const refused = await fetch(`${url}/with-throw`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([423, '1']);
    const byItself = await fetch(`${url}/with-skip-res`);
    expect([byItself.status, await byItself.text()]).toEqual([204, '']);
    const skipped = await fetch(`${url}/with-skip`);
    expect([skipped.status, await skipped.text()]).toEqual([204, '']);
  });

  it('answers contention inside of the method as contention, too', async () => {
    await holdOutside(db, 'busy route');
    expect((await fetch(`${url}/with-inner`)).status).toBe(423);
  });

  it('resolves to undefined under skip, without having run', async () => {
    expect(await orders.skipping()).toBe('ran');
    await holdOutside(db, 'Orders.skipping');
    expect(await orders.skipping()).toBeUndefined();
  });

  it('names the lock after class and method, and hands it to @CurrentLock()', async () => {
    expect(await orders.named()).toBe('Orders.named');
  });

  it('gives constructors a @CurrentLock() that is the lock of whatever call is running', async () => {
    const ledger = module.get(Ledger);
    const key = advisoryKey('ledger');
    expect(await ledger.write()).toEqual({
      id: 'ledger',
      key,
      keys: [key],
      shared: false,
      held: true,
      pid: expect.any(Number) as number,
      aborted: false,
      token: expect.any(BigInt) as bigint,
    });
    expect(await ledger.early()).toBe(false);
    expect(ledger.lock.held).toBe(false);
    expect(() => ledger.lock.id).toThrow(/@CurrentLock\(\) of a constructor was used where no lock is held/);
    await expect(ledger.lock.release()).rejects.toThrow(PgLockUsageError);
  });

  it('reads the id from the arguments, with the instance as this', async () => {
    expect(await orders.byArgument(7)).toEqual([7, 'order:7']);
  });

  it('lets go when the method fails', async () => {
    await expect(orders.failing()).rejects.toThrow('no');
    expect(await holders(db, 'failing')).toBe(0);
  });

  it('locks on the named database', async () => {
    expect(await orders.elsewhere()).toBe(false);
  });

  it('sets the lock timeout of what the method does', async () => {
    expect(await orders.withTimeout()).toBe('3s');
  });

  it('keeps metadata, name and arity, and leaves instances as they look', () => {
    expect(Reflect.getMetadata('below', Orders.prototype.metadata)).toBe(1);
    expect(Orders.prototype.metadata.name).toBe('metadata');
    expect(Orders.prototype.metadata).toHaveLength(2);
    expect(Reflect.ownKeys(orders)).toEqual(['pglock', 'prefix']);
  });

  it('refuses an instance that Nest did not create, and says so', async () => {
    const own = new Orders(module.get(PgLockService));
    await expect(own.fixed(1)).rejects.toThrow(PgLockUsageError);
    await expect(own.fixed(1)).rejects.toThrow(
      /@WithAdvisoryLock on Orders\.fixed needs an instance that Nest created/,
    );
  });

  it('refuses Observables, generators and static methods', async () => {
    @Injectable()
    class Streaming {
      @WithAdvisoryLock('stream')
      async stream(): Promise<unknown> {
        return of(1);
      }
      @WithAdvisoryLock('observable')
      observable(): Promise<unknown> {
        return of(1) as unknown as Promise<unknown>;
      }
    }
    const own = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      providers: [Streaming],
    }).compile();
    db.defer(() => own.close());
    await expect(own.get(Streaming).observable()).rejects.toThrow(/returned an Observable/);
    const generator = { async *rows() {} };
    const decorate = (target: object, name: string) =>
      WithAdvisoryLock('x')(target, name, Object.getOwnPropertyDescriptor(target, name) as never);
    expect(() => decorate(generator, 'rows')).toThrow(PgLockUsageError);
    class Static {
      static async run() {}
    }
    expect(() => decorate(Static, 'run')).toThrow(/static method/);
  });

  it('refuses what cannot be meant where the class is declared', () => {
    const wrong = (options: object) => options;
    expect(() => WithAdvisoryLock('x', { timeout: -1 })).toThrow(PgLockUsageError);
    expect(() => WithAdvisoryLock('x', wrong({ tiemout: 1 }))).toThrow(/Unknown option "tiemout"/);
    expect(() => WithAdvisoryLock(1.5)).toThrow(/A lock id must be .*got 1\.5/);
    expect(() => WithAdvisoryLock([])).toThrow(/list of lock ids is empty/);
    expect(() => WithPrioritize({ interval: 0 })).toThrow(/interval must be longer than zero/);
    expect(() => Prioritize(wrong({ tick: 1 }))).toThrow(/Unknown option "tick" of prioritize/);
    expect(() => WithLockTimeout(0)).toThrow(PgLockUsageError);
    expect(() => LockTimeout(0)).toThrow(PgLockUsageError);
  });

  it('works on routes: lock timeouts, and locks of the method', async () => {
    expect(await (await fetch(`${url}/timeout`)).text()).toBe('1234ms');
    expect(await (await fetch(`${url}/with`)).json()).toEqual({ id: 'route' });
  });

  it('clears the way of a method and of a route, and shows its timer meanwhile', async () => {
    await blockTable();
    expect(await orders.prioritized()).toBe(0);
    await blockTable();
    const answer = await fetch(`${url}/prioritized`);
    expect(await answer.json()).toEqual({ rowCount: 0, intervals: ['pglock:default:prioritize'] });
    expect(module.get(SchedulerRegistry, { strict: false }).getIntervals()).toEqual([]);
  });

  /** Another application that took a table and went away. */
  async function blockTable(): Promise<void> {
    const client = await db.connect({ application_name: 'outside' });
    await client.query('BEGIN');
    await client.query('LOCK TABLE guarded');
  }
});
