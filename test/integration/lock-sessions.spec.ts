import { spawnSync } from 'node:child_process';
import { Socket } from 'node:net';
import { jest } from '@jest/globals';
import pg from 'pg';
import { LockSessionError } from '../../lib/errors/lock-session.error.js';
import type { LockHandle } from '../../lib/locks/lock-handle.js';
import { spawnChild } from '../support/child.js';
import { advisoryLocks, hasLease, openCore } from '../support/cores.js';
import { eventually, quickest, useDatabase, type Session } from '../support/database.js';
import { FaultyProxy } from '../support/proxy.js';

const database = useDatabase();

async function lockSessions(): Promise<readonly Session[]> {
  return (await database.sessions()).filter(({ applicationName }) =>
    applicationName.endsWith('pglock:locks'),
  );
}

function withParameters(parameters: Readonly<Record<string, string>>): string {
  const url = new URL(database.url);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

async function throughProxy(): Promise<FaultyProxy> {
  const proxy = await new FaultyProxy(() => Number(new URL(database.url).port)).listen();
  database.defer(() => proxy.close());
  return proxy;
}

describe('the parameters of a lock session', () => {
  it('win over those of a connection string, which keeps its name', async () => {
    const lease = (await hasLease(database)) ? ' -c idle_session_timeout=60000' : '';
    const { service } = openCore(database, {
      connection: withParameters({
        ...{ application_name: 'api', query_timeout: '300', statement_timeout: '300' },
        ...{ lock_timeout: '60000', idle_in_transaction_session_timeout: '300' },
        options: `-c statement_timeout=300 -c search_path=public${lease}`,
      }),
    });
    const holder = openCore(database);
    const lock = await holder.service.acquire('x');
    const waiting = service.acquire('x', { timeout: null });
    const waiter = await database.waitForWaiter();
    expect(waiter.applicationName).toBe('api pglock:locks');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await database.waitForWaiter()).pid).toBe(waiter.pid);
    await lock?.release();
    const had = await waiting;
    expect(had?.pid).toBe(waiter.pid);
    await had?.release();
  });

  it('win over those of a lent pool, whose name it keeps, and over `binary`', async () => {
    const pool = new pg.Pool({
      ...{ connectionString: database.url, application_name: 'orders', query_timeout: 200 },
      ...{ max: 1, binary: true },
    });
    database.defer(() => pool.end());
    const { service } = openCore(database, { connection: undefined, pool });
    const lock = await service.acquire('x', { timeout: 0 });
    expect((await lockSessions()).map(({ applicationName }) => applicationName)).toEqual([
      'orders pglock:locks',
    ]);
    await expect(lock?.fencingToken()).resolves.toBeGreaterThan(0n);
    await lock?.release();
  });

  it('protect its sessions from `prioritize`, whatever the application calls itself', async () => {
    const name = 'ä name that is much longer than what the server keeps of it, by far';
    const holder = openCore(database, { connection: withParameters({ application_name: name }) });
    const lock = (await holder.service.acquire('x')) as LockHandle;
    const { service } = openCore(database);
    const work = service.prioritize({ interval: '50ms', transaction: undefined as never }, () =>
      service.acquire('x', { timeout: 500 }),
    );
    await work.catch(() => undefined);
    expect(lock.held).toBe(true);
    await lock.release();
  });

  it('are read by parsers of the library, whatever the application has set', async () => {
    const { builtins } = pg.types;
    const former = [builtins.BOOL, builtins.INT4, builtins.INT8].map(
      (oid) => [oid, pg.types.getTypeParser(oid, 'text')] as const,
    );
    try {
      pg.types.setTypeParser(builtins.BOOL, (value) => (value === 't' ? 1 : 0));
      pg.types.setTypeParser(builtins.INT4, (value) => BigInt(value));
      pg.types.setTypeParser(builtins.INT8, (value) => `#${value}`);
      const types = { getTypeParser: () => () => 'raw' };
      const { service } = openCore(database, { connection: { connectionString: database.url, types } });
      await service.advisory('x', async (lock) => {
        await expect(lock.fencingToken()).resolves.toBeGreaterThan(0n);
        expect(service.isHeld('x')).toBe(true);
      });
    } finally {
      for (const [oid, parser] of former) pg.types.setTypeParser(oid, parser as (value: string) => unknown);
    }
  });
});

