import { Injectable, UseInterceptors } from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { AdvisoryLock, PgLockService } from '../../lib/index.js';
import { scene, SCENE_SCHEMA, WAYS } from '../support/blocked-sessions.js';
import { cliFolder } from '../support/cli.js';
import { deferred, eventually, useDatabase } from '../support/database.js';
import { dashboardOn, openStream, type DashboardApplication, type OpenStream } from './support/dashboard.js';

const database = useDatabase({ schema: SCENE_SCHEMA });

const PATIENT = { timeout: 60_000 };
const HISTORY = { history: '1h', allowSignals: true } as const;

const replicas = async (count: number, options: object = {}): Promise<DashboardApplication[]> =>
  Promise.all(
    Array.from({ length: count }, () => dashboardOn(database, 'express', { ...HISTORY, ...options })),
  );

const samplerOf = ({ events }: OpenStream): string | undefined =>
  events.findLast(({ id }) => id !== undefined)?.id?.split(':')[0];

/** How often the server was asked for the trees, by whom. */
async function looksBy(): Promise<number> {
  const { rows } = await database.admin.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%pglock:inspection'",
  );
  return rows[0]?.n ?? 0;
}

const waitsOf = async ({ json }: DashboardApplication) =>
  (await json('/pglock/api/timeline')).body.items.filter(({ type }) => type === 'wait');

const markersOf = async ({ json }: DashboardApplication) =>
  (await json('/pglock/api/timeline')).body.items.filter(({ type }) => type === 'marker');

describe('the dashboards of several replicas', () => {
  it('sample once, whoever looks through which of them, and tell the same', async () => {
    const apps = await replicas(2);
    await eventually(async () => (await looksBy()) === 1, PATIENT);
    const [one, other] = (await Promise.all(
      apps.map(({ url }) => openStream(`${url}/pglock/api/events`)),
    )) as [OpenStream, OpenStream];
    await eventually(() => samplerOf(one) !== undefined && samplerOf(one) === samplerOf(other), PATIENT);
    const { blockerPid, waiting, blocker } = await scene(database, ...WAYS['a table lock']);
    for (const { events } of [one, other])
      await eventually(
        () =>
          events.some(
            ({ event, data }) =>
              event === 'now' &&
              (data as { items: { activityId: number }[] }).items[0]?.activityId === blockerPid,
          ),
        PATIENT,
      );
    const firstWait = ({ events }: OpenStream) =>
      events
        .filter(({ event }) => event === 'waits')
        .flatMap(({ data }) => data as { id: string }[])
        .map(({ id }) => id)[0];
    const ids = [await eventually(() => firstWait(one)), await eventually(() => firstWait(other))];
    expect(ids[1]).toBe(ids[0]);
    await blocker.query('ROLLBACK');
    await waiting;
    for (const stream of [one, other]) stream.leave();
  });

  it('remember what the one that samples has seen, statements included, wherever they are asked', async () => {
    const apps = await replicas(3);
    await eventually(async () => (await looksBy()) === 1, PATIENT);
    const { waiterPid, blocker, waiting } = await scene(
      database,
      ['BEGIN', "UPDATE users SET name = 'kept' WHERE id = 1"],
      "UPDATE users SET name = 'also kept' WHERE id = 1",
    );
    await eventually(
      async () => (await Promise.all(apps.map(waitsOf))).some(({ length }) => length > 0),
      PATIENT,
    );
    await blocker.query('ROLLBACK');
    await waiting;
    for (const app of apps) {
      await eventually(async () => typeof (await waitsOf(app))[0]?.['to'] === 'string', PATIENT);
      expect(await waitsOf(app)).toMatchObject([
        {
          pid: waiterPid,
          query: "UPDATE users SET name = 'also kept' WHERE id = 1",
          blockers: [{ query: "UPDATE users SET name = 'kept' WHERE id = 1" }],
        },
      ]);
    }
  });

  it('tell nobody else on the channel what sessions do', async () => {
    const { url: stranger } = await database.role(`stranger_${Math.random().toString(36).slice(2)}`);
    const listening = await database.connect({ connectionString: stranger });
    const heard: string[] = [];
    listening.on('notification', ({ payload = '' }) => heard.push(payload));
    await listening.query('LISTEN pglock');
    const apps = await replicas(2);
    const streams = await Promise.all(apps.map(({ url }) => openStream(`${url}/pglock/api/events`)));
    const { blocker, waiting } = await scene(
      database,
      ['BEGIN', "UPDATE users SET name = 'a secret' WHERE id = 1"],
      "UPDATE users SET name = 'a secret' WHERE id = 1",
    );
    for (const app of apps) await eventually(async () => (await waitsOf(app)).length === 1, PATIENT);
    await blocker.query('ROLLBACK');
    await waiting;
    expect(heard.some((payload) => payload.includes('dashboard-records?'))).toBe(true);
    expect(heard.join()).not.toContain('secret');
    for (const stream of streams) stream.leave();
  });

  it('go on when the one that samples ends, with what it saw, and tell of what was done through any', async () => {
    const apps = await replicas(2);
    await eventually(async () => (await looksBy()) === 1, PATIENT);
    const streams = await Promise.all(apps.map(({ url }) => openStream(`${url}/pglock/api/events`)));
    await eventually(() => streams.every((stream) => samplerOf(stream) !== undefined), PATIENT);
    const { blockerPid, waiting } = await scene(database, ...WAYS['an idle transaction before DDL']);
    for (const app of apps) await eventually(async () => (await waitsOf(app)).length === 1, PATIENT);
    for (const [index, app] of apps.entries()) {
      const { activity } = (await app.json('/pglock/api/now')).body.items[0] as {
        activity: Record<string, string>;
      };
      await app.post('/pglock/api/signal', {
        pid: blockerPid,
        backendStart: activity['backendStartText'],
        action: index === 0 ? 'cancel' : 'terminate',
      });
    }
    await waiting;
    for (const app of apps)
      await eventually(
        async () =>
          (await markersOf(app)).filter(({ kind, by }) => kind === 'signal' && by === 'olga').length === 2,
        PATIENT,
      );
    const sampler = samplerOf(streams[0]!);
    const first = apps.findIndex((_, index) => {
      const id = streams[index]!.events.findLast((event) => event.id !== undefined)?.id ?? '';
      return !id.includes('.');
    });
    await apps[first]!.app.close();
    await streams[first]!.ended;
    const [left, stream] = [apps[1 - first]!, streams[1 - first]!];
    const next = await scene(database, ...WAYS['a row']);
    await eventually(async () => (await waitsOf(left)).length === 2, PATIENT);
    await eventually(() => samplerOf(stream) !== sampler, PATIENT);
    expect((await markersOf(left)).filter(({ kind }) => kind === 'signal')).toHaveLength(2);
    stream.leave();
    await next.blocker.query('ROLLBACK');
    await next.waiting;
  });
});

