import { Injectable, Module, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import pg from 'pg';
import { AdvisoryLock, PgLockModule } from '../../lib/index.js';
import { eventually, useDatabase } from '../support/database.js';

const JOBS = 50;
/** What is counted are the ticks. */
const NO_HEARTBEATS = { heartbeat: '1h', lease: '3h' } as const;

/** Statements sent so far, by the name of the application whose session sent them. */
const sent = new Map<string, number>();
const { query } = pg.Client.prototype;

beforeAll(() => {
  pg.Client.prototype.query = function (this: pg.Client, ...args: never[]) {
    const { connectionParameters } = this as unknown as {
      connectionParameters: { application_name?: string };
    };
    const name = connectionParameters.application_name?.split(' ')[0] ?? '';
    sent.set(name, (sent.get(name) ?? 0) + 1);
    return (query as (...given: never[]) => unknown).apply(this, args);
  } as typeof query;
});

afterAll(() => {
  pg.Client.prototype.query = query;
});

const sentBy = (name: string) => sent.get(name) ?? 0;

describe('what a tick costs', () => {
  const database = useDatabase();
  afterEach(() => {
    sent.clear();
  });

  /** A replica with so many jobs, and what it has sent at the beginning of each run. */
  async function boot(name: string, count: number, cron = '* * * * * *'): Promise<number[]> {
    const runs: number[] = [];
    @Injectable()
    class Jobs {
      [method: string]: () => void;
    }
    for (let index = 0; index < count; index++) {
      const method = `job${String(index)}`;
      Jobs.prototype[method] = () => void runs.push(sentBy(name));
      const descriptor = Object.getOwnPropertyDescriptor(Jobs.prototype, method)!;
      for (const decorate of [Cron(cron), UseInterceptors(AdvisoryLock(`job:${String(index)}`))])
        decorate(Jobs.prototype, method, descriptor);
    }
    @Module({
      imports: [
        ScheduleModule.forRoot(),
        PgLockModule.forRoot({
          connection: { connectionString: database.url, application_name: name },
          sessions: NO_HEARTBEATS,
        }),
      ],
      providers: [Jobs],
    })
    class App {}
    const app = await NestFactory.createApplicationContext(App, { logger: ['error'] });
    database.defer(() => app.close());
    return runs;
  }

  it('is one statement where the job is held here', async () => {
    const runs = await boot('holder', 1);
    // A tick for which the machine is late may cost more; four of them in a row are not late for ever.
    const steps = () => runs.slice(1).map((count, index) => count - runs[index]!);
    await eventually(() => steps().join(' ').includes('1 1 1'));
  });

  it('does not grow with the number of jobs, neither where they are held nor elsewhere', async () => {
    const runs = await boot('holder', JOBS, '*/2 * * * * *');
    await eventually(() => runs.length >= 2 * JOBS);
    const others = await boot('other', JOBS, '*/2 * * * * *');
    await new Promise((resolve) => setTimeout(resolve, 4_000)); // the first ticks, for which it asks
    // A job whose tick was not announced in time changes hands, which both replicas pay for: not in some ticks, where the
    // machine runs.
    await eventually(async () => {
      const [ranBefore, changed, ...before] = [runs.length, others.length, sentBy('holder'), sentBy('other')];
      await eventually(() => runs.length + others.length >= ranBefore + changed + 4 * JOBS);
      const ticks = Math.ceil((runs.length + others.length - ranBefore - changed) / JOBS) + 1;
      // What belongs to one moment falls into a few turns: nothing of it is for each job.
      const most = (ticks * JOBS) / 5;
      const cost = Math.max(sentBy('holder') - before[0], sentBy('other') - before[1]);
      return cost < most;
    });
  });
});
