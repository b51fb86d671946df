import {
  ConflictException,
  Controller,
  Get,
  Sse,
  StreamableFile,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Readable } from 'node:stream';
import { concat, defer, from, NEVER, Observable, of, raceWith, switchMap, throwError } from 'rxjs';
import { AdvisoryLock, CurrentLock, PgLockModule, type LockHandle } from '../../lib/index.js';
import { deferred, eventually, useDatabase } from '../support/database.js';
import { holders, holdOutside, untilFree, untilHeld } from './support/holder.js';
import { get, PLATFORMS, serve, type Server } from './support/platforms.js';

/** What the handlers below show of themselves, anew for each test. */
const show = { ran: 0, tornDown: 0, begun: deferred<string>(), gate: deferred<string>() };

@Controller()
class Streams {
  @Get('file')
  @UseInterceptors(AdvisoryLock('file'))
  file() {
    const stream = new Readable({ read: () => undefined });
    stream.push('first');
    void show.gate.promise.then(() => stream.push(null));
    return new StreamableFile(stream);
  }

  @Sse('events')
  @UseInterceptors(AdvisoryLock('events'))
  events() {
    return endless();
  }

  @Sse('briefly')
  @UseInterceptors(AdvisoryLock('briefly', { maxHold: '150ms' }))
  briefly() {
    return endless();
  }

  @Sse('short')
  @UseInterceptors(AdvisoryLock('short'))
  short() {
    return of({ data: 'one' }, { data: 'two' });
  }

  @Sse('refused')
  @UseInterceptors(AdvisoryLock('refused', { timeout: '300ms' }))
  refused() {
    show.ran += 1;
    return endless();
  }

  @Sse('skipped')
  @UseInterceptors(AdvisoryLock('skipped', { timeout: '300ms', onContention: 'skip' }))
  skipped() {
    show.ran += 1;
    return endless();
  }

  @Sse('patient')
  @UseInterceptors(AdvisoryLock('patient-outer'), AdvisoryLock('patient'))
  patient(@CurrentLock() lock: LockHandle) {
    show.ran += 1;
    return concat(of({ data: `first under ${String(lock.id)}` }), NEVER);
  }

  @Sse('failing')
  @UseInterceptors(
    { intercept: () => throwError(() => new ConflictException('before the lock')) },
    AdvisoryLock('failing'),
  )
  failing() {
    return endless();
  }

  @Get('late-file')
  @UseInterceptors(AdvisoryLock('late-file', { timeout: '300ms' }))
  lateFile() {
    return new StreamableFile(Readable.from(['all']));
  }

  @Get('late-observable')
  @UseInterceptors(AdvisoryLock('late-file', { timeout: '300ms', onContention: 'skip' }))
  lateObservable() {
    return of('all');
  }

  @Get('observable')
  @UseInterceptors(AdvisoryLock('observable'))
  observable() {
    return new Observable<string>(() => {
      show.ran += 1;
      return () => (show.tornDown += 1);
    });
  }

  @Get('promise')
  @UseInterceptors(AdvisoryLock('promise'))
  promise() {
    show.ran += 1;
    return show.gate.promise;
  }

  @Get('given-up')
  @UseInterceptors(
    { intercept: (_context: ExecutionContext, next: CallHandler) => next.handle().pipe(raceWith(givenUp())) },
    AdvisoryLock('given-up'),
  )
  async givenUp() {
    show.ran += 1;
    show.begun.resolve('');
    return show.gate.promise;
  }

  @Get('waiting')
  @UseInterceptors(AdvisoryLock('waiting'))
  waiting() {
    show.ran += 1;
    return 'ran';
  }

  @Get('later')
  @UseInterceptors(AdvisoryLock('later'))
  later() {
    return from(show.gate.promise);
  }
}

/** Fails as soon as the handler has begun. */
function givenUp() {
  return defer(() => from(show.begun.promise)).pipe(switchMap(() => throwError(() => new Error('given up'))));
}

function endless() {
  return new Observable<{ data: string }>((subscriber) => {
    const inner = concat(of({ data: 'first' }), NEVER).subscribe(subscriber);
    inner.add(() => (show.tornDown += 1));
    return inner;
  });
}

