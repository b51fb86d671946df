// A replica whose jobs all tick every second: node jobs-app.mjs DATABASE_URL COUNT OPTIONS
import 'reflect-metadata';
import { Module, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { AdvisoryLock, PgLockModule } from '../../dist/esm/index.js';
import { countStatements, pgOfLibrary } from '../harness/count-statements.mjs';
import { serve } from '../harness/serve.mjs';
import { decorate } from './decorate.mjs';

/** An application with so many jobs. */
export function jobsModule(url, count, sessions, onRun) {
  class Jobs {}
  for (let index = 0; index < count; index++) {
    const name = `job${index}`;
    // A function for each: decorators write on it.
    Jobs.prototype[name] = () => onRun();
    decorate(Jobs, name, Cron('* * * * * *'), UseInterceptors(AdvisoryLock(`job:${index}`)));
  }
  class App {}
  const lock = PgLockModule.forRoot({ connection: url, sessions });
  Module({ imports: [ScheduleModule.forRoot(), lock], providers: [Jobs] })(App);
  return App;
}

const [url, count, sessions] = process.argv.slice(2);
if (process.send !== undefined && url !== undefined) {
  let runs = 0;
  const statements = countStatements(pgOfLibrary);
  const app = await NestFactory.createApplicationContext(
    jobsModule(url, Number(count), JSON.parse(sessions), () => runs++),
    { logger: ['error'] },
  );
  serve({
    runs: () => runs,
    statements,
    /** What is kept stays; nothing ticks any more. */
    stopJobs: () =>
      app
        .get(SchedulerRegistry)
        .getCronJobs()
        .forEach((job) => void job.stop()),
    stop: () => app.close(),
  });
}
