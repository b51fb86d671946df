import { Controller, Inject, UseGuards, UseInterceptors, type Type } from '@nestjs/common';
import {
  ClientProxyFactory,
  EventPattern,
  GrpcMethod,
  MessagePattern,
  Transport,
  type ClientGrpcProxy,
  type ClientProxy,
  type GrpcOptions,
  type RedisOptions,
  type RmqOptions,
} from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, lastValueFrom, type Observable } from 'rxjs';
import { AdvisoryLock, PgLockModule, PgLockService } from '../../lib/index.js';
import { RunRegistry } from '../../lib/nest/run-registry.js';
import { useDatabase } from '../support/database.js';
import { freePort } from '../support/postgres/free-port.mjs';
import { deferred, eventually, type Deferred } from '../support/waiting.js';
import { holders } from './support/holder.js';
import { describeWithRabbitMq, startRabbitMq } from './support/rabbitmq.js';
import { describeWithRedis, startRedis } from './support/redis.js';

interface Answer {
  readonly text: string;
}
type Method = 'holding' | 'late' | 'guarded' | 'now';
type Ask = (method: Method) => Promise<Answer>;

const PROTO = `syntax = "proto3"; package shop;
service Orders {
  rpc Holding (Order) returns (Order);
  rpc Late (Order) returns (Order);
  rpc Guarded (Order) returns (Order);
  rpc Now (Order) returns (Order);
}
message Order { string text = 1; }`;

let arrived = deferred();
let gate = deferred();
let outcomes: Record<Method, Deferred<Answer>>;

beforeEach(() => {
  arrived = deferred();
  gate = deferred();
  const outcome = () => {
    const one = deferred<Answer>();
    one.promise.catch(() => undefined);
    return one;
  };
  outcomes = { holding: outcome(), late: outcome(), guarded: outcome(), now: outcome() };
});

afterEach(() => gate.resolve());

/** It has come before the shutdown, and goes on after that has begun. */
async function passGate(): Promise<true> {
  arrived.resolve();
  await gate.promise;
  return true;
}

async function answer(): Promise<Answer> {
  return Promise.resolve({ text: 'ran' });
}

async function noted(method: Method, work: () => Promise<Answer>): Promise<Answer> {
  const result = work();
  result.then(outcomes[method].resolve, outcomes[method].reject);
  return result;
}

/** What the handlers of every transport do. */
abstract class Work {
  @Inject(PgLockService)
  protected readonly pglock!: PgLockService;

  protected underItsLock(): Promise<Answer> {
    return noted('holding', () => this.pglock.advisory('message:holding', () => passGate().then(answer)));
  }

  protected async lockAfterTheGate(): Promise<Answer> {
    await passGate();
    return noted('late', () => this.pglock.advisory('message:late', answer));
  }

  protected lockNow(): Promise<Answer> {
    return noted('now', () => this.pglock.advisory('message:now', answer));
  }
}

@Controller()
class Messages extends Work {
  @MessagePattern('holding')
  holding() {
    return this.underItsLock();
  }

  @MessagePattern('late')
  late() {
    return this.lockAfterTheGate();
  }

  @MessagePattern('guarded')
  @UseGuards({ canActivate: passGate })
  @UseInterceptors(AdvisoryLock('message:guarded'))
  guarded() {
    return noted('guarded', answer);
  }

  @MessagePattern('now')
  now() {
    return this.lockNow();
  }
}

@Controller()
class Calls extends Work {
  @GrpcMethod('Orders', 'Holding')
  holding() {
    return this.underItsLock();
  }

  @GrpcMethod('Orders', 'Late')
  late() {
    return this.lockAfterTheGate();
  }

  @GrpcMethod('Orders', 'Guarded')
  @UseGuards({ canActivate: passGate })
  @UseInterceptors(AdvisoryLock('message:guarded'))
  guarded() {
    return noted('guarded', answer);
  }

  @GrpcMethod('Orders', 'Now')
  now() {
    return this.lockNow();
  }
}

@Controller()
class Events extends Work {
  @EventPattern('holding')
  holding(_event: unknown) {
    return this.underItsLock();
  }

  @EventPattern('late')
  late(_event: unknown) {
    return this.lockAfterTheGate();
  }

  @EventPattern('guarded')
  @UseGuards({ canActivate: passGate })
  @UseInterceptors(AdvisoryLock('message:guarded'))
  guarded(_event: unknown) {
    return noted('guarded', answer);
  }

  @EventPattern('now')
  now(_event: unknown) {
    return this.lockNow();
  }
}

