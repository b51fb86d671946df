import { Controller, Injectable, UseInterceptors, type INestApplication } from '@nestjs/common';
import {
  ClientProxyFactory,
  MessagePattern,
  Payload,
  Transport,
  type ClientProxy,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { portOf } from './support/platforms.js';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Server } from 'node:http';
import { concat, firstValueFrom, NEVER, of, take, toArray } from 'rxjs';
import { WebSocket } from 'ws';
import {
  AdvisoryLock,
  CurrentLock,
  PgLockModule,
  WithAdvisoryLock,
  type LockHandle,
} from '../../lib/index.js';
import { eventually, useDatabase } from '../support/database.js';
import { holders, holdOutside, untilFree, untilHeld } from './support/holder.js';
import { freePort } from '../support/postgres/free-port.mjs';

const mayStay = ({ applicationName }: { applicationName: string }) => applicationName.startsWith('pglock:');

describe('WebSocket', () => {
  const db = useDatabase({ mayStay });
  let url: string;

  @Injectable()
  @WebSocketGateway()
  class Gateway {
    @SubscribeMessage('locked')
    @UseInterceptors(AdvisoryLock('ws:locked', { timeout: 0 }))
    locked(@MessageBody() text: string, @CurrentLock() lock: LockHandle) {
      return { event: 'answer', data: `${text} under ${String(lock.id)}` };
    }

    @SubscribeMessage('decorated')
    @WithAdvisoryLock('ws:decorated', { timeout: 0 })
    async decorated() {
      return Promise.resolve({ event: 'answer', data: 'ran' });
    }

    @SubscribeMessage('waiting')
    @UseInterceptors(AdvisoryLock('ws:waiting'))
    waiting() {
      return { event: 'answer', data: 'ran' };
    }

    @SubscribeMessage('endless')
    @UseInterceptors(AdvisoryLock('ws:endless'))
    endless() {
      return concat(of({ event: 'answer', data: 'first' }), NEVER);
    }
  }

  beforeAll(async () => {
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      providers: [Gateway],
    }).compile();
    const app = module.createNestApplication<INestApplication<Server>>();
    app.useLogger(false);
    app.useWebSocketAdapter(new WsAdapter(app));
    await app.listen(0, '127.0.0.1');
    url = `ws://127.0.0.1:${portOf(app)}`;
    db.defer(() => app.close());
  });

  async function connect() {
    const socket = new WebSocket(url);
    db.defer(() => socket.terminate());
    await new Promise((resolve) => socket.once('open', resolve));
    const say = (event: string, data?: string) => socket.send(JSON.stringify({ event, data }));
    const hear = () =>
      new Promise<unknown>((resolve) =>
        socket.once('message', (text: Buffer) => resolve(JSON.parse(text.toString()))),
      );
    return { socket, say, hear };
  }

  it('holds the lock around a message', async () => {
    const { say, hear } = await connect();
    say('locked', 'hello');
    expect(await hear()).toEqual({ event: 'answer', data: 'hello under ws:locked' });
    await untilFree(db, 'ws:locked');
  });

  it.each(['locked', 'decorated'])(
    'answers contention of %s with an exception of code 55P03',
    async (event) => {
      await holdOutside(db, `ws:${event}`);
      const { say, hear } = await connect();
      say(event, 'hello');
      expect(await hear()).toMatchObject({ event: 'exception', data: { status: 'error', code: '55P03' } });
    },
  );

  it('stops waiting when the client leaves', async () => {
    const other = await holdOutside(db, 'ws:waiting');
    const { socket, say } = await connect();
    say('waiting');
    const waiter = await db.waitForWaiter();
    socket.terminate();
    await eventually(async () =>
      (await db.sessions()).every(({ pid, blockedBy }) => pid !== waiter.pid || blockedBy.length === 0),
    );
    await other.release();
    await untilFree(db, 'ws:waiting');
  });

  it('holds the lock until the client of an Observable leaves', async () => {
    const { socket, say, hear } = await connect();
    say('endless');
    expect(await hear()).toMatchObject({ data: 'first' });
    expect(await holders(db, 'ws:endless')).toBe(1);
    socket.close();
    await untilFree(db, 'ws:endless');
  });
});

describe('microservice', () => {
  const db = useDatabase({ mayStay });
  let client: ClientProxy;
  let port: number;

  @Controller()
  class Handlers {
    @MessagePattern('locked')
    @UseInterceptors(AdvisoryLock((ctx) => `rpc:${ctx.switchToRpc().getData<string>()}`, { timeout: 0 }))
    locked(@Payload() name: string, @CurrentLock() lock: LockHandle) {
      return `${name} under ${String(lock.id)}`;
    }

    @MessagePattern('decorated')
    @WithAdvisoryLock('rpc:decorated', { timeout: 0 })
    async decorated() {
      return Promise.resolve('ran');
    }

    @MessagePattern('skipped')
    @UseInterceptors(AdvisoryLock('rpc:skipped', { timeout: 0, onContention: 'skip' }))
    skipped() {
      return 'ran';
    }

    @MessagePattern('many')
    @UseInterceptors(AdvisoryLock('rpc:many'))
    many() {
      return of(1, 2, 3);
    }

    @MessagePattern('endless')
    @UseInterceptors(AdvisoryLock('rpc:endless'))
    endless() {
      return concat(of('first'), NEVER);
    }

    @MessagePattern('bounded')
    @UseInterceptors(AdvisoryLock('rpc:bounded', { maxHold: '150ms' }))
    bounded() {
      return concat(of('first'), NEVER);
    }
  }

  beforeAll(async () => {
    port = await freePort();
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      controllers: [Handlers],
    }).compile();
    const app = module.createNestMicroservice<MicroserviceOptions>({
      transport: Transport.TCP,
      options: { port },
    });
    app.useLogger(false);
    await app.listen();
    db.defer(() => app.close());
  });
  beforeEach(() => {
    const own = ClientProxyFactory.create({ transport: Transport.TCP, options: { port } });
    db.defer(() => own.close());
    client = own;
  });

  const send = (pattern: string, data: unknown = '') => firstValueFrom(client.send<unknown>(pattern, data));

  it('holds the lock around a message', async () => {
    expect(await send('locked', 'a')).toBe('a under rpc:a');
    await untilFree(db, 'rpc:a');
  });

  it.each(['locked', 'decorated'])(
    'answers contention of %s with an RpcException of code 55P03',
    async (pattern) => {
      await holdOutside(db, `rpc:${pattern}`);
      await expect(send(pattern, pattern)).rejects.toMatchObject({ status: 'error', code: '55P03' });
    },
  );

  it('answers nothing, rather than not at all, under skip', async () => {
    await holdOutside(db, 'rpc:skipped');
    expect(await firstValueFrom(client.send<unknown>('skipped', '').pipe(toArray()))).toEqual([undefined]);
  });

  it('passes on every emission', async () => {
    expect(await firstValueFrom(client.send<number>('many', '').pipe(toArray()))).toEqual([1, 2, 3]);
    await untilFree(db, 'rpc:many');
  });

  it('lets go of an endless stream when its client is gone', async () => {
    expect(await firstValueFrom(client.send<string>('endless', '').pipe(take(1)))).toBe('first');
    await untilHeld(db, 'rpc:endless');
    client.close();
    await untilFree(db, 'rpc:endless');
  });

  it('lets go of an endless stream after maxHold, whoever listens', async () => {
    expect(await firstValueFrom(client.send<string>('bounded', '').pipe(take(1)))).toBe('first');
    await untilFree(db, 'rpc:bounded');
  });
});
