import http from 'node:http';
import { Injectable, UseInterceptors, type CanActivate, type INestApplication } from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { AdvisoryLock, PgLockModule } from '../../lib/index.js';
import { deferred, eventually, useDatabase } from '../support/database.js';
import { scene, SCENE_SCHEMA, WAYS } from '../support/blocked-sessions.js';
import { dashboardOn, openStream } from './support/dashboard.js';
import { PLATFORMS } from './support/platforms.js';
import { prefixStrippingProxy } from './support/prefix-proxy.js';

const database = useDatabase({ schema: SCENE_SCHEMA });

const GETS = ['', '/', '/app.js', '/app.css', '/icon.svg'].concat(
  ['now', 'locks', 'jobs', 'timeline', 'replicas', 'doctor', 'meta', 'events'].map((view) => `/api/${view}`),
);
const POSTS = ['/api/signal', '/api/jobs/Some.job/run', '/api/jobs/Some.job/release'];

/** Status, headers and body, of a path that is sent as it is written. */
async function raw(url: string, path: string, options: http.RequestOptions = {}) {
  const { hostname, port } = new URL(url);
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; text: string }>(
    (resolve, reject) => {
      const request = http.request({ hostname, port, path, agent: false, ...options }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
      });
      request.on('error', reject).end();
    },
  );
}

describe.each(PLATFORMS)('the dashboard on %s lets nobody in who', (platform) => {
  it('may not look, whatever is asked for and how', async () => {
    const asked: string[] = [];
    const authorize = (request: { url: string }) => {
      asked.push(request.url);
      return false;
    };
    const { json, post, url } = await dashboardOn(database, platform, { authorize, allowSignals: true });
    for (const path of GETS) {
      expect([path, (await json(`/pglock${path}`)).status]).toEqual([path, 403]);
      if (path === '/api/events') continue;
      const head = await raw(url, `/pglock${path}`, { method: 'HEAD' });
      expect([path, head.status, head.text]).toEqual([path, 403, '']);
    }
    for (const path of POSTS) expect([path, (await post(`/pglock${path}`, {})).status]).toEqual([path, 403]);
    expect(asked.length).toBeGreaterThanOrEqual(2 * GETS.length - 1 + POSTS.length);
  });

  it('is stopped by a guard, each in its order, before authorize is asked', async () => {
    const order: string[] = [];
    const guard = (name: string, answer: boolean) => {
      @Injectable()
      class Guard implements CanActivate {
        canActivate(): boolean {
          order.push(name);
          return answer;
        }
      }
      return Guard;
    };
    const authorize = () => {
      order.push('authorize');
      return true;
    };
    const open = await dashboardOn(database, platform, {
      guards: [guard('first', true), guard('second', true)],
      authorize,
    });
    expect((await open.json('/pglock/api/meta')).status).toBe(200);
    expect(order.splice(0)).toEqual(['first', 'second', 'authorize']);
    const shut = await dashboardOn(database, platform, {
      guards: [guard('first', false), guard('second', true)],
      authorize,
    });
    expect((await shut.json('/pglock/api/meta')).status).toBe(403);
    expect(order).toEqual(['first']);
  });

  it('meets an authorize that fails, and tells nobody why', async () => {
    const authorize = (): boolean => {
      throw new Error('connect ECONNREFUSED ldap://admin:secret@10.0.0.1');
    };
    const { json } = await dashboardOn(database, platform, { authorize });
    const { status, body } = await json('/pglock/api/now');
    expect([status, JSON.stringify(body)]).toEqual([500, expect.not.stringContaining('secret')]);
  });

  it('comes from another site, however generous the application is to them', async () => {
    const { url, post } = await dashboardOn(
      database,
      platform,
      { allowSignals: true },
      {},
      (app: INestApplication) => app.enableCors({ origin: true, credentials: true }),
    );
    for (const path of ['/', '/api/now', '/api/meta']) {
      const { status, headers } = await raw(url, `/pglock${path}`, {
        headers: { origin: 'http://evil.example' },
      });
      expect([path, status, headers['access-control-allow-origin']]).toEqual([path, 200, undefined]);
      expect(headers['access-control-allow-credentials']).toBeUndefined();
    }
    const order = { pid: 2_000_000_000, backendStart: '2020-01-01 00:00:00.000000', action: 'terminate' };
    expect((await post('/pglock/api/signal', order, { origin: 'http://evil.example' })).status).toBe(403);
    expect((await post('/pglock/api/signal', order, { 'x-pglock': '' })).status).toBe(403);
    expect((await post('/pglock/api/signal', order)).body).toMatchObject({ outcome: 'gone' });
  });

  it('asks for files that are not of the page', async () => {
    const { url } = await dashboardOn(database, platform);
    for (const path of [
      '/pglock/../package.json',
      '/pglock/..%2fpackage.json',
      '/pglock/%2e%2e/package.json',
      '/pglock/..\\package.json',
      '/pglock/index.html/../../index.js',
      '/pglock/__proto__',
      '/pglock/constructor',
      '/pglock/app.js%00.svg',
      '/pglock//app.js',
      '/pglock/api/constructor',
      '/pglock/api/../../package.json',
    ]) {
      const { status, text } = await raw(url, path);
      expect([path, [400, 404].includes(status) ? 'not there' : status]).toEqual([path, 'not there']);
      expect(text).not.toContain('"version"');
    }
  });

  it('asks by other methods, or for a database that is not shown', async () => {
    const { url, json, post } = await dashboardOn(database, platform, { allowSignals: true });
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS'])
      for (const path of ['/', '/api/now', '/api/signal'])
        expect([method, path, (await raw(url, `/pglock${path}`, { method })).status]).toEqual([
          method,
          path,
          404,
        ]);
    for (const path of ['now', 'meta', 'events', 'timeline'])
      expect([path, (await json(`/pglock/api/${path}?connection=other`)).status]).toEqual([path, 404]);
    expect((await post('/pglock/api/signal?connection=other', {})).status).toBe(400);
    const order = { pid: 1, backendStart: '2020-01-01 00:00:00.000000', action: 'cancel' };
    expect((await post('/pglock/api/signal?connection=other', order)).status).toBe(404);
    expect((await post('/pglock/api/jobs/x/run?connection=other')).status).toBe(404);
    const page = await raw(url, '/pglock/', { method: 'HEAD' });
    expect([page.status, page.text, Number(page.headers['content-length']) > 0]).toEqual([200, '', true]);
  });

  it('comes while the application shuts down: nothing keeps it open', async () => {
    const gate = deferred<boolean>();
    const { app, url } = await dashboardOn(database, platform, { authorize: () => gate.promise });
    const streaming = openStream(`${url}/pglock/api/events`).then(
      () => 'open',
      (error: unknown) => String(error),
    );
    await eventually(async () => (await raw(url, '/nothing')).status === 404);
    const closing = app.close();
    const isListening = async () => {
      try {
        await raw(url, '/nothing');
        return true;
      } catch {
        return false;
      }
    };
    await eventually(async () => !(await isListening()));
    gate.resolve(true);
    expect(await streaming).toMatch(/503|hang up|ECONNRESET/);
    await closing;
  });
});