describe('a lock session that holds nothing', () => {
  it('needs no lease and says nothing; one that holds something does', async () => {
    if (!(await hasLease(database))) return;
    const { service } = openCore(database); // it would say something twice a second
    const query = () =>
      database.admin.query<{ since: string; pid: number }>(
        `SELECT pid, state_change::text AS since FROM pg_stat_activity WHERE application_name LIKE '%pglock:locks'
         AND datname = current_database()`,
      );
    await service.advisory('x', () => undefined);
    await eventually(async () => {
      const { rows: before } = await query();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect((await query()).rows).toEqual(before);
      return true;
    });
    const lock = await service.acquire('x');
    const { rows: after } = await query();
    expect(after.map(({ pid }) => pid)).toEqual([lock?.pid]);
    await eventually(async () => (await query()).rows[0]?.since !== after[0]?.since);
    await lock?.release();
  });
});

describe('a script', () => {
  it.each([
    ['tried', '{}', ''],
    ['waited for', '{}', "await other.service.acquire('y')"],
    ['polled for', '{ max: 2 }', "await other.service.acquire('y')"],
    ['one of several permits', '{}', "await other.service.acquire('y', { permits: 1 })"],
  ])('goes on while it holds a lock: %s', (how, sessions, before) => {
    const permits = how === 'one of several permits' ? ', { permits: 1 }' : '';
    const script = `
      const { createCore } = await import('${new URL('../../build/core/pg-lock-core.js', import.meta.url).href}');
      const { resolveOptions } = await import('${new URL('../../build/options/resolve-options.js', import.meta.url).href}');
      const open = (sessions) => createCore(resolveOptions({ connection: process.env.DATABASE_URL, sessions }));
      const [core, other] = [open(${sessions}), open({})];
      const busy = ${sessions === '{}' ? 'undefined' : "await other.service.acquire('busy')"};
      const waiting = busy && [1, 2].map(() => core.service.acquire('busy', { timeout: 400 }));
      const first = ${before === '' ? 'undefined' : before};
      if (first) setTimeout(() => first.release(), 300);
      const lock = await core.service.acquire('y'${permits});
      await Promise.all(waiting ?? []); // in vain
      await busy?.release();
      // Nothing else than the lock keeps the process alive from now on.
      await new Promise((resolve) => setTimeout(resolve, 300).unref());
      await lock.release();
      console.log('released');`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, DATABASE_URL: database.url },
      timeout: 120_000,
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'released\n', stderr: '' });
  });

  it('ends when it is done with its locks', () => {
    const script = `
      const { createCore } = await import('${new URL('../../build/core/pg-lock-core.js', import.meta.url).href}');
      const { resolveOptions } = await import('${new URL('../../build/options/resolve-options.js', import.meta.url).href}');
      const core = createCore(resolveOptions({ connection: process.env.DATABASE_URL }));
      await core.service.advisory('x', () => undefined);
      const lock = await core.service.acquire('y');
      await lock.release();`;
    const startedAt = performance.now();
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, DATABASE_URL: database.url },
      timeout: 120_000,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(performance.now() - startedAt).toBeLessThan(45_000); // a session idles for a minute
  });
});

