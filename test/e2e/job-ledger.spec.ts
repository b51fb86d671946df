import { Injectable, Module, UseInterceptors, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import {
  AdvisoryLock,
  CurrentTick,
  PgLockConfigurationError,
  PgLockModule,
  PgLockService,
  type JobTick,
  type LedgerOptions,
} from '../../lib/index.js';
import { ledgerDdl, ledgerGrants } from '../../lib/sql/jobs-ledger.js';
import { eventually, useDatabase } from '../support/database.js';

interface Ran extends JobTick {
  readonly began: number;
}
let ran: Ran[] = [];
let fails = false;

@Injectable()
class Ledgered {
  @Cron('*/2 * * * * *')
  @UseInterceptors(AdvisoryLock('ledgered', { catchUp: '30s' }))
  run(@CurrentTick() tick: JobTick) {
    ran.push({ ...tick, began: Date.now() });
    if (fails) throw new Error("no user 'ada' with id 123456");
  }
}

describe('the ledger', () => {
  const db = useDatabase();

  beforeEach(async () => {
    ran = [];
    fails = false;
    await db.admin.query('DROP TABLE IF EXISTS pglock_jobs, pglock_jobs_runs');
  });

  const make = async (keep: boolean, table = 'pglock_jobs') => {
    for (const statement of ledgerDdl(table, keep)) await db.admin.query(statement);
  };

  async function boot(ledger: boolean | LedgerOptions, url = db.url): Promise<INestApplicationContext> {
    class App {}
    Module({
      imports: [ScheduleModule.forRoot(), PgLockModule.forRoot({ connection: url, jobs: { ledger } })],
      providers: [Ledgered],
    })(App);
    const app = await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
    db.defer(() => app.close());
    return app;
  }

  const rows = async (table = 'pglock_jobs') => {
    const { rows: found } = await db.admin.query<Record<string, unknown>>(
      `SELECT * FROM ${table} ORDER BY tick`,
    );
    return found;
  };

  it('records the last run of a job: its tick, its end, its replica', async () => {
    await make(false);
    await boot(true);
    await boot(true);
    await eventually(() => ran.length >= 2, { timeout: 10_000 });
    const [first, second] = ran;
    expect(second!.scheduledAt.getTime()).toBeGreaterThan(first!.scheduledAt.getTime());
    const [row] = await eventually(async () => ((await rows())[0]?.['outcome'] ? rows() : undefined));
    expect(row).toMatchObject({ name: 'Ledgered.run', outcome: 'succeeded', error: null });
    expect(row!['replica']).toMatch(/:\d+$/);
    expect(ran.map(({ scheduledAt }) => scheduledAt.getTime())).toContain((row!['tick'] as Date).getTime());
    expect(await rows()).toHaveLength(1);
  });

  it('keeps a row of each run, with the error cut and without literals, and deletes the old ones', async () => {
    await make(true);
    await db.admin.query(`INSERT INTO pglock_jobs_runs (job, name, tick, started_at, replica, late_ms)
      SELECT 'old', 'old', now() - i * interval '1 day', now() - i * interval '1 day', 'r', 0 FROM generate_series(40, 189) i`);
    fails = true;
    await boot({ keep: '30d' });
    await eventually(() => ran.length >= 1, { timeout: 10_000 });
    await eventually(async () =>
      (await rows('pglock_jobs_runs')).some(({ outcome }) => outcome === 'failed'),
    );
    const kept = await rows('pglock_jobs_runs');
    expect(kept.filter(({ job }) => job === 'old').length).toBeLessThanOrEqual(50);
    expect(kept.at(-1)).toMatchObject({ outcome: 'failed', error: "Error: no user '…' with id …" });
  });

  it('lets a tick that was missed by the whole fleet be run once, by the next that comes', async () => {
    await make(false);
    const first = await boot(true);
    await eventually(() => ran.length >= 1, { timeout: 10_000 });
    await first.close();
    const before = ran.length;
    await new Promise((resolve) => setTimeout(resolve, 4_500));
    const booted = Date.now();
    await Promise.all([boot(true), boot(true)]);
    await eventually(() => ran.length > before, { timeout: 10_000 });
    const caughtUp = ran[before]!;
    expect(caughtUp.scheduledAt.getTime()).toBeLessThan(booted);
    await eventually(() => ran.length > before + 2, { timeout: 10_000 });
    const ticks = ran.map(({ scheduledAt }) => scheduledAt.getTime());
    expect(new Set(ticks).size).toBe(ticks.length);
    expect(ticks).toEqual(ticks.toSorted((a, b) => a - b));
  }, 40_000);

  it('runs nothing from before it knew the job', async () => {
    await make(false);
    const booted = Date.now();
    await boot(true);
    await eventually(() => ran.length >= 1, { timeout: 10_000 });
    expect(ran[0]!.scheduledAt.getTime()).toBeGreaterThan(booted);
  });

  it('needs its table at boot, and says how it is made', async () => {
    const refused = expect(boot(true)).rejects;
    await refused.toThrow(PgLockConfigurationError);
    await expect(boot(true)).rejects.toThrow(
      /there is no table public\.pglock_jobs.*pglock jobs init[\s\S]*CREATE TABLE/,
    );
    await db.admin.query('CREATE TABLE pglock_jobs (job text, tick text)');
    await expect(boot(true)).rejects.toThrow(
      /lacks columns that it needs.*name text, tick timestamp with time zone/,
    );
  });

  it('works with the least privileges, and names those that are missing', async () => {
    await db.admin.query('CREATE SCHEMA IF NOT EXISTS ops');
    await make(true, 'ops.pglock_jobs');
    db.defer(() => db.admin.query('DROP SCHEMA ops CASCADE'));
    const role = await db.role(`ledger${String(Date.now() % 10_000)}`);
    const ledger = { table: 'ops.pglock_jobs', keep: '1d' } as const;
    await expect(boot(ledger, role.url)).rejects.toThrow(
      /lacks SELECT, INSERT, UPDATE, USAGE of the schema on ops\.pglock_jobs/,
    );
    await db.admin.query(`GRANT USAGE ON SCHEMA ops TO ${role.name}`);
    for (const grant of ledgerGrants(ledger.table, true, role.name)) await db.admin.query(grant);
    const app = await boot(ledger, role.url);
    await eventually(() => ran.length >= 1, { timeout: 10_000 });
    await eventually(async () => (await rows('ops.pglock_jobs_runs')).length > 0);
    expect((await app.get(PgLockService).jobs.find())[0]).toMatchObject({ name: 'Ledgered.run' });
    await app.close();
    await db.admin.query(
      `REVOKE ALL ON ALL TABLES IN SCHEMA ops FROM ${role.name}; REVOKE ALL ON SCHEMA ops FROM ${role.name}`,
    );
  });
});
