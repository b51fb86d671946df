import { Controller, UseInterceptors, type INestMicroservice } from '@nestjs/common';
import { credentials, loadPackageDefinition, status, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { GrpcMethod, GrpcStreamCall, GrpcStreamMethod, Transport } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { once, type EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { concat, concatMap, from, map, NEVER, toArray, type Observable } from 'rxjs';
import { AdvisoryLock, PgLockModule, WithAdvisoryLock } from '../../lib/index.js';
import { useDatabase } from '../support/database.js';
import { holders, holdOutside, untilFree } from './support/holder.js';
import { freePort } from '../support/postgres/free-port.mjs';

const PROTO = `syntax = "proto3"; package shop;
service Orders {
  rpc Pay (Order) returns (Order);
  rpc Skip (Order) returns (Order);
  rpc SkipToo (Order) returns (Order);
  rpc Watch (Order) returns (stream Order);
  rpc Talk (stream Order) returns (stream Order);
  rpc Sum (stream Order) returns (Order);
  rpc Call (stream Order) returns (stream Order);
}
message Order { string text = 1; }`;

interface Order {
  readonly text: string;
}
interface Duplex extends EventEmitter {
  write(order: Order): void;
  end(): void;
  cancel(): void;
}
type Answer = (error: ServiceError | null, order?: Order) => void;
interface Client {
  Pay(order: Order, answer: Answer): void;
  Skip(order: Order, answer: Answer): void;
  SkipToo(order: Order, answer: Answer): void;
  Watch(order: Order): Duplex;
  Talk(): Duplex;
  Sum(answer: Answer): Duplex;
  Call(): Duplex;
  close(): void;
}

describe('gRPC', () => {
  const mayStay = ({ applicationName }: { applicationName: string }) => applicationName.startsWith('pglock:');
  const db = useDatabase({ mayStay });
  let app: INestMicroservice;
  let client: Client;

  const seen = async (id: string): Promise<Order> => ({ text: String(await holders(db, id)) });

  @Controller()
  class Orders {
    @GrpcMethod('Orders', 'Pay')
    @UseInterceptors(AdvisoryLock('grpc:pay', { timeout: 0 }))
    pay(): Promise<Order> {
      return seen('grpc:pay');
    }

    @GrpcMethod('Orders', 'Skip')
    @UseInterceptors(AdvisoryLock('grpc:skip', { timeout: 0, onContention: 'skip' }))
    skip(): Promise<Order> {
      return seen('grpc:skip');
    }

    @GrpcMethod('Orders', 'SkipToo')
    @WithAdvisoryLock('grpc:skip', { timeout: 0, onContention: 'skip' })
    async skipToo(): Promise<Order> {
      return seen('grpc:skip');
    }

    @GrpcMethod('Orders', 'Watch')
    @UseInterceptors(AdvisoryLock('grpc:watch'))
    watch(): Observable<Order> {
      return concat(from(seen('grpc:watch')), NEVER);
    }

    @GrpcStreamMethod('Orders', 'Talk')
    @UseInterceptors(AdvisoryLock('grpc:talk'))
    talk(orders: Observable<Order>): Observable<Order> {
      return orders.pipe(concatMap(() => seen('grpc:talk')));
    }

    @GrpcStreamMethod('Orders', 'Sum')
    @UseInterceptors(AdvisoryLock('grpc:sum'))
    sum(orders: Observable<Order>): Observable<Order> {
      return orders.pipe(
        toArray(),
        concatMap((all) =>
          from(seen('grpc:sum')).pipe(map(({ text }) => ({ text: `${text} of ${String(all.length)}` }))),
        ),
      );
    }

    @GrpcStreamCall('Orders', 'Call')
    @WithAdvisoryLock('grpc:call')
    async call(stream: Duplex): Promise<void> {
      stream.on('data', () => void seen('grpc:call').then((order) => stream.write(order)));
      await once(stream, 'end');
      stream.end();
    }
  }

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pglock-grpc-'));
    const protoPath = join(folder, 'shop.proto');
    writeFileSync(protoPath, PROTO);
    const url = `127.0.0.1:${String(await freePort())}`;
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      controllers: [Orders],
    }).compile();
    app = module.createNestMicroservice({
      transport: Transport.GRPC,
      options: { package: 'shop', protoPath, url },
    });
    app.useLogger(false);
    await app.listen();
    const loaded = loadPackageDefinition(loadSync(protoPath)) as unknown as {
      readonly shop: { readonly Orders: new (url: string, with_: object) => Client };
    };
    client = new loaded.shop.Orders(url, credentials.createInsecure());
    db.defer(async () => {
      client.close();
      await app.close();
      rmSync(folder, { recursive: true });
    });
  });

  const call = (method: 'Pay' | 'Skip' | 'SkipToo') =>
    new Promise<Order | undefined>((resolve, reject) =>
      client[method]({ text: '' }, (error, order) => (error === null ? resolve(order) : reject(error))),
    );
  const heard = async (stream: Duplex): Promise<Order> => (await once(stream, 'data'))[0] as Order;

  it('holds the lock around a call, and answers contention with ABORTED', async () => {
    expect(await call('Pay')).toEqual({ text: '1' });
    await holdOutside(db, 'grpc:pay');
    await expect(call('Pay')).rejects.toMatchObject({
      code: status.ABORTED,
      details: 'The resource is locked by another request. Try again later.',
    });
  });

  it.each(['Skip', 'SkipToo'] as const)(
    'answers %s, a call that is skipped, with an empty message',
    async (method) => {
      expect(await call(method)).toEqual({ text: '1' });
      await holdOutside(db, 'grpc:skip');
      expect(await call(method)).toEqual({});
    },
  );

  it('holds the lock while the server streams, and lets go when the client leaves', async () => {
    const stream = client.Watch({ text: '' });
    stream.on('error', () => undefined);
    expect(await heard(stream)).toEqual({ text: '1' });
    stream.cancel();
    await untilFree(db, 'grpc:watch');
  });

  it('holds the lock while both sides stream', async () => {
    const stream = client.Talk();
    stream.write({ text: 'one' });
    expect(await heard(stream)).toEqual({ text: '1' });
    stream.write({ text: 'two' });
    expect(await heard(stream)).toEqual({ text: '1' });
    stream.end();
    await untilFree(db, 'grpc:talk');
  });

  it('holds the lock while the client streams', async () => {
    const answer = new Promise<Order | undefined>((resolve) => {
      const stream = client.Sum((_error, order) => resolve(order));
      stream.write({ text: 'one' });
      stream.write({ text: 'two' });
      stream.end();
    });
    expect(await answer).toEqual({ text: '1 of 2' });
    await untilFree(db, 'grpc:sum');
  });

  it('holds the lock of @WithAdvisoryLock on a @GrpcStreamCall until its promise settles', async () => {
    const stream = client.Call();
    stream.write({ text: 'one' });
    expect(await heard(stream)).toEqual({ text: '1' });
    expect(await holders(db, 'grpc:call')).toBe(1);
    stream.end();
    await untilFree(db, 'grpc:call');
  });
});