describe('a server that cannot be reached', () => {
  it('is told at once to who tries once, when that is known', async () => {
    const { service } = openCore(database, { connection: { host: '127.0.0.1', port: 1 } });
    await expect(service.acquire('x', { timeout: 0 })).rejects.toBeInstanceOf(LockSessionError);
    const error: unknown = await service.acquire('x', { timeout: 0 }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: '08006' });
  });

  it('is waited for by calls for several ids and for permits, too, within their timeout', async () => {
    const proxy = await throughProxy();
    const { service } = openCore(database, { connection: proxy.through(database.url) });
    await service.advisory('connected', () => undefined);
    await proxy.refuse();
    const calls = [
      service.acquire(['a', 'b'], { timeout: '2min' }),
      service.acquire(['c', 'd'], { timeout: null }),
      service.acquire('e', { permits: 2, timeout: '2min' }),
      service.acquire(['f', 'g'], { permits: 1, timeout: null }),
      service.advisory('h', () => service.acquire(['h', 'i'], { reentrant: true, timeout: null })),
    ];
    await expect(service.acquire('at once', { timeout: 0 })).rejects.toBeInstanceOf(LockSessionError);
    await expect(service.acquire(['at', 'once'], { timeout: 0 })).rejects.toBeInstanceOf(LockSessionError);
    await expect(service.acquire('at once', { permits: 2, timeout: 0 })).rejects.toBeInstanceOf(
      LockSessionError,
    );
    await proxy.listen();
    const handles = await Promise.all(calls);
    expect(handles.map((handle) => handle?.held)).toEqual([true, true, true, true, true]);
    await Promise.all(handles.map((handle) => handle?.release()));
  });

  it('is waited for by who stands first for a permit', async () => {
    const proxy = await throughProxy();
    const holder = openCore(database);
    const held = await holder.service.acquire('gpu', { permits: 1 });
    const { service } = openCore(database, { connection: proxy.through(database.url) });
    const waiting = service.acquire(['free', 'gpu'], { permits: 1, timeout: null });
    // A permit of the one, and the queue of the other.
    const isFirst = async () => {
      const { rowCount } = await database.admin.query(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> $1`,
        [held?.pid],
      );
      return rowCount === 2;
    };
    await eventually(isFirst);
    await proxy.refuse();
    await expect(service.acquire('at once', { timeout: 0 })).rejects.toBeInstanceOf(LockSessionError);
    await proxy.listen();
    await held?.release();
    const lock = await waiting;
    expect(lock?.held).toBe(true);
    await lock?.release();
  });

  it('keeps no call for several ids or for permits beyond its timeout, when a network swallows everything', async () => {
    const proxy = await throughProxy();
    const { service } = openCore(database, {
      connection: proxy.through(database.url),
      sessions: { lease: '3min', heartbeat: '1min' },
    });
    const holder = openCore(database);
    const held = await holder.service.acquire(2n);
    const permit = await holder.service.acquire('gpu', { permits: 1 });
    // One holds what it may not keep, the other the queue of the permit.
    const waiting = [
      service.acquire([1n, 2n], { timeout: '10s' }),
      service.acquire(['free', 'gpu'], { permits: 1, timeout: '10s' }),
    ];
    await eventually(async () => {
      const { rows } = await database.admin.query<{ count: number }>(
        `SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> ALL($1)`,
        [[held?.pid, permit?.pid]],
      );
      return rows[0]?.count === 3;
    });
    proxy.freeze();
    const begun = performance.now();
    const refused = [
      ...waiting,
      service.acquire(['a', 'b'], { timeout: 300 }),
      service.acquire('p', { permits: 2, timeout: 300 }),
      service.acquire(['q', 'r'], { permits: 2, timeout: 300 }),
    ];
    expect(await Promise.all(refused)).toEqual([null, null, null, null, null]);
    expect(performance.now() - begun).toBeLessThan(60_000);
    proxy.thaw();
    await Promise.all([held?.release(), permit?.release()]);
    await eventually(async () => (await advisoryLocks(database)).length === 0);
  });

  it('is known when a network swallows everything, once the lease is over', async () => {
    const proxy = await throughProxy();
    const { service } = openCore(database, {
      connection: proxy.through(database.url),
      sessions: { lease: '1s', heartbeat: '300ms' },
    });
    const lock = (await service.acquire('x')) as LockHandle;
    const lost = new Promise((resolve) => lock.signal.addEventListener('abort', resolve, { once: true }));
    proxy.freeze();
    await lost;
    const refused = (id: string) =>
      expect(service.acquire(id, { timeout: 0 })).rejects.toBeInstanceOf(LockSessionError);
    const tries = () => Promise.all(['y', 'z', 'more'].map(refused));
    expect(await quickest(300, tries)).toBeLessThan(300);
    proxy.thaw();
    proxy.cut();
  });

  it.each([
    ['a wrong password', '28P01', (url: URL) => (url.password = 'wrong')],
    ['a database that does not exist', '3D000', (url: URL) => (url.pathname = '/nosuch')],
  ])('is not %s, which is told at once', async (_, code, change) => {
    const role = await database.role(`r${code.toLowerCase()}`);
    const url = new URL(role.url);
    change(url);
    const { service } = openCore(database, { connection: url.href });
    const startedAt = performance.now();
    const outcome = await service.acquire('x', { timeout: '2min' }).catch((error: unknown) => error);
    if (code === '28P01' && outcome !== null && typeof outcome === 'object' && 'held' in outcome) return; // trusts
    expect(outcome).toMatchObject({ code });
    expect(performance.now() - startedAt).toBeLessThan(60_000);
  });
});

describe('a host that is not known', () => {
  it('is told at once, whatever the timeout', async () => {
    const { service } = openCore(database, { connection: { host: 'no.such.host', stream: unknownHost } });
    for (const timeout of [null, 0, '20s'] as const)
      await expect(service.acquire('x', { timeout, onContention: 'throw' })).rejects.toMatchObject({
        code: 'PGLOCK_CONFIGURATION',
        cause: { code: 'ENOTFOUND' },
      });
  });
});

describe('a loss', () => {
  it('by a blocked event loop says so, and for how long', async () => {
    const child = spawnChild(new URL('../support/children/holder.mjs', import.meta.url), {
      env: { PGLOCK_OPTIONS: JSON.stringify({ connection: database.url, sessions: { lease: '1s' } }) },
    });
    await child.next('ready');
    child.send('do', { verb: 'acquire', id: 'x', options: {} });
    await child.next('acquired');
    child.send('do', { verb: 'block', id: 'x', options: { ms: 2_000 } });
    const { cause } = await child.next('lost');
    const [, seconds] = /^The event loop was blocked for (\d+\.\d) s/.exec(cause as string) ?? [];
    expect(Number(seconds)).toBeGreaterThanOrEqual(1.5);
  });

  it('is told to every holder and listener, whatever one of them throws', async () => {
    const core = openCore(database);
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    database.defer(() => warnings.mockRestore());
    const heard: string[] = [];
    core.events.on('sessionEnded', () => {
      throw new Error('of a listener');
    });
    core.events.on('sessionEnded', () => void heard.push('second'));
    const locks = (await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((id) => core.service.acquire(id)),
    )) as LockHandle[];
    await database.admin.query('SELECT pg_terminate_backend($1)', [locks[0]?.pid]);
    await eventually(() => locks.every(({ signal }) => signal.aborted));
    await eventually(() => heard.length === 1);
    expect(warnings.mock.calls.map(([text]) => text)).toEqual([expect.stringContaining('of a listener')]);
  });
});

/** A connection to a name that does not resolve, wherever this runs. */
function unknownHost(): Socket {
  const socket = new Socket();
  const error = Object.assign(new Error('getaddrinfo ENOTFOUND no.such.host'), { code: 'ENOTFOUND' });
  socket.connect = () => {
    process.nextTick(() => socket.destroy(error));
    return socket;
  };
  return socket;
}
