import { Injectable, UseInterceptors } from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { AdvisoryLock, CurrentTick, PgLockService, PgLockUsageError, type JobTick } from '../../lib/index.js';
import { MemoryLockTable, PgLockTesting, PgLockTestingModule } from '../../lib/testing/index.js';

let ran: [app: string, tick: string | undefined][] = [];
const apps = new WeakMap<object, string>();

@Injectable()
class Yearly {
  @Cron('0 0 1 1 *', { timeZone: 'UTC' })
  @UseInterceptors(AdvisoryLock('yearly'))
  run(@CurrentTick() tick?: JobTick) {
    ran.push([apps.get(this) ?? '?', tick?.scheduledAt.toISOString()]);
    if (ran.length === 3) throw new Error('the third');
  }
}

const NEXT = `${String(new Date().getUTCFullYear() + 1)}-01-01T00:00:00.000Z`;
const on = (year: number) => new Date(Date.UTC(year, 0, 1));

describe('jobs in memory', () => {
  const open: { close(): Promise<void> }[] = [];

  beforeEach(() => {
    ran = [];
  });
  afterEach(async () => {
    for (const app of open.splice(0)) await app.close();
  });

  async function boot(name: string, table = new MemoryLockTable()) {
    const app = await Test.createTestingModule({
      imports: [ScheduleModule.forRoot(), PgLockTestingModule.forRoot({ table })],
      providers: [Yearly],
    })
      .setLogger(false as never)
      .compile();
    await app.init();
    open.push(app);
    apps.set(app.get(Yearly), name);
    return app;
  }

  it('tick by hand: the next instant of the expression, or the one given', async () => {
    const app = await boot('a');
    const testing = app.get(PgLockTesting);
    expect(await testing.tick('Yearly.run')).toMatchObject({ outcome: 'succeeded' });
    expect(await testing.tick('Yearly.run', on(2200))).toMatchObject({ outcome: 'succeeded' });
    expect(await testing.tick('Yearly.run', on(2201))).toMatchObject({
      outcome: 'failed',
      error: 'Error: the third',
    });
    expect(ran).toEqual([
      ['a', NEXT],
      ['a', '2200-01-01T00:00:00.000Z'],
      ['a', '2201-01-01T00:00:00.000Z'],
    ]);
    expect(await app.get(PgLockService).jobs.find()).toMatchObject([
      { name: 'Yearly.run', id: 'yearly', lastTick: on(2201), holder: { pid: expect.any(Number) as number } },
    ]);
  });

  it('run each tick on one replica of a table, and on another once the holder is lost', async () => {
    const table = new MemoryLockTable();
    const a = (await boot('a', table)).get(PgLockTesting);
    const b = (await boot('b', table)).get(PgLockTesting);
    await a.tick('Yearly.run', on(2200));
    expect(await b.tick('Yearly.run', on(2200))).toBeUndefined();
    a.loseHolder('Yearly.run');
    expect(await b.tick('Yearly.run', on(2200))).toBeUndefined();
    await b.tick('Yearly.run', on(2201));
    expect(ran).toEqual([
      ['a', '2200-01-01T00:00:00.000Z'],
      ['b', '2201-01-01T00:00:00.000Z'],
    ]);
  });

  it('lend their lock between runs to whoever waits for it', async () => {
    const table = new MemoryLockTable();
    const app = await boot('a', table);
    await app.get(PgLockTesting).tick('Yearly.run');
    const other = app.get(PgLockTesting).replica();
    await expect(other.advisory('yearly', { timeout: '60s' }, () => 'had it')).resolves.toBe('had it');
    await app.get(PgLockTesting).tick('Yearly.run', on(2200));
    expect(ran).toHaveLength(2);
  });

  it('are known by their names', async () => {
    const testing = (await boot('a')).get(PgLockTesting);
    await expect(testing.tick('Yearly.ran')).rejects.toThrow(PgLockUsageError);
    await expect(testing.tick('Yearly.ran')).rejects.toThrow(/there are Yearly\.run/);
  });
});
