// An application of a monorepo whose packages have two copies of the library: the ES module, and the CommonJS build of another
// installation. PGLOCK_MODULES says whose modules it imports, PGLOCK_DECORATORS whose decorators. Prints what it saw, as JSON.
import 'reflect-metadata';
import { createRequire } from 'node:module';
import { Controller, Get, Injectable, Module, Sse, UseGuards, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { Cron, Interval, ScheduleModule } from '@nestjs/schedule';
import pg from 'pg';
import { of } from 'rxjs';
import * as esm from 'nestjs-pglock';

const cjs = createRequire(import.meta.url)(process.env.PGLOCK_COMMONJS);
const copies = { esm, cjs };
const modules = process.env.PGLOCK_MODULES.split(',').map((name) => copies[name]);
const decorators = copies[process.env.PGLOCK_DECORATORS];
const other = decorators === esm ? cjs : esm;
const connection = process.env.PGLOCK_URL;

const witness = new pg.Client({ connectionString: connection, application_name: 'witness' });
await witness.connect();
/** Jobs look at one moment, each in its own time. */
const looks = new pg.Pool({ connectionString: connection, max: 1, application_name: 'looks' });
const int8 = ({ classId, objId }) => BigInt.asIntN(64, (BigInt(classId) << 32n) | BigInt(objId)).toString();
const key = (id) => int8(esm.advisoryKey(id));
const hold = (id) => witness.query('SELECT pg_catalog.pg_advisory_lock($1)', [key(id)]);
const release = (id) => witness.query('SELECT pg_catalog.pg_advisory_unlock($1)', [key(id)]);
async function holders(id) {
  const { classId, objId } = esm.advisoryKey(id);
  const { rows } = await looks.query(
    `SELECT count(*)::int AS n FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted
      AND classid = $1::bigint::oid AND objid = $2::bigint::oid`,
    [classId, objId],
  );
  return rows[0].n;
}
async function until(isSo) {
  for (const deadline = Date.now() + 20_000; !(await isSo());) {
    if (Date.now() > deadline) throw new Error(`never: ${String(isSo)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function decorate(type, name, decorate, parameters = []) {
  parameters.forEach((parameter, index) => parameter?.(type.prototype, name, index));
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, name);
  for (const one of [...decorate].reverse()) one(type.prototype, name, descriptor);
  Object.defineProperty(type.prototype, name, descriptor);
}

const { AdvisoryLock, AdvisoryLockGuard, CurrentLock, CurrentTick, WithAdvisoryLock } = decorators;
let services;
const seen = [];
const ticks = { intercepted: [], decorated: [] };
let intervals = 0;

class Routes {
  async locked(lock) {
    return `${lock.id} ${await holders('locked')}`;
  }
  async decorated(lock) {
    return `${lock.id} ${await holders('decorated')}`;
  }
  guarded() {
    return 'ran';
  }
  async thrown() {
    // Of the copy whose decorators are not used here.
    return services.at(-1).advisory('thrown', { timeout: 0 }, () => 'ran');
  }
  events() {
    return of({ data: 'event' });
  }
}
decorate(
  Routes,
  'locked',
  [Get('locked'), UseInterceptors(AdvisoryLock('locked', { timeout: 0 }))],
  [other.CurrentLock()],
);
decorate(
  Routes,
  'decorated',
  [Get('decorated'), WithAdvisoryLock('decorated', { timeout: 0 })],
  [CurrentLock()],
);
decorate(Routes, 'guarded', [Get('guarded'), UseGuards(AdvisoryLockGuard('guarded'))]);
decorate(Routes, 'thrown', [Get('thrown')]);
decorate(Routes, 'events', [Sse('events'), UseInterceptors(AdvisoryLock('events', { timeout: 0 }))]);
Controller()(Routes);

class Jobs {
  async intercepted(tick, lock) {
    ticks.intercepted.push([tick?.scheduledAt.getTime(), lock.id, await holders('Jobs.intercepted')]);
  }
  async decorated(tick, lock) {
    ticks.decorated.push([tick?.scheduledAt.getTime(), lock.id, await holders('decorated:job')]);
  }
  interval() {
    intervals += 1;
  }
  async event(payload, lock) {
    seen.push([payload, lock.id, await holders('event')]);
  }
}
const SECOND = '* * * * * *';
decorate(
  Jobs,
  'intercepted',
  [Cron(SECOND), UseInterceptors(AdvisoryLock())],
  [CurrentTick(), other.CurrentLock()],
);
decorate(
  Jobs,
  'decorated',
  [Cron(SECOND), WithAdvisoryLock('decorated:job')],
  [CurrentTick(), CurrentLock()],
);
decorate(Jobs, 'interval', [Interval(100), UseInterceptors(AdvisoryLock('interval'))]);
decorate(Jobs, 'event', [OnEvent('event'), UseInterceptors(AdvisoryLock('event'))], [null, CurrentLock()]);
Injectable()(Jobs);

class App {}
Module({
  imports: [
    EventEmitterModule.forRoot(),
    ScheduleModule.forRoot(),
    ...modules.map(({ PgLockModule }) => PgLockModule.forRoot({ connection })),
  ],
  controllers: [Routes],
  providers: [Jobs],
})(App);

await hold('interval');
const app = await NestFactory.create(App, { logger: ['error'], abortOnError: false });
await app.listen(0, '127.0.0.1');
services = modules.map(({ PgLockService }) => app.get(PgLockService));
const url = `http://127.0.0.1:${app.getHttpServer().address().port}`;
const ask = async (path) => {
  const response = await fetch(`${url}/${path}`, { headers: { connection: 'close' } });
  return [response.status, response.headers.has('retry-after'), (await response.text()).trim()];
};

const PATHS = ['locked', 'decorated', 'guarded', 'thrown', 'events'];
const free = {};
const busy = {};
for (const path of PATHS) free[path] = (await ask(path)).filter((_, index) => index !== 1);
for (const path of PATHS) {
  await until(async () => (await holders(path)) === 0);
  await hold(path);
  busy[path] = (await ask(path)).slice(0, 2);
  await release(path);
}
await app.get(EventEmitter2).emitAsync('event', 'payload', 'no lock');
await until(() => Object.values(ticks).every((ran) => ran.length >= 3));

const [one] = services;
await hold('held');
const error = await one.advisory('held', { timeout: 0 }, () => 'ran').catch((caught) => caught);
const usage = await one.acquire(1.5).catch((caught) => caught);
const errors = {
  code: error.code,
  known: Object.values(copies).map(
    ({ LockNotAvailableError, PgLockError, PgLockUsageError, DeadlockError }) => [
      error instanceof LockNotAvailableError,
      error instanceof PgLockError,
      error instanceof DeadlockError,
      usage instanceof PgLockUsageError,
    ],
  ),
};

/** Of two modules on one database, in one flow: one waits for what the other holds. */
let self;
if (services.length > 1) {
  const [first, second] = services;
  self = await first.advisory('self', async () => {
    const skipped = await second.acquire('self', { timeout: 0 });
    const waits = await second.advisory('self', () => 'ran').catch((caught) => caught.code);
    return [skipped, waits, first.isHeld('self')];
  });
}

const rule = other.terminate();
await one.prioritize({ onBlocked: rule }, async () => undefined);

await app.close();
const { rows } = await witness.query(
  `SELECT count(*)::int AS n FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
);
const twice = Object.values(ticks).some((ran) => new Set(ran.map(([at]) => at)).size !== ran.length);
const jobs = Object.entries(ticks).map(([, ran]) => [typeof ran[0][0], ran[0][1], ran[0][2]]);
console.log(JSON.stringify({ free, busy, seen, jobs, twice, intervals, errors, self, left: rows[0].n }));
await Promise.all([witness.end(), looks.end()]);
