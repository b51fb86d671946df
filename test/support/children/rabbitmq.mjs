// An application with @golevelup/nestjs-rabbitmq, which Jest cannot load: what its handlers saw under their locks.
import 'reflect-metadata';
import { send } from '../child-process.mjs';
import { Module, UseGuards, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import rabbit from '@golevelup/nestjs-rabbitmq';
import {
  AdvisoryLock,
  AdvisoryLockGuard,
  CurrentLock,
  PgLockModule,
  WithAdvisoryLock,
} from '../../../dist/esm/index.js';
import { decorate, Witness } from './queue-support.mjs';

const { AmqpConnection, RabbitMQModule, RabbitPayload, RabbitRPC, RabbitSubscribe } = rabbit;
const witness = new Witness();
await witness.client.connect();

const exchange = 'shop';
const on = (name, rest = {}) => ({ exchange, routingKey: name, queue: name, ...rest });
const rejected = [];

class Consumer {
  async paid(order, lock) {
    await witness.look('rabbit:paid', order.id, lock.id);
  }
  async count() {
    await witness.look('rabbit:count');
    return 42;
  }
  async shipped(order) {
    await witness.look(`rabbit:${order.id}`);
  }
  async busy() {
    await witness.look('rabbit:busy');
  }
  async guarded() {
    await witness.look('rabbit:maintenance');
  }
}
const errorHandler = (channel, message, error) => {
  rejected.push(error.code ?? error.getError?.()?.code ?? error.cause?.code);
  channel.nack(message, false, false);
};
decorate(
  Consumer,
  'paid',
  [RabbitSubscribe(on('paid')), UseInterceptors(AdvisoryLock('rabbit:paid'))],
  [RabbitPayload(), CurrentLock()],
);
decorate(Consumer, 'count', [RabbitRPC(on('count')), UseInterceptors(AdvisoryLock('rabbit:count'))]);
decorate(Consumer, 'shipped', [
  RabbitSubscribe(on('shipped')),
  WithAdvisoryLock((order) => `rabbit:${order.id}`),
]);
decorate(Consumer, 'busy', [
  RabbitSubscribe(on('busy', { errorHandler })),
  UseInterceptors(AdvisoryLock('rabbit:busy', { timeout: 0 })),
]);
decorate(Consumer, 'guarded', [
  RabbitSubscribe(on('guarded', { errorHandler })),
  UseGuards(AdvisoryLockGuard('rabbit:maintenance')),
]);

class AppModule {}
Module({
  imports: [
    RabbitMQModule.forRoot({
      uri: process.env.RABBITMQ_URI,
      exchanges: [{ name: exchange, type: 'topic' }],
      connectionInitOptions: { wait: true, timeout: 100_000 },
    }),
    PgLockModule.forRoot({ connection: process.env.PGLOCK_URL }),
  ],
  providers: [Consumer],
})(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
const connection = app.get(AmqpConnection);
await connection.publish(exchange, 'paid', { id: 7 });
await connection.publish(exchange, 'shipped', { id: 8 });
const answer = await connection.request({ exchange, routingKey: 'count', payload: {}, timeout: 100_000 });
await witness.until(() => witness.seen.length === 3);
send('ran', { seen: witness.seen, answer });

witness.seen = [];
await witness.hold('rabbit:busy');
await witness.hold('rabbit:maintenance');
await connection.publish(exchange, 'busy', {});
await connection.publish(exchange, 'guarded', {});
await witness.until(() => rejected.length === 2);
send('refused', { seen: witness.seen, rejected });
await app.close();
await witness.client.end();
send('done');
process.disconnect();