describe.each(PLATFORMS)('streams on %s', (platform) => {
  const db = useDatabase({ mayStay: ({ applicationName }) => applicationName.startsWith('pglock:') });
  let server: Server;

  beforeAll(async () => {
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      controllers: [Streams],
    }).compile();
    server = await serve(module, platform);
    db.defer(() => server.app.close());
  });
  beforeEach(() =>
    Object.assign(show, { ran: 0, tornDown: 0, begun: deferred<string>(), gate: deferred<string>() }),
  );

  it('holds the lock until a StreamableFile is sent', async () => {
    const client = get(`${server.url}/file`);
    expect(await client.firstBytes).toBe('first');
    expect(await holders(db, 'file')).toBe(1);
    show.gate.resolve('');
    await client.closed;
    await untilFree(db, 'file');
  });

  it('lets go when the client leaves in the middle of a StreamableFile', async () => {
    const client = get(`${server.url}/file`);
    await client.firstBytes;
    client.leave();
    await untilFree(db, 'file');
  });

  it('holds the lock as long as server-sent events go on, and lets go when the client leaves', async () => {
    const client = get(`${server.url}/events`);
    expect(await client.firstBytes).toContain('data: first');
    expect(await holders(db, 'events')).toBe(1);
    client.leave();
    await untilFree(db, 'events');
    expect(show.tornDown).toBe(1);
  });

  it('lets go when server-sent events complete', async () => {
    const response = await fetch(`${server.url}/short`);
    expect(await response.text()).toMatch(/data: one[^]*data: two/);
    await untilFree(db, 'short');
  });

  it('lets go of endless events after maxHold', async () => {
    const client = get(`${server.url}/briefly`);
    await client.firstBytes;
    await untilFree(db, 'briefly');
    client.leave();
    await eventually(() => show.tornDown === 1);
  });

  it.each([
    ['refused', 423],
    ['skipped', 204],
  ])('answers events that are %s after a wait with %d', async (path, status) => {
    const other = await holdOutside(db, path);
    const answer = await fetch(`${server.url}/${path}`);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('retry-after')).toBe(status === 423 ? '1' : null);
    expect(await answer.text()).not.toContain('event: error');
    expect(show.ran).toBe(0);
    await other.release();
    const client = await eventually(async () => {
      const one = get(`${server.url}/${path}`);
      if ((await one.status) === 200) return one;
      one.leave(); // its time was over before the lock was asked for
      return undefined;
    });
    expect(await client.firstBytes).toContain('data: first');
    client.leave();
    await untilFree(db, path);
  });

  it('begins events when their locks were acquired, however long that took', async () => {
    const other = await holdOutside(db, 'patient');
    const client = get(`${server.url}/patient`);
    await db.waitForWaiter();
    expect(await holders(db, 'patient-outer')).toBe(1);
    await other.release();
    expect(await client.firstBytes).toContain('data: first under patient');
    expect(await holders(db, 'patient')).toBe(1);
    client.leave();
    await untilFree(db, 'patient');
    await untilFree(db, 'patient-outer');
  });

  it('stops waiting for the lock of events when the client leaves, and holds none of the others', async () => {
    const other = await holdOutside(db, 'patient');
    const client = get(`${server.url}/patient`);
    await db.waitForWaiter();
    client.leave();
    await eventually(async () => (await db.sessions()).every(({ blockedBy }) => blockedBy.length === 0));
    await untilFree(db, 'patient-outer');
    await other.release();
    expect(show.ran).toBe(0);
  });

  it('lets go of the lock of events that another interceptor refused', async () => {
    // Nest 11.0 has sent the head by then, and tells of the error in an event.
    expect(await (await fetch(`${server.url}/failing`)).text()).toContain('before the lock');
    await untilFree(db, 'failing');
  });

  it('answers a file and an Observable that waited in vain as all other handlers', async () => {
    await holdOutside(db, 'late-file');
    expect((await fetch(`${server.url}/late-file`)).status).toBe(423);
    expect((await fetch(`${server.url}/late-observable`)).status).toBe(204);
  });

  it('answers 503 to events that begin to wait, or wait, while the application shuts down', async () => {
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      controllers: [Streams],
    }).compile();
    const own = await serve(module, platform);
    await holdOutside(db, 'patient');
    const waiting = get(`${own.url}/patient`);
    await db.waitForWaiter();
    await own.app.close();
    expect(await waiting.status).toBe(503);
    expect(await holders(db, 'patient-outer')).toBe(0);
  });

  it("holds the lock until a handler's Observable completes", async () => {
    const answer = fetch(`${server.url}/later`);
    await untilHeld(db, 'later');
    show.gate.resolve('late');
    expect((await answer).status).toBe(200);
    await untilFree(db, 'later');
  });

  it("unsubscribes a handler's Observable when the client leaves, and lets go", async () => {
    const client = get(`${server.url}/observable`);
    await eventually(() => show.ran === 1);
    expect(await holders(db, 'observable')).toBe(1);
    client.leave();
    await untilFree(db, 'observable');
    expect(show.tornDown).toBe(1);
  });

  it('holds the lock until a promise settles, although the client left', async () => {
    const client = get(`${server.url}/promise`);
    await eventually(() => show.ran === 1);
    client.leave();
    await client.closed;
    // The server has seen the client leave once it answers another one: connections are handled in order.
    await fetch(`${server.url}/short`).then((response) => response.text());
    expect(await holders(db, 'promise')).toBe(1);
    show.gate.resolve('late');
    await untilFree(db, 'promise');
  });

  it('holds the lock until a promise settles, although an interceptor gave up on it', async () => {
    expect((await fetch(`${server.url}/given-up`)).status).toBe(500);
    expect(await holders(db, 'given-up')).toBe(1);
    show.gate.resolve('late');
    await untilFree(db, 'given-up');
    expect(show.ran).toBe(1);
  });

  it('stops waiting when the client leaves, and never runs the handler', async () => {
    const other = await holdOutside(db, 'waiting');
    const client = get(`${server.url}/waiting`);
    await db.waitForWaiter();
    client.leave();
    await eventually(async () => (await db.sessions()).every(({ blockedBy }) => blockedBy.length === 0));
    await other.release();
    expect(await (await fetch(`${server.url}/waiting`)).text()).toBe('ran');
    expect(show.ran).toBe(1);
  });

  it('ends at shutdown what holds a lock and would not end by itself', async () => {
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      controllers: [Streams],
    }).compile();
    const own = await serve(module, platform);
    const events = get(`${own.url}/events`);
    const file = get(`${own.url}/file`);
    await Promise.all([events.firstBytes, file.firstBytes]);
    await own.app.close();
    await Promise.all([events.closed, file.closed]);
    expect(await holders(db, 'events')).toBe(0);
    expect(await holders(db, 'file')).toBe(0);
  });
});
