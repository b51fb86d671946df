import { Injectable, Module, UseInterceptors, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import {
  AdvisoryLock,
  CurrentTick,
  LockTargetError,
  PgLockModule,
  PgLockService,
  type JobTick,
  type PgLockModuleOptions,
} from '../../lib/index.js';
import { ledgerDdl } from '../../lib/sql/jobs-ledger.js';
import { eventually, useDatabase } from '../support/database.js';

/** No character of LATIN1. */
const NAME = '账单';
const MANY = Array.from({ length: 300 }, (_, index) => `${NAME} of the month number ${index}`);

let ran: Date[] = [];

@Injectable()
class Bills {
  @Cron('* * * * * *')
  @UseInterceptors(AdvisoryLock('bills', { job: NAME }))
  run(@CurrentTick() tick: JobTick) {
    ran.push(tick.scheduledAt);
    throw new Error(`${NAME} \0 is late`);
  }

  @Cron('0 0 1 1 *')
  @UseInterceptors(AdvisoryLock(MANY))
  yearly() {}
}

describe('a database whose encoding lacks characters that the application uses', () => {
  const db = useDatabase({ encoding: 'LATIN1' });

  beforeEach(() => (ran = []));

  async function boot(options: PgLockModuleOptions = {}, providers: Type[] = []): Promise<PgLockService> {
    class App {}
    Module({
      imports: [ScheduleModule.forRoot(), PgLockModule.forRoot({ connection: db.url, ...options })],
      providers,
    })(App);
    const app = await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
    db.defer(() => app.close());
    return app.get(PgLockService);
  }

  it('runs each tick of a job once, and lists it everywhere, however long its ids are', async () => {
    await boot({}, [Bills]);
    const second = await boot({}, [Bills]);
    const onlooker = await boot();
    await eventually(() => ran.length >= 3);
    expect(new Set(ran.map(Number)).size).toBe(ran.length);
    for (const pglock of [second, onlooker])
      await eventually(async () => {
        const jobs = await pglock.jobs.find();
        expect(jobs.map(({ name }) => name)).toEqual(['Bills.yearly', NAME]);
        expect(jobs[1]).toMatchObject({
          holder: {},
          lastRun: { outcome: 'failed', error: `Error: ${NAME} is late` },
        });
        return true;
      });
  });

  it('records its runs in the ledger, with escapes for what a column cannot hold', async () => {
    for (const statement of ledgerDdl('pglock_jobs', true)) await db.admin.query(statement);
    await boot({ jobs: { ledger: { keep: '1d' } } }, [Bills]);
    const { rows } = await eventually(async () => {
      const found = await db.admin.query(
        'SELECT name, outcome, error FROM pglock_jobs_runs WHERE outcome IS NOT NULL',
      );
      return found.rows.length > 0 ? found : undefined;
    });
    const escaped = '\\u8d26\\u5355';
    expect(rows[0]).toEqual({ name: escaped, outcome: 'failed', error: `Error: ${escaped} is late` });
  });

  it('tells the other replicas who leads', async () => {
    const [leader, other] = [await boot(), await boot()];
    const over = new AbortController();
    const leading = leader
      .lead(
        NAME,
        { signal: over.signal },
        ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
      )
      .catch(() => undefined);
    await eventually(() => leader.isLeader(NAME));
    await eventually(async () => {
      expect(await other.leaders.find()).toMatchObject([{ name: NAME, leader: { own: false } }]);
      return true;
    });
    over.abort();
    await leading;
  });

  it('answers questions about it, and leaves the statements of a flow with such a context alone', async () => {
    const pglock = await boot();
    await pglock.advisory('x', async () => {
      expect(await pglock.locks.find({ on: NAME })).toEqual([]);
      expect(await pglock.locks.find({ where: { activity: { query: { like: `%${NAME}%` } } } })).toEqual([]);
      expect(await pglock.locks.count({ ids: ['x'], where: { relName: { not: NAME } } })).toBe(1);
    });
    await expect(pglock.transaction(() => pglock.model(NAME))).rejects.toThrow(LockTargetError);
    const { rows } = await pglock.withContext({ bill: `é${NAME}` }, () =>
      pglock.pool.query<{ name: string }>("SELECT current_setting('application_name') AS name"),
    );
    expect(rows[0]?.name).toBe(String.raw`;bill=\xc3\xa9\xe8\xb4\xa6\xe5\x8d\x95`);
  });
});
