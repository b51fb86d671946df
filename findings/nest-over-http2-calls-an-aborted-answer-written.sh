#!/usr/bin/env bash
# @nestjs/platform-fastify 12.5.0 (fastify 5.12.8) on node:http2: where the client cancels a request whose answer has begun, the response emits `finish` and has
# writableFinished: true, and destroyed and closed are undefined, so that an interceptor that looks for a client that has gone takes it for one that
# was served. Over HTTP/1 there is no `finish`. The stream below (response.stream.aborted) tells the two apart.
source "$(dirname "$0")/support.sh"
packages @nestjs/common@12.5.1 @nestjs/core@12.5.1 @nestjs/platform-fastify@12.5.0 fastify@5.12.8 rxjs@7.8.2 reflect-metadata@0.2.2

cat >finding.mjs <<'JS'
import 'reflect-metadata';
import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:http2';
import { Controller, Get, Module, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

/** What the response says of itself when it closes, after a client that left in the middle of the answer. */
async function seen(isHttp2) {
  let response;
  class Orders {
    list(reply) {
      response = reply.raw;
      response.write('the first of many');
    }
  }
  Get()(Orders.prototype, 'list', Object.getOwnPropertyDescriptor(Orders.prototype, 'list'));
  Res()(Orders.prototype, 'list', 0);
  Controller()(Orders);
  class App {}
  Module({ controllers: [Orders] })(App);
  const app = await NestFactory.create(App, new FastifyAdapter({ http2: isHttp2 }), { logger: false });
  await app.listen(0, '127.0.0.1');
  const port = app.getHttpServer().address().port;
  const cancel = isHttp2 ? await overHttp2(port) : await overHttp1(port);
  let finished = false;
  response.on('finish', () => (finished = true));
  const closed = once(response, 'close');
  cancel();
  await closed;
  await new Promise((resolve) => setTimeout(resolve, 100));
  const { writableFinished, writableEnded, destroyed, closed: isClosed, stream } = response;
  await app.close();
  return { finish: finished, writableFinished, writableEnded, destroyed, closed: isClosed, aborted: stream?.aborted };
}

async function overHttp1(port) {
  const request = get({ port, host: '127.0.0.1', agent: false });
  const [answer] = await once(request, 'response');
  await once(answer, 'data');
  answer.on('error', () => undefined);
  return () => request.destroy();
}

async function overHttp2(port) {
  const session = connect(`http://127.0.0.1:${port}`);
  const request = session.request({ ':path': '/' });
  await once(request, 'data');
  return () => {
    request.close(8);
    request.once('close', () => session.close());
  };
}

for (const isHttp2 of [false, true]) {
  const said = Object.entries(await seen(isHttp2)).map(([name, value]) => `${name} ${value}`);
  console.log(`${isHttp2 ? 'HTTP/2' : 'HTTP/1'}: ${said.join(', ')}`);
}
process.exit(0);
JS
node finding.mjs >seen
expect 'HTTP/1: finish false, writableFinished false, writableEnded false, destroyed true, closed true, aborted undefined
HTTP/2: finish true, writableFinished true, writableEnded false, destroyed undefined, closed undefined, aborted true' seen
