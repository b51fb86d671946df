// One replica of an application: a job under a lock that runs until it is told to finish, and endless events.
import 'reflect-metadata';
import { Controller, Module, Sse, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Interval, ScheduleModule } from '@nestjs/schedule';
import { AdvisoryLock, PgLockModule } from 'nestjs-pglock';
import { concat, NEVER, of } from 'rxjs';
import { leave, next, send } from '../child-process.mjs';

class Jobs {
  async run() {
    send('running');
    await next('finish');
    send('finished');
  }
}
decorate(Jobs, 'run', [Interval(20), UseInterceptors(AdvisoryLock('g14'))]);

// The process stays until it is told to end, with whatever it has not let go of.
if (process.env.REPLICA_LINGERS)
  Jobs.prototype.onApplicationShutdown = async () => {
    const alive = setInterval(() => undefined, 1_000);
    send('lingers');
    await next('end');
    clearInterval(alive);
  };

class Events {
  events() {
    return concat(of({ data: 'first' }), NEVER);
  }
}
decorate(Events, 'events', [Sse('events'), UseInterceptors(AdvisoryLock('g14:events'))]);
Controller()(Events);

class App {}
Module({
  imports: [ScheduleModule.forRoot(), PgLockModule.forRoot({ connection: process.env.REPLICA_DATABASE })],
  providers: [Jobs],
  controllers: [Events],
})(App);

const app = await NestFactory.create(App, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
// Once: at the end Nest sends the signal again, which must then find no listener.
process.once('SIGTERM', () => send('stopping'));
send('listening', { port: app.getHttpServer().address().port });
leave();

function decorate(type, method, decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, method);
  for (const decorator of decorators.toReversed()) decorator(type.prototype, method, descriptor);
  Object.defineProperty(type.prototype, method, descriptor);
}
