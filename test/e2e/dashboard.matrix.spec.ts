import type { IncomingMessage } from 'node:http';
import {
  Controller,
  Get,
  Injectable,
  Module,
  UnauthorizedException,
  VersioningType,
  type CanActivate,
  type ExecutionContext,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { PgLockDashboardModule, type PgLockDashboardOptions } from '../../lib/dashboard/index.js';
import { PgLockModule } from '../../lib/index.js';
import { scene, SCENE_SCHEMA, WAYS } from '../support/blocked-sessions.js';
import { eventually, useDatabase } from '../support/database.js';
import { dashboardOn, openStream } from './support/dashboard.js';
import { PLATFORMS, serve } from './support/platforms.js';

const database = useDatabase({ schema: SCENE_SCHEMA });
const VIEWS = ['now', 'locks', 'jobs', 'timeline', 'replicas', 'doctor'];

@Injectable()
class Closed implements CanActivate {
  canActivate(): boolean {
    throw new UnauthorizedException('the whole application is closed');
  }
}

/** Puts a user on the request, as session guards do. */
@Injectable()
class SessionGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; user?: object }>();
    const name = request.headers['x-user'];
    if (name === undefined) throw new UnauthorizedException();
    request.user = { admin: name === 'olga', email: `${name}@example.com` };
    return name !== 'nobody';
  }
}

const everythingOn = (platform: (typeof PLATFORMS)[number]) => {
  @Controller()
  class Everything {
    @Get(platform === 'express' ? '{*any}' : '*')
    get() {
      return 'the application itself';
    }
  }
  return Everything;
};

@Controller('locks')
class Taken {
  @Get()
  get() {
    return 'the application itself';
  }
}

@Module({})
class WithMiddleware implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    const middleware = (request: IncomingMessage, _response: unknown, next: () => void) => {
      request.headers['x-middleware'] = 'ran';
      next();
    };
    consumer.apply(middleware).forRoutes('*');
  }
}

const boot = async (
  options: object,
  controllers: (new () => object)[] = [],
  platform: (typeof PLATFORMS)[number] = 'express',
) => {
  const module = await Test.createTestingModule({
    imports: [
      PgLockModule.forRoot({ connection: database.url }),
      PgLockDashboardModule.forRoot(options as PgLockDashboardOptions),
    ],
    controllers,
  }).compile();
  const { app } = await serve(module, platform);
  database.defer(() => app.close());
};

