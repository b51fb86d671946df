// An application whose handlers exist with and without a lock: node http-app.mjs DATABASE_URL fastify|express
import 'reflect-metadata';
import { Controller, Get, Inject, Module, Param, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AdvisoryLock, PgLockModule, PgLockService } from '../../dist/esm/index.js';
import { serve } from '../harness/serve.mjs';
import { decorate, decorateParameter } from './decorate.mjs';

const [url, platform] = process.argv.slice(2);
const ADAPTERS = { fastify: FastifyAdapter, express: ExpressAdapter };

class Orders {
  constructor(pglock) {
    this.pool = pglock.pool;
  }

  /** As little as a handler can do: the hardest comparison. */
  empty(id) {
    return `order ${id} done`;
  }

  /** What handlers do: they ask the database. */
  async query(id) {
    await this.pool.query('SELECT $1::text AS id', [id]);
    return `order ${id} done`;
  }

  /** What Nest itself takes for an interceptor. */
  interceptedEmpty(id) {
    return this.empty(id);
  }

  async interceptedQuery(id) {
    return this.query(id);
  }

  lockedEmpty(id) {
    return this.empty(id);
  }

  lockedQuery(id) {
    return this.query(id);
  }
}

const byId = AdvisoryLock((context) => `order:${context.switchToHttp().getRequest().params.id}`);
const INTERCEPTORS = { locked: byId, intercepted: { intercept: (_context, next) => next.handle() } };
for (const method of Object.getOwnPropertyNames(Orders.prototype).slice(1)) {
  const interceptors = Object.entries(INTERCEPTORS).filter(([prefix]) => method.startsWith(prefix));
  decorate(Orders, method, Get(`${method}/:id`), ...interceptors.map(([, one]) => UseInterceptors(one)));
  decorateParameter(Orders, method, 0, Param('id'));
}
Inject(PgLockService)(Orders, undefined, 0);
Controller('orders')(Orders);

class App {}
Module({ imports: [PgLockModule.forRoot({ connection: url })], controllers: [Orders] })(App);

const app = await NestFactory.create(App, new ADAPTERS[platform](), { logger: ['error'] });
// The load's connections rest while others are measured.
app.getHttpServer().keepAliveTimeout = 0;
await app.listen(0, '127.0.0.1');
serve({
  port: () => app.getHttpServer().address().port,
  /** In microseconds. */
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  stop: () => app.close(),
});
