import { Injectable, Module, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { AdvisoryLock, PgLockModule, PgLockService } from '../../lib/index.js';
import { cliFolder } from '../support/cli.js';
import { eventually, useDatabase } from '../support/database.js';

@Injectable()
class Invoices {
  @Cron('* * * * * *')
  @UseInterceptors(AdvisoryLock('invoices'))
  send(): void {}
}

describe('pglock jobs', () => {
  const db = useDatabase();

  it('lists the jobs of the replicas that answer, as a table and as JSON', async () => {
    const { pglock } = cliFolder(db);
    expect(await pglock(['jobs'])).toMatchObject({ code: 0, stdout: '' });
    class App {}
    Module({
      imports: [ScheduleModule.forRoot(), PgLockModule.forRoot({ connection: db.url })],
      providers: [Invoices],
    })(App);
    const app = await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
    db.defer(() => app.close());
    const { jobs } = app.get(PgLockService);
    await eventually(async () => ((await jobs.find())[0]?.lastRun?.outcome ?? null) !== null);
    // Who is too busy to answer within a second is left out.
    await eventually(async () => {
      const { code, stdout } = await pglock(['jobs']);
      const [title = '', row = ''] = stdout.split('\n');
      expect(code).toBe(0);
      expect(title).toMatch(/^job +schedule +next +holder +last tick +last run/);
      expect(row).toMatch(/^Invoices\.send +\* \* \* \* \* \* +in .+ago/);
      return true;
    });
    await eventually(async () => {
      const [job] = JSON.parse((await pglock(['jobs', '--json'])).stdout) as Record<string, unknown>[];
      expect(job).toMatchObject({ name: 'Invoices.send', holder: (await jobs.find())[0]?.holder });
      return true;
    });
  });

  it('init --print gives SQL that makes the ledger on a real server, and connects to nothing', async () => {
    const { pglock } = cliFolder(db);
    const nowhere = { DATABASE_URL: 'postgres://127.0.0.1:1/nowhere' };
    const { code, stdout } = await pglock(['jobs', 'init', '--print', '--keep'], nowhere);
    expect(code).toBe(0);
    expect(stdout).toContain('-- GRANT');
    await db.admin.query(stdout);
    class App {}
    const ledger = { keep: '1d' } as const;
    Module({ imports: [PgLockModule.forRoot({ connection: db.url, jobs: { ledger } })] })(App);
    const app = await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
    await app.close();
    await db.admin.query('DROP TABLE pglock_jobs, pglock_jobs_runs');
  });
});
