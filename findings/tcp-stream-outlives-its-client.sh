#!/usr/bin/env bash
# @nestjs/microservices 12.1.1: over TCP, the Observable of a handler is never unsubscribed: it goes on when its client unsubscribes, when that disconnects, and
# when the application is closed, with all that an interceptor would end in finalize(). A WebSocket gateway ends it when the client disconnects.
source "$(dirname "$0")/support.sh"
packages @nestjs/common@12.5.1 @nestjs/core@12.5.1 @nestjs/microservices@12.1.1 @nestjs/platform-express@12.5.1 \
  @nestjs/websockets@12.1.1 @nestjs/platform-ws@12.1.1 ws@8.18.0 rxjs@7.8.2 reflect-metadata@0.2.2

cat >finding.mjs <<'JS'
import 'reflect-metadata';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Controller, Module, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, MessagePattern, Transport } from '@nestjs/microservices';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { finalize, interval, tap } from 'rxjs';
import WebSocket from 'ws';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let emitted = 0;
let ended = 0;
class Streams {
  stream() {
    return interval(20).pipe(tap(() => emitted++));
  }
}
const intercept = (_, next) => next.handle().pipe(finalize(() => ended++));
class Service extends Streams {}
class Gateway extends Streams {}
for (const [type, decorator] of [[Service, MessagePattern('stream')], [Gateway, SubscribeMessage('stream')]]) {
  type.prototype.stream = function () {
    return Streams.prototype.stream.call(this);
  };
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, 'stream');
  UseInterceptors({ intercept })(type.prototype, 'stream', descriptor);
  decorator(type.prototype, 'stream', descriptor);
}
Controller()(Service);
WebSocketGateway()(Gateway);
class Microservice {}
Module({ controllers: [Service] })(Microservice);
class Sockets {}
Module({ providers: [Gateway] })(Sockets);

async function tell(title) {
  await pause(500);
  const before = emitted;
  await pause(500);
  console.log(`${title}: ${emitted > before ? 'goes on' : 'ended'}, finalize() ran ${ended} times`);
}
const probe = createServer().listen(0, '127.0.0.1');
await once(probe, 'listening');
const { port } = probe.address();
probe.close();
await once(probe, 'close');

const sockets = await NestFactory.create(Sockets, { logger: false });
sockets.useWebSocketAdapter(new WsAdapter(sockets));
await sockets.listen(0, '127.0.0.1');
const socket = new WebSocket(`ws://127.0.0.1:${sockets.getHttpServer().address().port}`);
await once(socket, 'open');
socket.send(JSON.stringify({ event: 'stream' }));
await once(socket, 'message');
socket.close();
await tell('WebSocket, client disconnected');
await sockets.close();

ended = 0;
const options = { host: '127.0.0.1', port };
const service = await NestFactory.createMicroservice(Microservice, { transport: Transport.TCP, options, logger: false });
await service.listen();
const client = ClientProxyFactory.create({ transport: Transport.TCP, options });
await client.connect();
await new Promise((resolve) => {
  const subscription = client.send('stream', {}).subscribe(() => {
    subscription.unsubscribe();
    resolve();
  });
});
await tell('TCP, client unsubscribed');
client.close();
await tell('TCP, client disconnected');
await service.close();
await tell('TCP, application closed');
process.exit(0); // the stream would keep the process running
JS
node finding.mjs >seen
expect 'WebSocket, client disconnected: ended, finalize() ran 1 times
TCP, client unsubscribed: goes on, finalize() ran 0 times
TCP, client disconnected: goes on, finalize() ran 0 times
TCP, application closed: goes on, finalize() ran 0 times' seen