describe.each(PLATFORMS)('the dashboard on %s', (platform) => {
  it('works below a path that a proxy strips', async () => {
    const { url } = await dashboardOn(database, platform, { allowSignals: true });
    const proxy = await prefixStrippingProxy(url, '/ops/tools');
    database.defer(() => proxy.close());
    const bare = await fetch(`${proxy.url}/ops/tools/pglock`);
    expect(bare.url).toBe(`${proxy.url}/ops/tools/pglock/`);
    const html = await bare.text();
    for (const [, address = ''] of html.matchAll(/(?:src|href)="([^"]+)"/g))
      expect((await fetch(new URL(address, bare.url))).status).toBe(200);
    expect((await fetch(new URL('api/now', bare.url))).status).toBe(200);
    const stream = await openStream(new URL('api/events', bare.url).href);
    await eventually(() => stream.events.some(({ event }) => event === 'now'));
    stream.leave();
    const order = { pid: 2_000_000_000, backendStart: '2020-01-01 00:00:00.000000', action: 'cancel' };
    const signal = await fetch(new URL('api/signal', bare.url), {
      method: 'POST',
      headers: { 'x-pglock': '1', 'content-type': 'application/json', origin: proxy.url },
      body: JSON.stringify(order),
    });
    expect(signal.status).toBe(200);
  });

  it('shows several databases, each by its name', async () => {
    const { json } = await dashboardOn(
      database,
      platform,
      { connections: ['reporting', 'default'] },
      { imports: [PgLockModule.forRoot({ name: 'reporting', connection: database.url })] },
    );
    expect((await json('/pglock/api/meta')).body['connections']).toEqual(['reporting', 'default']);
    expect((await json('/pglock/api/now')).body['connection']).toBe('reporting');
    expect((await json('/pglock/api/now?connection=default')).body['connection']).toBe('default');
  });

  it('says how many sessions its role may not look into', async () => {
    const role = await database.role(`least_${platform}`);
    const { blocker, waiting, waiterPid } = await scene(database, ...WAYS['a table lock']);
    const { json } = await dashboardOn(
      { ...database, url: role.url, defer: (work) => database.defer(work) },
      platform,
    );
    const { body } = await json('/pglock/api/now');
    expect(Number(body['hidden'])).toBeGreaterThanOrEqual(2);
    expect(JSON.stringify(body.items)).toContain(String(waiterPid));
    await blocker.query('ROLLBACK');
    await waiting;
  });

  it('runs a job whatever its name is', async () => {
    const name = 'Invoices/of a long name & <b>'.repeat(6);
    @Injectable()
    class Invoices {
      @Cron('0 2 * * *')
      @UseInterceptors(AdvisoryLock('invoices.export', { job: name }))
      exportAll(): void {}
    }
    const { json, post } = await dashboardOn(
      database,
      platform,
      { allowSignals: true },
      { imports: [ScheduleModule.forRoot()], providers: [Invoices] },
    );
    const [job] = (await json('/pglock/api/jobs')).body.items;
    expect(job).toMatchObject({ name });
    expect((await post(`/pglock/api/jobs/${encodeURIComponent(name)}/run`)).status).toBe(202);
    await eventually(async () =>
      (await json('/pglock/api/timeline')).body.items.some(({ text }) => String(text).includes('succeeded')),
    );
  });

  it('opens no connection while nobody looks', async () => {
    const { json } = await dashboardOn(database, platform);
    const { rows } = await database.admin.query<{ n: number }>(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%pglock:%'",
    );
    expect(rows[0]?.n).toBe(0);
    expect((await json('/pglock/api/meta')).status).toBe(200);
  });
});
