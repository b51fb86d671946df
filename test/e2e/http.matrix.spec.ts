import {
  Controller,
  Get,
  ImATeapotException,
  Inject,
  Param,
  Redirect,
  Res,
  Scope,
  UseGuards,
  UseInterceptors,
  type CallHandler,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import type { ServerResponse } from 'node:http';
import { map, of, tap } from 'rxjs';
import {
  AdvisoryLock,
  AdvisoryLockGuard,
  AdvisoryLockInterceptor,
  CurrentLock,
  InjectPgLock,
  PgLockModule,
  PgLockService,
  type LockHandle,
  type LockNotAvailableError,
} from '../../lib/index.js';
import { useDatabase } from '../support/database.js';
import { holders, holdOutside } from './support/holder.js';
import { get, PLATFORMS, serve, type Server } from './support/platforms.js';

/** Options that TypeScript would refuse. */
const wrong = (options: object) => options;

const seenOutside: boolean[] = [];

/** An interceptor around ours: what it sees runs outside of the lock. */
const Outer = (service: { current?: PgLockService }) => ({
  intercept: (_context: unknown, next: CallHandler) =>
    next.handle().pipe(tap(() => seenOutside.push(service.current?.isHeld('outer') ?? true))),
});
const current: { current?: PgLockService } = {};

/** Answers contention in a way of its own. */
class Teapot extends AdvisoryLockInterceptor {
  protected override refusal(error: LockNotAvailableError) {
    return new ImATeapotException(String(error.id));
  }
}

@Controller()
class Orders {
  constructor(private readonly pglock: PgLockService) {
    current.current = pglock;
  }

  @Get('held')
  @UseInterceptors(AdvisoryLock('held'))
  held(@CurrentLock() lock: LockHandle) {
    return { held: this.pglock.isHeld('held'), id: lock.id, pid: lock.pid };
  }

  @Get('named')
  @UseInterceptors(AdvisoryLock())
  named(@CurrentLock() lock: LockHandle) {
    return { id: lock.id };
  }

  @Get('orders/:id')
  @UseInterceptors(
    AdvisoryLock((ctx) => `order:${ctx.switchToHttp().getRequest<{ params: { id: string } }>().params.id}`, {
      timeout: 0,
    }),
  )
  order(@Param('id') id: string) {
    return { id };
  }

  @Get('refused')
  @UseInterceptors(AdvisoryLock('refused', { timeout: '20ms' }))
  refused() {
    return 'ran';
  }

  @Get('skipped')
  @UseInterceptors(AdvisoryLock('skipped', { timeout: 0, onContention: 'skip' }))
  skipped() {
    return 'ran';
  }

  @Get('skipped-res')
  @UseInterceptors(AdvisoryLock('skipped', { timeout: 0, onContention: 'skip' }))
  skippedRes(@Res() response: { raw?: ServerResponse } & ServerResponse) {
    (response.raw ?? response).end('ran');
  }

  @Get('skipped-redirect')
  @Redirect('/elsewhere')
  @UseInterceptors(AdvisoryLock('skipped', { timeout: 0, onContention: 'skip' }))
  skippedRedirect() {
    return undefined;
  }

  @Get('waiting')
  @UseInterceptors(AdvisoryLock('waiting'))
  waiting() {
    return 'ran';
  }

  @Get('failing')
  @UseInterceptors(AdvisoryLock('failing'))
  failing(): string {
    throw new Error('no');
  }

  @Get('outer')
  @UseInterceptors(Outer(current), AdvisoryLock('outer'))
  outer() {
    return of('a').pipe(map((letter) => `${letter}${this.pglock.isHeld('outer') ? ' under the lock' : ''}`));
  }

  @Get('several')
  @UseInterceptors(AdvisoryLock(['several:1', 'several:2']))
  several(@CurrentLock() lock: LockHandle) {
    return {
      keys: lock.keys.length,
      held: this.pglock.isHeld('several:1') && this.pglock.isHeld('several:2'),
    };
  }

  @Get('unlocked')
  unlocked(@CurrentLock() lock: LockHandle) {
    return lock.id;
  }

  @Get('teapot')
  @UseInterceptors(AdvisoryLock('teapot', { timeout: 0 }, Teapot))
  teapot() {
    return 'ran';
  }

  @Get('guarded')
  @UseGuards(AdvisoryLockGuard('maintenance'))
  guarded() {
    return 'ran';
  }
}

@Controller({ path: 'per-request', scope: Scope.REQUEST })
class PerRequest {
  constructor(
    private readonly pglock: PgLockService,
    @Inject(REQUEST) private readonly request: { url: string },
  ) {}

  @Get()
  @UseInterceptors(AdvisoryLock())
  get() {
    return { held: this.pglock.isHeld('PerRequest.get'), url: this.request.url };
  }
}

@Controller('class-level')
@UseInterceptors(AdvisoryLock('class-level'))
class WholeClass {
  constructor(@InjectPgLock() private readonly pglock: PgLockService) {}

  @Get()
  get() {
    return { held: this.pglock.isHeld('class-level') };
  }
}

describe.each(PLATFORMS)('HTTP on %s', (platform) => {
  const db = useDatabase({ mayStay: ({ applicationName }) => applicationName.startsWith('pglock:') });
  let server: Server;
  const fetchText = async (path: string) => {
    const response = await fetch(server.url + path, { redirect: 'manual' });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };

  beforeAll(async () => {
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      controllers: [Orders, PerRequest, WholeClass],
    }).compile();
    server = await serve(module, platform);
    db.defer(() => server.app.close());
  });

  it('opens no connection at boot', async () => {
    expect(await db.sessions()).toEqual([]);
  });

  it('holds the lock while the handler runs, and hands it to @CurrentLock()', async () => {
    const { status, text } = await fetchText('/held');
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({ held: true, id: 'held', pid: expect.any(Number) as number });
    expect(await holders(db, 'held')).toBe(0);
  });

  it('names the lock after class and method', async () => {
    expect(JSON.parse((await fetchText('/named')).text)).toEqual({ id: 'Orders.named' });
  });

  it('reads the id from the request', async () => {
    await holdOutside(db, 'order:7');
    expect((await fetchText('/orders/7')).status).toBe(423);
    expect((await fetchText('/orders/8')).status).toBe(200);
  });

  it('answers contention with 423 and Retry-After, without naming the lock', async () => {
    await holdOutside(db, 'refused');
    const { status, headers, text } = await fetchText('/refused');
    expect(status).toBe(423);
    expect(headers.get('retry-after')).toBe('1');
    expect(JSON.parse(text)).toMatchObject({ statusCode: 423, error: 'Locked' });
    expect(text).not.toContain('refused');
  });

  it('answers an empty 204 under skip', async () => {
    expect((await fetchText('/skipped')).text).toBe('ran');
    await holdOutside(db, 'skipped');
    expect(await fetchText('/skipped')).toMatchObject({ status: 204, text: '' });
  });

  it.each(['/skipped-res', '/skipped-redirect'])(
    'answers an empty 204 under skip where Nest does not answer: %s',
    async (path) => {
      await holdOutside(db, 'skipped');
      expect(await fetchText(path)).toMatchObject({ status: 204, text: '' });
    },
  );

  it('waits by default, and runs when the other lets go', async () => {
    const other = await holdOutside(db, 'waiting');
    const answer = fetchText('/waiting');
    await db.waitForWaiter();
    await other.release();
    expect(await answer).toMatchObject({ status: 200, text: 'ran' });
  });

  it('lets go when the handler fails', async () => {
    expect((await fetchText('/failing')).status).toBe(500);
    expect(await holders(db, 'failing')).toBe(0);
  });

  it('hands emissions out in the outer context', async () => {
    seenOutside.length = 0;
    expect((await fetchText('/outer')).text).toBe('a under the lock');
    expect(seenOutside).toEqual([false]);
  });

  it('holds several ids', async () => {
    expect(JSON.parse((await fetchText('/several')).text)).toEqual({ keys: 2, held: true });
  });

  it('refuses @CurrentLock() where nothing is held', async () => {
    expect((await fetchText('/unlocked')).status).toBe(500);
  });

  it('covers every handler of a decorated class', async () => {
    expect(JSON.parse((await fetchText('/class-level')).text)).toEqual({ held: true });
  });

  it.each([false, true])(
    'guards while somebody else holds the lock (shared: %s), and takes nothing',
    async (shared) => {
      expect((await fetchText('/guarded')).text).toBe('ran');
      const other = await holdOutside(db, 'maintenance', { shared });
      const { status, headers } = await fetchText('/guarded');
      expect(status).toBe(423);
      expect(headers.get('retry-after')).toBe('1');
      expect(await holders(db, 'maintenance')).toBe(1);
      await other.release();
      expect((await fetchText('/guarded')).status).toBe(200);
    },
  );

  it('works in controllers per request', async () => {
    expect(JSON.parse((await fetchText('/per-request')).text)).toEqual({ held: true, url: '/per-request' });
  });

  it('answers contention as a class of the application says', async () => {
    expect((await fetchText('/teapot')).text).toBe('ran');
    await holdOutside(db, 'teapot');
    expect((await fetchText('/teapot')).status).toBe(418);
  });

  it('answers contention with the status of the module, and with 503 during shutdown', async () => {
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url, httpStatus: 409 })],
      controllers: [Orders],
    }).compile();
    const own = await serve(module, platform);
    await holdOutside(db, 'waiting');
    // Without keep-alive: the server waits for connections that stay.
    const { status } = get(`${own.url}/waiting`);
    await db.waitForWaiter();
    const closed = own.app.close();
    expect(await status).toBe(503);
    await closed;
  });

  it.each([
    ['an id out of range', AdvisoryLock(1.5), /A lock id must be .*got 1\.5/],
    ['no id at all', AdvisoryLock([]), /list of lock ids is empty/],
    ['an unreadable Duration', AdvisoryLock('x', { timeout: -1 }), /timeout must be .*got -1/],
    [
      'an unknown option',
      AdvisoryLock('x', wrong({ tiemout: 1 })),
      /Unknown option "tiemout".* Did you mean 'timeout'/,
    ],
    [
      'another onContention',
      AdvisoryLock('x', wrong({ onContention: 'wait' })),
      /'throw' or 'skip'; got "wait"/,
    ],
    [
      'a signal for all calls',
      AdvisoryLock('x', wrong({ signal: AbortSignal.abort() })),
      /signal means nothing/,
    ],
    ['a sticky transaction', AdvisoryLock('x', { xact: true, sticky: true }), /sticky cannot be combined/],
    [
      'a database that is not there',
      AdvisoryLock('x', { connection: 'nowhere' }),
      /PgLockModule.forRoot\(\{ name: 'nowhere' \}\)/,
    ],
  ])('does not boot with %s', async (_case, Lock, message) => {
    @Controller()
    @UseInterceptors(Lock)
    class Bad {}
    const module = Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      controllers: [Bad],
    });
    await expect(module.compile()).rejects.toThrow(message);
  });
});
