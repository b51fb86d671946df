import { Controller, Get, UseInterceptors, type CallHandler, type ExecutionContext } from '@nestjs/common';
import { CacheInterceptor, CacheModule } from '@nestjs/cache-manager';
import { Test } from '@nestjs/testing';
import { AdvisoryLock, PgLockModule } from '../../lib/index.js';
import { deferred, eventually, useDatabase } from '../support/database.js';
import { holders, holdOutside, untilFree, untilHeld } from './support/holder.js';
import { PLATFORMS, serve } from './support/platforms.js';

let gate = deferred();
const computed = { before: 0, after: 0 };
let arrived = 0;

/** Counts the requests that come to the lock. */
const Arrival = {
  intercept: (_context: ExecutionContext, next: CallHandler) => {
    arrived += 1;
    return next.handle();
  },
};

@Controller()
class Reports {
  @Get('before')
  @UseInterceptors(CacheInterceptor, Arrival, AdvisoryLock('before'))
  before() {
    return this.compute('before');
  }

  @Get('after')
  @UseInterceptors(Arrival, AdvisoryLock('after'), CacheInterceptor)
  after() {
    return this.compute('after');
  }

  @Get('refused')
  @UseInterceptors(CacheInterceptor, AdvisoryLock('refused', { timeout: 0 }))
  refused() {
    return 'computed';
  }

  private async compute(what: keyof typeof computed) {
    computed[what] += 1;
    const count = computed[what];
    await gate.promise;
    return `computed ${String(count)}`;
  }
}

describe.each(PLATFORMS)('CacheInterceptor on %s', (platform) => {
  const db = useDatabase({ mayStay: ({ applicationName }) => applicationName.startsWith('pglock:') });
  let url: string;

  beforeAll(async () => {
    const module = await Test.createTestingModule({
      imports: [CacheModule.register(), PgLockModule.forRoot({ connection: db.url })],
      controllers: [Reports],
    }).compile();
    const server = await serve(module, platform);
    url = server.url;
    db.defer(() => server.app.close());
  });

  beforeEach(() => {
    gate = deferred();
    arrived = 0;
    Object.assign(computed, { before: 0, after: 0 });
  });

  const ask = async (path: string) => {
    const response = await fetch(`${url}/${path}`, { headers: { connection: 'close' } });
    return [response.status, response.headers.get('x-cache'), await response.text()];
  };

  /** Two requests, of which the second comes to the lock while the first one has it. */
  const twice = async (path: string) => {
    const first = ask(path);
    await untilHeld(db, path);
    const second = ask(path);
    await eventually(() => arrived === 2);
    gate.resolve();
    return Promise.all([first, second]);
  };

  it('before the lock answers hits without it, and computes again for each request that missed meanwhile', async () => {
    expect(await twice('before')).toEqual([
      [200, 'MISS', 'computed 1'],
      [200, 'MISS', 'computed 2'],
    ]);
    await untilFree(db, 'before');
    await holdOutside(db, 'before');
    expect(await ask('before')).toEqual([200, 'HIT', 'computed 2']);
  });

  it('after the lock computes once for all requests that wait, and hits wait for the lock too', async () => {
    expect(await twice('after')).toEqual([
      [200, 'MISS', 'computed 1'],
      [200, 'HIT', 'computed 1'],
    ]);
    expect(computed.after).toBe(1);
    await untilFree(db, 'after');
    const other = await holdOutside(db, 'after');
    const hit = ask('after');
    await db.waitForWaiter();
    await other.release();
    expect(await hit).toEqual([200, 'HIT', 'computed 1']);
    await untilFree(db, 'after');
    expect(await holders(db, 'after')).toBe(0);
  });

  it('before the lock caches no refusal', async () => {
    const other = await holdOutside(db, 'refused');
    expect((await ask('refused')).slice(0, 2)).toEqual([423, 'MISS']);
    await other.release();
    expect(await ask('refused')).toEqual([200, 'MISS', 'computed']);
    expect(await ask('refused')).toEqual([200, 'HIT', 'computed']);
  });
});
