import 'reflect-metadata';
import { Module, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { AdvisoryLock, PgLockModule, PgLockService } from '../../dist/index.js';
import { open } from '../candidates/library.mjs';
import { decorate } from '../children/decorate.mjs';
import { figure } from '../report/figures.mjs';

const JOBS = 50;
/** What is counted are the ticks. */
const NO_HEARTBEATS = { heartbeat: '1h', lease: '3h' };

/** Jobs that all tick every second, on a replica that gets none of their locks: what do the skipped ticks cost? */
export async function run({ place, quick }) {
  const holder = await open({ ...place, options: { sessions: NO_HEARTBEATS } });
  const ids = Array.from({ length: JOBS }, (_, index) => `job:${index}`);
  const held = await holder.pglock.acquire(ids);
  let runs = 0;
  const app = await NestFactory.createApplicationContext(
    jobsModule(place, ids, () => runs++),
    { logger: ['error'] },
  );
  const statements = perTick(app.get(PgLockService), quick ? 2 : 10);
  const result = { jobs: JOBS, ...(await statements), runs };
  await app.close();
  await held.release();
  await holder.close();
  return result;
}

function jobsModule({ url }, ids, onRun) {
  class Jobs {}
  for (const [index, id] of ids.entries()) {
    const name = `job${index}`;
    // A function for each: decorators write on it.
    Jobs.prototype[name] = () => onRun();
    decorate(Jobs, name, Cron('* * * * * *'), UseInterceptors(AdvisoryLock(id)));
  }
  class App {}
  const lock = PgLockModule.forRoot({ connection: url, sessions: NO_HEARTBEATS });
  Module({ imports: [ScheduleModule.forRoot(), lock], providers: [Jobs] })(App);
  return App;
}

/** The statements of each tick by themselves; the first tick, which opens the connection, does not count. */
async function perTick(pglock, ticks) {
  const { prototype } = pglock.pgDriver.Client;
  const { query } = prototype;
  let sent = 0;
  prototype.query = function counted(...args) {
    sent++;
    return query.apply(this, args);
  };
  const counts = [];
  await untilHalfSecond();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  for (let tick = 0; tick < ticks; tick++) {
    sent = 0;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    counts.push(sent);
  }
  prototype.query = query;
  return { counts };
}

function untilHalfSecond() {
  return new Promise((resolve) => setTimeout(resolve, 1_500 - (Date.now() % 1_000)));
}

export function tables({ jobs, counts, runs }) {
  const sorted = counts.toSorted((a, b) => a - b);
  return [
    {
      title: `${jobs} jobs of one replica tick at once, and another replica has all their locks`,
      head: ['', 'median', 'most'],
      rows: [
        [
          'statements a tick, all jobs together',
          figure(sorted[Math.floor(sorted.length / 2)]),
          figure(sorted.at(-1)),
        ],
        ['jobs that ran', figure(runs), ''],
      ],
    },
  ];
}