describe.each(PLATFORMS)('the dashboard on %s', (platform) => {
  it('answers every view as JSON, with connection, at and items', async () => {
    const { json } = await dashboardOn(database, platform);
    const { waiterPid, blockerPid, waiting, blocker } = await scene(database, ...WAYS['a table lock']);
    for (const view of VIEWS) {
      const { status, body } = await json(`/pglock/api/${view}`);
      expect([
        view,
        status,
        body['connection'],
        Number.isNaN(Date.parse(String(body['at']))),
        Array.isArray(body.items),
      ]).toEqual([view, 200, 'default', false, true]);
    }
    const now = (await json('/pglock/api/now')).body;
    expect(now.items).toMatchObject([
      {
        activityId: blockerPid,
        holdsUp: { count: 1 },
        blocked: [{ activityId: waiterPid, lock: { relName: 'users', granted: false } }],
      },
    ]);
    const locks = (await json('/pglock/api/locks')).body;
    expect(locks.items).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          activityId: blockerPid,
          relName: 'users',
          mode: 'ACCESS EXCLUSIVE',
          granted: true,
        }),
      ]),
    );
    expect((await json('/pglock/api/replicas')).body.items).toContainEqual(
      expect.objectContaining({ purpose: 'inspection' }),
    );
    await blocker.query('ROLLBACK');
    await waiting;
  });

  it('serves the page under a strict policy, with nothing inline and no address that is not relative', async () => {
    const { url } = await dashboardOn(database, platform);
    const bare = await fetch(`${url}/pglock?a=b`, { redirect: 'manual' });
    expect([bare.status, bare.headers.get('location')]).toEqual([308, 'pglock/?a=b']);
    const page = await fetch(`${url}/pglock/`);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    const html = await page.text();
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|https?:/);
    const addresses = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address ?? '');
    expect(addresses.length).toBeGreaterThan(2);
    for (const address of addresses) {
      expect(address).toMatch(/^\.\//);
      expect((await fetch(new URL(address, `${url}/pglock/`))).status).toBe(200);
    }
  });

  it.each([
    ['/', '', '/'],
    ['ops/locks/', '', '/ops/locks/'],
    ['/pglock', 'api', '/api/pglock/'],
  ])('stands under path %j and global prefix %j at %s, unversioned', async (path, prefix, place) => {
    const { json, url } = await dashboardOn(database, platform, { path }, {}, (app) => {
      if (prefix !== '') app.setGlobalPrefix(prefix);
      app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
    });
    expect((await json(`${place}api/now`)).status).toBe(200);
    expect((await fetch(`${url}${place}`)).headers.get('content-type')).toContain('text/html');
    expect((await json(`/v1${place}api/now`)).status).toBe(404);
    expect((await json(`${place}api/nothing`)).status).toBe(404);
  });

  it('stands before routes with wildcards, and leaves them everything else', async () => {
    const { json } = await dashboardOn(database, platform, {}, { controllers: [everythingOn(platform)] });
    expect((await json('/pglock/api/now')).status).toBe(200);
    expect((await json('/elsewhere')).body['text']).toBe('the application itself');
  });

  it('stands outside of the guards of the application, and behind its middleware', async () => {
    const { json } = await dashboardOn(
      database,
      platform,
      {
        authorize: (request: { headers: Record<string, string> }) =>
          request.headers['x-middleware'] === 'ran',
      },
      {
        imports: [WithMiddleware],
        providers: [{ provide: APP_GUARD, useClass: Closed }],
        controllers: [Taken],
      },
    );
    expect((await json('/locks')).status).toBe(401);
    expect((await json('/pglock/api/now')).status).toBe(200);
  });

  it('lets in by true or a name, and answers 403 to everybody else', async () => {
    for (const [answer, status] of [
      [true, 200],
      ['olga', 200],
      [false, 403],
      ['', 403],
      [undefined, 403],
      [null, 403],
      [1, 403],
      [{}, 403],
    ] as const) {
      const { json } = await dashboardOn(database, platform, { authorize: (async () => answer) as never });
      for (const path of ['', '/', '/app.js', '/api/now', '/api/meta', '/api/events'].filter(
        (each) => status !== 200 || each !== '/api/events',
      ))
        expect([answer, path, (await json(`/pglock${path}`)).status]).toEqual([
          answer,
          path,
          path === '' && status === 200 ? 308 : status,
        ]);
    }
  });

  it('runs the given guards before authorize, and answers as they do', async () => {
    const { json } = await dashboardOn(
      database,
      platform,
      {
        guards: [SessionGuard],
        authorize: (request: { user?: { admin: boolean; email: string } }) =>
          request.user?.admin && request.user.email,
      },
      { providers: [SessionGuard] },
    );
    const as = async (user?: string) =>
      (await json('/pglock/api/meta', user === undefined ? {} : { 'x-user': user })).status;
    expect([await as(), await as('nobody'), await as('erik'), await as('olga')]).toEqual([
      401, 403, 403, 200,
    ]);
    expect((await json('/pglock/api/meta', { 'x-user': 'olga' })).body).toMatchObject({
      viewer: 'olga@example.com',
      allowSignals: false,
    });
  });

  it('has no route that signals in read-only mode', async () => {
    const { post } = await dashboardOn(database, platform);
    expect((await post('/pglock/api/signal', { pid: 1, backendStart: 'x', action: 'cancel' })).status).toBe(
      404,
    );
    expect((await post('/pglock/api/jobs/a/run')).status).toBe(404);
  });

  it.each(['backendStartText', 'backendStart'])(
    'terminates the session that was shown, by its %s, and keeps who asked',
    async (field) => {
      const { json, post } = await dashboardOn(database, platform, { allowSignals: true });
      const { blockerPid, waiting } = await scene(database, ...WAYS['an idle transaction before DDL']);
      const { activity } = (await json('/pglock/api/now')).body.items[0] as {
        activity: Record<string, string>;
      };
      const ask = (more: object) =>
        post('/pglock/api/signal', {
          pid: blockerPid,
          backendStart: activity[field],
          action: 'terminate',
          ...more,
        });
      expect((await ask({ backendStart: '2020-01-01 00:00:00.000000' })).body).toMatchObject({
        outcome: 'gone',
      });
      expect((await ask({ action: 'cancel' })).body).toMatchObject({
        pid: blockerPid,
        outcome: 'stillBlocking',
      });
      const { status, body } = await ask({});
      expect([status, body]).toEqual([
        200,
        expect.objectContaining({ pid: blockerPid, action: 'terminate', outcome: 'terminated' }),
      ]);
      await waiting;
      expect((await json('/pglock/api/timeline')).body.items).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ type: 'marker', kind: 'signal', by: 'olga', pid: blockerPid }),
        ]),
      );
    },
  );

  it('cancels, then terminates what is still in the way', async () => {
    const { json, post } = await dashboardOn(database, platform, { allowSignals: true });
    const { blockerPid, waiting } = await scene(database, ...WAYS['an idle transaction before DDL']);
    const { activity } = (await json('/pglock/api/now')).body.items[0] as {
      activity: Record<string, string>;
    };
    const { body } = await post('/pglock/api/signal', {
      pid: blockerPid,
      backendStart: activity['backendStartText'],
      action: 'cancel',
      escalateAfter: '1200ms',
    });
    expect(body).toMatchObject({ pid: blockerPid, action: 'terminate', outcome: 'terminated' });
    expect(await waiting).toBe('done');
  });

  it('takes orders only from itself: with its header, from its own origin, and in JSON', async () => {
    const { post, url } = await dashboardOn(database, platform, { allowSignals: true });
    const order = { pid: 2_000_000_000, backendStart: '2020-01-01 00:00:00.000000', action: 'cancel' };
    const status = async (body: unknown, headers: Record<string, string> = {}) =>
      (await post('/pglock/api/signal', body, headers)).status;
    expect(await status(order)).toBe(200);
    expect(await status(order, { origin: url })).toBe(200);
    expect(await status(order, { origin: 'http://evil.example' })).toBe(403);
    expect(await status(order, { origin: 'null' })).toBe(403);
    expect(await status(order, { 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await status(order, { 'sec-fetch-site': 'same-site' })).toBe(403);
    expect(await status(order, { 'x-pglock': '0' })).toBe(403);
    for (const wrong of [
      {},
      { ...order, pid: '1' },
      { ...order, action: 'kill' },
      { ...order, backendStart: 'soon' },
      { ...order, more: 1 },
      { ...order, action: 'terminate', escalateAfter: '1s' },
      [1],
    ])
      expect([wrong, await status(wrong)]).toEqual([wrong, 400]);
    expect(await status('{')).toBe(400);
    expect((await post('/pglock/api/jobs/nothing/run')).status).toBe(404);
    const headers = { 'x-pglock': '1', 'content-type': 'application/json' };
    const empty = await fetch(`${url}/pglock/api/jobs/nothing/run`, { method: 'POST', headers });
    expect(empty.status).toBe(404);
  });

  it('streams what changes, resumes where a viewer was, and shows everything to one from elsewhere', async () => {
    const { app, url } = await dashboardOn(database, platform);
    const stream = await openStream(`${url}/pglock/api/events`);
    const has = async (event: string, from = stream) =>
      eventually(() => from.events.find((each) => each.event === event));
    expect(await has('now')).toMatchObject({ data: { connection: 'default', items: [] } });
    await has('at');
    const { blockerPid, blocker, waiting } = await scene(database, ...WAYS['a row']);
    await eventually(() =>
      stream.events.some(
        ({ event, data }) =>
          event === 'now' &&
          (data as { items: { activityId: number }[] }).items[0]?.activityId === blockerPid,
      ),
    );
    const { id = '' } = await has('waits');
    stream.leave();
    await stream.ended;
    await blocker.query('ROLLBACK');
    await waiting;
    const resumed = await openStream(`${url}/pglock/api/events`, { 'last-event-id': id });
    await eventually(() =>
      resumed.events.some(
        ({ event, data }) => event === 'waits' && (data as { to: unknown }[])[0]?.to !== null,
      ),
    );
    expect(resumed.events.some((event) => event.id === id)).toBe(false);
    const stranger = await openStream(`${url}/pglock/api/events`, { 'last-event-id': 'cafe00:7' });
    expect((await has('now', stranger)).id).not.toBeUndefined();
    await app.close();
    await Promise.all([resumed.ended, stranger.ended]);
  });

  it('looks once for several viewers, and not at all for none', async () => {
    const { url } = await dashboardOn(database, platform);
    const looks = async () => {
      const { rows } = await database.admin.query<{ n: number }>(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE '%pglock:inspection' AND datname = current_database()",
      );
      return rows[0]?.n;
    };
    const streams = await Promise.all([1, 2, 3].map(() => openStream(`${url}/pglock/api/events`)));
    await eventually(() =>
      streams.every(({ events }) => events.filter(({ event }) => event === 'at').length >= 2),
    );
    expect(await looks()).toBe(1);
    const [one, ...others] = streams.map(({ events }) =>
      events.map(({ data }) => (data as { at: string }).at),
    );
    for (const other of others) expect(one).toEqual(expect.arrayContaining(other.slice(1, 2)));
    for (const stream of streams) stream.leave();
  });

  it('leaves statements out where they are to be hidden', async () => {
    const { json, url } = await dashboardOn(database, platform, { hideQueries: true });
    const { blocker, waiting } = await scene(
      database,
      ['BEGIN', "UPDATE users SET name = 'a secret' WHERE id = 1"],
      "UPDATE users SET name = 'another secret' WHERE id = 1",
    );
    const stream = await openStream(`${url}/pglock/api/events`);
    await eventually(() => stream.events.some(({ event }) => event === 'waits'));
    const answers = await Promise.all(
      VIEWS.map(async (view) => JSON.stringify((await json(`/pglock/api/${view}`)).body)),
    );
    expect([...answers, JSON.stringify(stream.events)].join()).not.toContain('secret');
    stream.leave();
    await blocker.query('ROLLBACK');
    await waiting;
  });

  it('remembers with history what nobody looked at, also what is over', async () => {
    const { json } = await dashboardOn(database, platform, { history: '1h' });
    const { waiterPid, blockerPid, blocker, waiting } = await scene(
      database,
      ...WAYS['an advisory session lock'],
    );
    const waits = async () =>
      (await json('/pglock/api/timeline')).body.items.filter(({ type }) => type === 'wait');
    await eventually(async () => (await waits()).length === 1);
    await blocker.query('SELECT pg_advisory_unlock_all()');
    await waiting;
    await eventually(async () => (await waits())[0]?.['to'] !== null);
    expect(await waits()).toMatchObject([
      { pid: waiterPid, lock: { kind: 'advisory' }, blockers: [{ pid: blockerPid }] },
    ]);
  });

  it.each([
    ['nothing about who may look', {}, /authorize must be a function .*got nothing/],
    ['authorize that is no function', { authorize: true }, /authorize must be a function/],
    [
      'signals for everybody',
      { authorize: false, allowSignals: true },
      /allowSignals needs dashboard\.authorize/,
    ],
    [
      'an unknown option',
      { authorize: false, allowSignal: true },
      /no option 'dashboard\.allowSignal'.*Did you mean 'allowSignals'/,
    ],
    [
      'a database that is none',
      { authorize: false, connections: ['reporting'] },
      /connections names 'reporting'.*There are: default/,
    ],
    ['a path with a wildcard', { authorize: false, path: '/a/*' }, /path must be a path/],
    ['a path that leads out', { authorize: false, path: '/a/../b' }, /path must be a path/],
    ['a history of no time', { authorize: false, history: 0 }, /history must be a Duration/],
    ['guards that are none', { authorize: false, guards: ['x'] }, /guards must be a list of guards/],
    ['a path that a route has', { authorize: false, path: '/locks' }, /has a route \/locks already/],
  ])('refuses the boot over %s', async (_, options, message) => {
    await expect(boot(options, [Taken], platform)).rejects.toThrow(message);
  });
});
