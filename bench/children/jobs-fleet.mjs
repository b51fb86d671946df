// Several replicas in one process, each an application of its own with the same jobs:
// node jobs-fleet.mjs DATABASE_URL BUILD REPLICAS JOBS PERIOD OFFSET, where BUILD is `today` or `first`, and the jobs tick so many seconds
// after each whole period of so many.
import 'reflect-metadata';
import { Module, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { firstBuild } from '../harness/first-build.mjs';
import { serve } from '../harness/serve.mjs';
import { decorate } from './decorate.mjs';

const [url, build, replicas, count, period, offset] = process.argv.slice(2);
const cron = `${offset}/${period} * * * * *`;
const [periodMs, offsetMs] = [period * 1_000, offset * 1_000];
const { AdvisoryLock, PgLockModule } = await import(
  build === 'first' ? firstBuild() : '../../dist/esm/index.js'
);

/** By tick: how often a job ran here, and how long after the tick each replica was done with each job. */
const ticks = new Map();

function tickOf(at) {
  if (!ticks.has(at)) ticks.set(at, { at, runs: 0, times: [] });
  return ticks.get(at);
}

/** The last tick: a timer may be late, and a few milliseconds early. */
const EARLY_MS = 20;
const lastTick = () => Math.floor((Date.now() + EARLY_MS - offsetMs) / periodMs) * periodMs + offsetMs;

function replica() {
  class Jobs {}
  for (let index = 0; index < Number(count); index++) {
    const name = `job${index}`;
    Jobs.prototype[name] = () => void (tickOf(lastTick()).runs += 1);
    decorate(Jobs, name, Cron(cron), UseInterceptors(AdvisoryLock(`job:${index}`)));
  }
  class App {}
  Module({
    imports: [ScheduleModule.forRoot(), PgLockModule.forRoot({ connection: url })],
    providers: [Jobs],
  })(App);
  return NestFactory.createApplicationContext(App, { logger: ['error'] });
}

/** A replica is done with a job when what its timer called has settled: it has run, or knows that another one runs. */
function timed(job) {
  job._callbacks = job._callbacks.map((callback) => async (...args) => {
    const at = lastTick();
    await callback.apply(job.context, args);
    tickOf(at).times.push(Date.now() - at);
  });
}

const apps = [];
for (let index = 0; index < Number(replicas); index++) {
  const app = await replica();
  app.get(SchedulerRegistry).getCronJobs().forEach(timed);
  apps.push(app);
}
serve({
  ticks: () => [...ticks.values()],
  stop: () => Promise.all(apps.map((app) => app.close())),
});
