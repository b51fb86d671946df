#!/usr/bin/env bash
# @nestjs/core 12.5.1: an interceptor that refuses an @Sse() handler is too late once it has to wait: Nest sends the head of
# the stream as soon as it has called the interceptors, so that the client gets 200 and an `error` event, where the same interceptor
# on @Get() gives 423. A guard that waits as long is in time on both.
source "$(dirname "$0")/support.sh"
packages @nestjs/common@12.5.1 @nestjs/core@12.5.1 @nestjs/platform-express@12.5.1 rxjs@7.8.2 reflect-metadata@0.2.2

cat >finding.mjs <<'JS'
import 'reflect-metadata';
import { Controller, Get, HttpException, Module, Sse, UseGuards, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { of } from 'rxjs';

const refuse = async () => {
  await new Promise((resolve) => setTimeout(resolve, 100));
  throw new HttpException('locked', 423);
};
class Streams {
  route() {
    return of({ data: 1 });
  }
  stream() {
    return of({ data: 1 });
  }
  guarded() {
    return of({ data: 1 });
  }
}
Controller()(Streams);
const { prototype } = Streams;
const decorate = (name, ...decorators) => {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  for (const decorator of decorators) decorator(prototype, name, descriptor);
};
decorate('route', Get('route'), UseInterceptors({ intercept: refuse }));
decorate('stream', Sse('stream'), UseInterceptors({ intercept: refuse }));
decorate('guarded', Sse('guarded'), UseGuards({ canActivate: refuse }));
class App {}
Module({ controllers: [Streams] })(App);

const app = await NestFactory.create(App, { logger: false });
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address();
for (const path of ['route', 'stream', 'guarded']) {
  const answer = await fetch(`http://127.0.0.1:${port}/${path}`);
  const text = await answer.text();
  console.log(`${path}: ${answer.status}${text.includes('event: error') ? ', then an error event' : ''}`);
}
await app.close();
JS
node finding.mjs >seen
expect 'route: 423
stream: 200, then an error event
guarded: 423' seen
