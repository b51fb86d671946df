import { Injectable, Module, UseInterceptors, type INestApplicationContext, type Type } from '@nestjs/common';
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
import { spawnChild } from '../support/child.js';
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

/** The same job under the lock of the child's: one that died may have run it. */
@Injectable()
class Sharing {
  @Cron('*/2 * * * * *')
  @UseInterceptors(AdvisoryLock('job', { catchUp: '60s', job: 'Ledgered.run' }))
  run(@CurrentTick() tick: JobTick) {
    ran.push({ ...tick, began: Date.now() });
  }
}

/** The same job, too, whose last tick before now is far away from now. */
@Injectable()
class Yearly {
  @Cron('0 0 1 1 *')
  @UseInterceptors(AdvisoryLock('ledgered', { catchUp: '366d', job: 'Ledgered.run' }))
  run(@CurrentTick() tick: JobTick) {
    ran.push({ ...tick, began: Date.now() });
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

  async function boot(
    ledger: boolean | LedgerOptions,
    url = db.url,
    provider: Type = Ledgered,
  ): Promise<INestApplicationContext> {
    class App {}
    Module({
      imports: [ScheduleModule.forRoot(), PgLockModule.forRoot({ connection: url, jobs: { ledger } })],
      providers: [provider],
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
    await eventually(() => ran.length >= 2);
    const [first, second] = ran;
    expect(second!.scheduledAt.getTime()).toBeGreaterThan(first!.scheduledAt.getTime());
    const [row] = await eventually(async () => {
      const found = await rows();
      return found[0]?.['outcome'] ? found : undefined;
    });
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
    await eventually(() => ran.length >= 1);
    await eventually(async () =>
      (await rows('pglock_jobs_runs')).some(({ outcome }) => outcome === 'failed'),
    );
    const kept = await rows('pglock_jobs_runs');
    expect(kept.filter(({ job }) => job === 'old').length).toBeLessThanOrEqual(50);
    expect(kept.at(-1)).toMatchObject({ outcome: 'failed', error: "Error: no user '…' with id …" });
  });

  it('is found by a role for which the server quotes all identifiers', async () => {
    await make(true);
    const { name, url } = await db.role('quoting');
    await db.admin.query(`ALTER ROLE ${name} SET quote_all_identifiers = on`);
    await db.admin.query(`GRANT ALL ON pglock_jobs, pglock_jobs_runs TO ${name}`);
    await boot({ keep: '1d' }, url);
    await eventually(() => ran.length >= 1);
  });

  it('lets a tick that was missed by the whole fleet be run once, by the next that comes', async () => {
    await make(false);
    const first = await boot(true);
    await eventually(() => ran.length >= 1);
    await first.close();
    ran = [];
    await db.admin.query(`UPDATE pglock_jobs SET tick = tick - interval '2 years'`);
    const apps = await Promise.all([boot(true, db.url, Yearly), boot(true, db.url, Yearly)]);
    await eventually(() => ran.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    for (const app of apps) await app.close();
    expect(ran.map(({ scheduledAt }) => scheduledAt)).toEqual([new Date(new Date().getFullYear(), 0, 1)]);
  });

  it('runs nothing from before it knew the job', async () => {
    await make(false);
    const booted = Date.now();
    await boot(true);
    await eventually(() => ran.length >= 1);
    expect(ran[0]!.scheduledAt.getTime()).toBeGreaterThan(booted);
  });

  /** Why the boot is refused; every refusal says how the tables are made. */
  const refusal = async (ledger: boolean | LedgerOptions = true): Promise<string> => {
    const error: unknown = await boot(ledger).then(
      () => undefined,
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(PgLockConfigurationError);
    const { message } = error as PgLockConfigurationError;
    expect(message).toMatch(
      /Run `pglock jobs init`, or have this run by the owner of the schema:\nCREATE TABLE/,
    );
    return message;
  };

  it('needs its table at boot, and says how it is made', async () => {
    expect(await refusal()).toMatch(/there is no table public\.pglock_jobs/);
    await make(false);
    expect(await refusal({ keep: '1d' })).toMatch(/there is no table public\.pglock_jobs_runs/);
  });

  it('refuses, at boot, a table with other columns or keys, and takes one with more', async () => {
    await db.admin.query('CREATE TABLE pglock_jobs (job text, tick text)');
    expect(await refusal()).toMatch(
      /table public\.pglock_jobs lacks columns that it needs, or has them with another type: name text, tick timestamp with time zone/,
    );
    const with_ = async (change: string) => {
      await db.admin.query('DROP TABLE IF EXISTS pglock_jobs, pglock_jobs_runs');
      await make(true);
      await db.admin.query(change);
    };
    await with_('ALTER TABLE pglock_jobs ADD tenant text NOT NULL, ADD region text NOT NULL');
    expect(await refusal()).toMatch(
      /has columns that are NOT NULL and that the ledger does not know: tenant, region/,
    );
    await with_('ALTER TABLE pglock_jobs DROP CONSTRAINT pglock_jobs_pkey, ADD UNIQUE (job, tick)');
    expect(await refusal()).toMatch(/table public\.pglock_jobs has no unique key of \(job\)/);
    await with_('ALTER TABLE pglock_jobs_runs DROP CONSTRAINT pglock_jobs_runs_pkey, ADD PRIMARY KEY (job)');
    expect(await refusal({ keep: '1d' })).toMatch(/pglock_jobs_runs has no unique key of \(job, tick\)/);
    await with_(
      `ALTER TABLE pglock_jobs ADD note text, ADD tenant text NOT NULL DEFAULT 'all', ADD n int GENERATED ALWAYS AS IDENTITY`,
    );
    await boot(true);
    await eventually(() => ran.length >= 1);
  });

  it('counts a tick as run whose process is killed between its claim and its run, and reports it', async () => {
    await make(false);
    // The claim is held up at the server, which commits it once it is let go, although its client is dead by then.
    await db.admin.query(`CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$;
      CREATE TRIGGER hold_up AFTER INSERT OR UPDATE ON pglock_jobs FOR EACH ROW EXECUTE FUNCTION hold_up();
      CREATE TABLE runs (id serial, tick bigint, replica text, late int, skipped int, ended bool)`);
    const gate = await db.connect();
    await gate.query('SELECT pg_advisory_lock(4711)');
    const child = spawnChild(new URL('../support/children/job-replica.mjs', import.meta.url), {
      env: {
        NAME: 'dead',
        DATABASE_URL: db.url,
        WORK_URL: db.url,
        CRON: '*/2 * * * * *',
        MODULE_OPTIONS: JSON.stringify({ jobs: { ledger: true } }),
        LOCK_OPTIONS: JSON.stringify({ catchUp: '60s', job: 'Ledgered.run' }),
      },
    });
    child.send('boot');
    await child.next('ready');
    await db.waitForWaiter();
    await child.kill();
    await gate.query('SELECT pg_advisory_unlock(4711)');
    const [claim] = await eventually(async () => {
      const found = await rows();
      return found.length > 0 ? found : undefined;
    });
    await db.admin.query('DROP TRIGGER hold_up ON pglock_jobs');
    expect(claim).toMatchObject({ name: 'Ledgered.run', outcome: null });

    const interrupted: unknown[] = [];
    const app = await boot(true, db.url, Sharing);
    app.get(PgLockService).events.on('jobInterrupted', (event) => interrupted.push(event));
    await eventually(() => ran.length >= 2);
    const tick = claim!['tick'] as Date;
    expect(ran.every(({ scheduledAt }) => scheduledAt > tick)).toBe(true);
    await eventually(() => interrupted.length > 0);
    expect(interrupted).toEqual([
      expect.objectContaining({ job: 'Ledgered.run', tick, replica: claim!['replica'] }),
    ]);
    expect((await db.admin.query('SELECT FROM runs')).rowCount).toBe(0);
  });

  it('works with the least privileges, and names those that are missing', async () => {
    await db.admin.query('CREATE SCHEMA IF NOT EXISTS ops');
    await make(true, 'ops.pglock_jobs');
    db.defer(() => db.admin.query('DROP SCHEMA ops CASCADE'));
    const role = await db.role(`ledger${String(Date.now() % 10_000)}`);
    const ledger = { table: 'ops.pglock_jobs', keep: '1d' } as const;
    await expect(boot(ledger, role.url)).rejects.toThrow(PgLockConfigurationError);
    await expect(boot(ledger, role.url)).rejects.toThrow(
      /lacks SELECT, INSERT, UPDATE, USAGE of the schema on ops\.pglock_jobs/,
    );
    await db.admin.query(`GRANT USAGE ON SCHEMA ops TO ${role.name}`);
    for (const grant of ledgerGrants(ledger.table, true, role.name)) await db.admin.query(grant);
    const app = await boot(ledger, role.url);
    await eventually(() => ran.length >= 1);
    await eventually(async () => (await rows('ops.pglock_jobs_runs')).length > 0);
    expect((await app.get(PgLockService).jobs.find())[0]).toMatchObject({ name: 'Ledgered.run' });
    await app.close();
    await db.admin.query(
      `REVOKE ALL ON ALL TABLES IN SCHEMA ops FROM ${role.name}; REVOKE ALL ON SCHEMA ops FROM ${role.name}`,
    );
  });
});