describe('what the server does not know', () => {
  it('is told by the processes that hold locks: names, since when, who waits within them, and who leads', async () => {
    const holder = await dashboardOn(database, 'express');
    const other = await dashboardOn(database, 'express');
    const { url } = await database.role(`looker_${Math.random().toString(36).slice(2)}`);
    const stranger = await dashboardOn(
      { ...database, url, defer: (work) => database.defer(work) },
      'express',
    );
    const pglock = holder.app.get(PgLockService);
    const gate = deferred();
    const before = Date.now();
    const works = [
      pglock.advisory('billing.close', () => gate.promise),
      pglock.advisory('billing.close', () => undefined),
      pglock.advisory('gpu', { permits: 3 }, () => gate.promise),
      pglock.lead('poller', () => gate.promise),
    ];
    const advisoryLocks = async ({ json }: DashboardApplication) =>
      (await json('/pglock/api/locks')).body.items.filter(({ type }) => type === 'ADVISORY');
    const named = async (name: string) =>
      (await advisoryLocks(other)).find(({ advisoryId }) => advisoryId === name);
    const found = await eventually(async () => (await named('billing.close')) ?? false, PATIENT);
    const { heldSince, waitingWithin } = found;
    expect(Date.parse(String(heldSince))).toBeGreaterThan(before - 60_000);
    expect(Date.parse(String(heldSince))).toBeLessThanOrEqual(Date.now());
    expect(waitingWithin).toBe(1);
    await eventually(() => named('gpu (1 of 3)'), PATIENT);
    await eventually(() => named('leader:poller'), PATIENT);
    const leaders = async () => (await other.json('/pglock/api/replicas')).body['leaders'];
    await eventually(async () => ((await leaders()) as unknown[]).length === 1, PATIENT);
    expect(await leaders()).toMatchObject([{ name: 'poller', leader: { own: false }, standingBy: 0 }]);
    expect(JSON.stringify(await advisoryLocks(stranger))).not.toContain('billing.close');
    gate.resolve();
    await Promise.all(works);
  });

  it('shows pglock ui the jobs of the application, which runs them when asked', async () => {
    const ran: string[] = [];
    @Injectable()
    class Invoices {
      @Cron('0 2 * * *', { timeZone: 'UTC' })
      @UseInterceptors(AdvisoryLock('invoices.export'))
      exportAll(): void {
        ran.push('exported');
      }
    }
    await dashboardOn(
      database,
      'express',
      {},
      { imports: [ScheduleModule.forRoot()], providers: [Invoices] },
    );
    const running = cliFolder(database).start(['ui', '--no-open', '--allow-signals', '--hide-queries']);
    const address = await eventually(() => /http:\S+/.exec(running.output())?.[0], PATIENT);
    const at = (path: string) => new URL(`${path}${new URL(address).search}`, address);
    const jobs = async () =>
      ((await (await fetch(at('api/jobs'))).json()) as { items: { name: string }[] }).items.map(
        ({ name }) => name,
      );
    await eventually(async () => (await jobs()).includes('Invoices.exportAll'), PATIENT);
    const run = await fetch(at('api/jobs/Invoices.exportAll/run'), {
      method: 'POST',
      headers: { 'x-pglock': '1' },
    });
    expect(run.status).toBe(202);
    await eventually(() => ran.length === 1, PATIENT);
    expect(await (await fetch(at('api/meta'))).json()).toMatchObject({
      hideQueries: true,
      allowSignals: true,
    });
    running.process.kill('SIGTERM');
    expect((await running.result).code).toBe(0);
  });
});
