// A replica of an application with one job, whose clock may be wrong. Each run writes a row, with the tick that it is for.
import './moved-clock.mjs';
import './on-nest.mjs';
import 'reflect-metadata';
import pg from 'pg';
import { next, send } from '../child-process.mjs';

const { Module, UseInterceptors } = await import('@nestjs/common');
const { NestFactory } = await import('@nestjs/core');
const { Cron, ScheduleModule } = await import('@nestjs/schedule');

const {
  NAME,
  DATABASE_URL,
  WORK_URL,
  CRON,
  MODULE_OPTIONS,
  LOCK_OPTIONS,
  MUTANT,
  WORK_MS = '5',
} = process.env;
if (MUTANT) await (await import('../job-mutants.mjs')).MUTANTS[MUTANT]();
const { AdvisoryLock, CurrentTick, PgLockModule, PgLockService } = await import('../../../build/index.js');

// Not through the proxy, and not moved: what is written is what happened.
const pool = new pg.Pool({ connectionString: WORK_URL, max: 2, application_name: 'work' });
pool.on('error', () => undefined);

class Jobs {
  async run(tick) {
    const late = tick?.late ?? -1;
    const { rows } = await pool.query(
      'INSERT INTO runs (tick, replica, late, skipped) VALUES ($1, $2, $3, $4) RETURNING id',
      [tick?.scheduledAt.getTime() ?? null, NAME, late, tick?.skipped ?? 0],
    );
    send('ran', { tick: tick?.scheduledAt.getTime() ?? null });
    await new Promise((resolve) => setTimeout(resolve, Number(WORK_MS)));
    await pool.query('UPDATE runs SET ended = true WHERE id = $1', [rows[0].id]);
  }
}
const descriptor = Object.getOwnPropertyDescriptor(Jobs.prototype, 'run');
CurrentTick()(Jobs.prototype, 'run', 0);
for (const decorate of [UseInterceptors(AdvisoryLock('job', JSON.parse(LOCK_OPTIONS ?? '{}'))), Cron(CRON)])
  decorate(Jobs.prototype, 'run', descriptor);
Object.defineProperty(Jobs.prototype, 'run', descriptor);

class App {}
Module({
  imports: [
    ScheduleModule.forRoot(),
    PgLockModule.forRoot({ connection: DATABASE_URL, ...JSON.parse(MODULE_OPTIONS ?? '{}') }),
  ],
  providers: [Jobs],
})(App);

send('loaded', {
  nest: (await import('@nestjs/core/package.json', { with: { type: 'json' } })).default.version,
});
await next('boot');
const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn', 'log'] });
app.enableShutdownHooks();
for (const type of ['jobFinished', 'jobTakenOver', 'jobInterrupted', 'tickMissed'])
  app.get(PgLockService).events.on(type, (event) => send(type, JSON.parse(JSON.stringify(event))));
send('ready');

for (;;) {
  const { verb, ms } = await next('do');
  if (verb === 'block') {
    const until = performance.now() + ms;
    while (performance.now() < until);
    send('blocked');
  } else if (verb === 'find') {
    send('found', { jobs: await app.get(PgLockService).jobs.find() });
  } else if (verb === 'exit') {
    process.exit(0);
  }
}
