import { Controller, Injectable, UseGuards, UseInterceptors, type INestApplication } from '@nestjs/common';
import {
  ClientProxyFactory,
  MessagePattern,
  Transport,
  type ClientProxy,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Server } from 'node:http';
import { firstValueFrom } from 'rxjs';
import { WebSocket } from 'ws';
import { AdvisoryLock, PgLockModule, PgLockService } from '../../lib/index.js';
import { RunRegistry } from '../../lib/nest/run-registry.js';
import { useDatabase } from '../support/database.js';
import { freePort } from '../support/postgres/free-port.mjs';
import { deferred, eventually } from '../support/waiting.js';
import { portOf } from './support/platforms.js';

const mayStay = ({ applicationName }: { applicationName: string }) => applicationName.startsWith('pglock:');

let arrived = deferred();
let gate = deferred();
let ended = deferred<unknown>();

/** Has come before the shutdown, and lets the lock be asked for after it has begun. */
async function passGate(): Promise<true> {
  arrived.resolve();
  await gate.promise;
  return true;
}

const GUARD = { canActivate: passGate };

beforeEach(() => {
  arrived = deferred();
  gate = deferred();
  ended = deferred();
});

afterEach(() => gate.resolve());

describe('messages of a microservice at shutdown', () => {
  const db = useDatabase({ mayStay });

  @Controller()
  class Handlers {
    constructor(private readonly pglock: PgLockService) {}

    @MessagePattern('late')
    async late() {
      await passGate();
      const result = this.pglock.advisory('rpc:late', () => 'ran');
      result.then(ended.resolve, ended.resolve);
      return result;
    }

    @MessagePattern('guarded')
    @UseGuards(GUARD)
    @UseInterceptors(AdvisoryLock('rpc:guarded'))
    guarded() {
      ended.resolve('ran');
      return 'ran';
    }

    @MessagePattern('now')
    now() {
      return this.pglock.advisory('rpc:now', () => 'ran');
    }
  }

  async function start(isHybrid: boolean) {
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      controllers: [Handlers],
    }).compile();
    const options = { host: '127.0.0.1', port: await freePort() };
    const server: MicroserviceOptions = { transport: Transport.TCP, options };
    const app = isHybrid ? module.createNestApplication() : module.createNestMicroservice(server);
    app.useLogger(false);
    if ('connectMicroservice' in app) {
      app.connectMicroservice(server);
      await app.startAllMicroservices();
      await app.init();
    } else await app.listen();
    const client: ClientProxy = ClientProxyFactory.create({ transport: Transport.TCP, options });
    await client.connect();
    db.defer(() => void client.close());
    const ask = (pattern: string) => firstValueFrom(client.send<unknown>(pattern, {}));
    return { app, ask };
  }

  it.each([
    ['late', true],
    ['late', false],
    ['guarded', true],
  ])(
    'lets %s, which was accepted before, ask for its lock, and refuses a new one',
    async (pattern, isHybrid) => {
      const { app, ask } = await start(isHybrid);
      ask(pattern).catch(() => undefined); // a microservice alone closes its connections first of all
      await arrived.promise;
      const job = deferred();
      const runs = app.get(RunRegistry);
      runs.addJob(job.promise); // keeps the server open
      const closing = app.close();
      await eventually(() => runs.stopping);
      await expect(ask('now')).rejects.toBeDefined();
      gate.resolve();
      expect(await ended.promise).toBe('ran');
      job.resolve();
      await closing;
    },
  );
});

describe('messages of a gateway at shutdown', () => {
  const db = useDatabase({ mayStay });

  @Injectable()
  @WebSocketGateway()
  class Gateway {
    constructor(private readonly pglock: PgLockService) {}

    @SubscribeMessage('late')
    async late() {
      await passGate();
      return { event: 'answer', data: await this.pglock.advisory('ws:late', () => 'ran') };
    }

    @SubscribeMessage('guarded')
    @UseGuards(GUARD)
    @UseInterceptors(AdvisoryLock('ws:guarded'))
    guarded() {
      return { event: 'answer', data: 'ran' };
    }

    @SubscribeMessage('now')
    async now() {
      return { event: 'answer', data: await this.pglock.advisory('ws:now', () => 'ran') };
    }
  }

  async function start() {
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      providers: [Gateway],
    }).compile();
    const app = module.createNestApplication<INestApplication<Server>>();
    app.useLogger(false);
    app.useWebSocketAdapter(new WsAdapter(app));
    await app.listen(0, '127.0.0.1');
    const socket = new WebSocket(`ws://127.0.0.1:${portOf(app)}`);
    db.defer(() => socket.terminate());
    await new Promise((resolve) => socket.once('open', resolve));
    const heard: unknown[] = [];
    socket.on('message', (text: Buffer) => heard.push(JSON.parse(text.toString())));
    const say = (event: string) => socket.send(JSON.stringify({ event }));
    return { app, say, heard };
  }

  it.each(['late', 'guarded'])(
    'lets %s, which was accepted before, ask for its lock, and refuses a new one',
    async (event) => {
      const { app, say, heard } = await start();
      say(event);
      await arrived.promise;
      const job = deferred();
      const runs = app.get(RunRegistry);
      runs.addJob(job.promise);
      const closing = app.close();
      await eventually(() => runs.stopping);
      say('now');
      await eventually(() => heard.length === 1);
      gate.resolve();
      await eventually(() => heard.length === 2);
      expect(heard).toMatchObject([{ event: 'exception' }, { event: 'answer', data: 'ran' }]);
      job.resolve();
      await closing;
    },
  );
});