describe('messages accepted before a shutdown', () => {
  const mayStay = ({ applicationName }: { applicationName: string }) => applicationName.startsWith('pglock:');
  const db = useDatabase({ mayStay });

  async function start(server: RedisOptions | RmqOptions | GrpcOptions, controllers: Type<Work>[]) {
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      controllers,
    }).compile();
    const app = module.createNestApplication();
    app.useLogger(false);
    app.connectMicroservice(server);
    await app.startAllMicroservices();
    await app.init();
    // Nest's server for Redis can be closed once only.
    let closing: Promise<void> | undefined;
    const close = () => (closing ??= app.close());
    db.defer(close);
    return { runs: app.get(RunRegistry), close };
  }

  type Application = Awaited<ReturnType<typeof start>>;

  /** The shutdown has begun, and the servers are kept open until it may go on. */
  async function beginClosing({ runs, close }: Application) {
    const job = deferred();
    runs.addJob(job.promise);
    const closing = close();
    await eventually(() => runs.stopping);
    return { closing, goOn: job.resolve };
  }

  function theyFinish(open: () => Promise<{ readonly app: Application; readonly ask: Ask }>) {
    it('finish under the lock that they hold, which is not released before', async () => {
      const { app, ask } = await open();
      const asked = ask('holding');
      asked.catch(() => undefined);
      await arrived.promise;
      const { closing, goOn } = await beginClosing(app);
      expect(await holders(db, 'message:holding')).toBe(1);
      gate.resolve();
      expect(await asked).toEqual({ text: 'ran' });
      goOn();
      await closing;
      expect(await holders(db, 'message:holding')).toBe(0);
    });

    it.each(['late', 'guarded'] as const)(
      'may still take their lock (%s), while new ones are refused',
      async (method) => {
        const { app, ask } = await open();
        const asked = ask(method);
        asked.catch(() => undefined);
        await arrived.promise;
        const { closing, goOn } = await beginClosing(app);
        await expect(ask('now')).rejects.toBeDefined();
        gate.resolve();
        expect(await asked).toEqual({ text: 'ran' });
        goOn();
        await closing;
      },
    );

    it('are waited for where nothing else keeps the application open', async () => {
      const { app, ask } = await open();
      ask('holding').catch(() => undefined); // its connection may be closed before it can answer
      await arrived.promise;
      const closing = app.close();
      await eventually(() => app.runs.stopping);
      expect(await holders(db, 'message:holding')).toBe(1);
      gate.resolve();
      await closing;
      expect(await outcomes.holding.promise).toEqual({ text: 'ran' });
    });
  }

  async function connect(options: RedisOptions | RmqOptions): Promise<ClientProxy> {
    const client = ClientProxyFactory.create(options as RedisOptions);
    await client.connect();
    db.defer(() => void client.close());
    return client;
  }

  describe('over gRPC', () => {
    let folder: string;

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'pglock-grpc-'));
      writeFileSync(join(folder, 'shop.proto'), PROTO);
    });

    afterAll(() => rmSync(folder, { recursive: true }));

    theyFinish(async () => {
      const url = `127.0.0.1:${String(await freePort())}`;
      const options: GrpcOptions = {
        transport: Transport.GRPC,
        options: { package: 'shop', protoPath: join(folder, 'shop.proto'), url },
      };
      const app = await start(options, [Calls]);
      const client = ClientProxyFactory.create(options) as unknown as ClientGrpcProxy;
      db.defer(() => client.close());
      const orders = client.getService<Record<Method, (order: Answer) => Observable<Answer>>>('Orders');
      return { app, ask: (method) => firstValueFrom(orders[method]({ text: '' })) };
    });
  });

  describeWithRedis('over Redis', () => {
    let redis: Awaited<ReturnType<typeof startRedis>>;

    beforeAll(async () => {
      redis = await startRedis();
    });

    afterAll(() => redis.stop());

    theyFinish(async () => {
      const options: RedisOptions = {
        transport: Transport.REDIS,
        options: { host: '127.0.0.1', port: redis.port },
      };
      const app = await start(options, [Messages]);
      const client = await connect(options);
      return { app, ask: (method) => firstValueFrom(client.send<Answer>(method, {})) };
    });
  });

  describeWithRabbitMq('over RabbitMQ', () => {
    let broker: Awaited<ReturnType<typeof startRabbitMq>>;
    let queues = 0;

    beforeAll(async () => {
      broker = await startRabbitMq();
    });

    afterAll(() => broker.stop());

    // Events: an answer that the broker has not confirmed when Nest closes the channel is an unhandled rejection of Nest's.
    theyFinish(async () => {
      const options: RmqOptions = {
        transport: Transport.RMQ,
        options: { urls: [broker.uri], queue: `messages-${String(++queues)}` },
      };
      const app = await start(options, [Events]);
      const client = await connect(options);
      const ask = async (method: Method) => {
        await lastValueFrom(client.emit(method, {}), { defaultValue: undefined });
        return outcomes[method].promise;
      };
      return { app, ask };
    });
  });
});
