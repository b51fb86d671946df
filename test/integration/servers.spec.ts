import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import pg from 'pg';
import { createCore, type PgLockCore } from '../../lib/core/pg-lock-core.js';
import { LockLostError } from '../../lib/errors/lock-lost.error.js';
import { ReadReplicaError } from '../../lib/errors/read-replica.error.js';
import { ServerNotSupportedError } from '../../lib/errors/server-not-supported.error.js';
import type { LockHandle } from '../../lib/locks/lock-handle.js';
import { examine } from '../../lib/inspection/doctor/examine.js';
import type { PgLockService } from '../../lib/pg-lock.service.js';
import type { PgLockModuleOptions } from '../../lib/options/pg-lock-options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { otherServer } from '../../lib/session/server-check.js';
import { FaultyProxy } from '../support/proxy.js';
import { freePort } from '../support/postgres/free-port.mjs';
import { startPostgres, type OwnPostgresServer } from '../support/postgres/start-postgres.mjs';
import { eventually } from '../support/waiting.js';

const major = Number(process.env['PGLOCK_TEST_POSTGRES'] ?? 18);
const withStandby = major >= 15 ? describe : describe.skip;
const cores: PgLockCore[] = [];

function core(url: string, options: PgLockModuleOptions = {}): PgLockCore {
  const made = createCore(resolveOptions({ connection: url, ...options }));
  cores.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(cores.splice(0).map((one) => one.close()));
});

const asked = async <T>(url: string, sql: string): Promise<T[]> => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows as T[];
  } finally {
    await client.end();
  }
};

withStandby('a hot standby', () => {
  let primary: OwnPostgresServer;
  let standby: OwnPostgresServer;

  beforeAll(async () => {
    primary = await startPostgres({
      own: true,
      settings: { wal_level: 'replica', max_wal_senders: 5, hot_standby: 'on' },
    });
    await asked(primary.url, 'CREATE TABLE users (id int)');
    standby = await primary.standby();
    await eventually(() => asked(standby.url, 'SELECT * FROM users'));
  });

  afterAll(async () => {
    await standby.stop();
    await primary.stop();
  });

  it('refuses session-level and transaction-level locks, in words, and keeps none', async () => {
    const { service } = core(standby.url);
    const attempts = [
      () => service.acquire('billing', { timeout: 0 }),
      () => service.advisory('billing', () => 'worked'),
      () => service.advisory('billing', { xact: true }, () => 'worked'),
      () => service.advisory('billing', { xact: true, timeout: 0 }, () => 'worked'),
      () => service.transaction(() => service.model('users', { mode: 'SHARE' })),
      () => service.transaction(() => service.model('users', { mode: 'SHARE', timeout: 0 })),
    ];
    for (const attempt of attempts) {
      const error: unknown = await attempt().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ReadReplicaError);
      expect(error).toMatchObject({ code: 'PGLOCK_READ_REPLICA' });
      expect((error as Error).message).toContain('a lock there excludes no session of the primary');
    }
    expect(await asked(standby.url, "SELECT FROM pg_locks WHERE locktype = 'advisory'")).toEqual([]);
  });

  it('takes them with allowStandby, and gives no fencing token', async () => {
    const { service } = core(standby.url, { sessions: { allowStandby: true } });
    const lock = await service.acquire('billing', { timeout: 0 });
    expect(lock?.held).toBe(true);
    await expect(lock?.fencingToken()).rejects.toBeInstanceOf(ReadReplicaError);
    expect(await service.advisory('invoice', { xact: true }, () => 'worked')).toBe('worked');
    await lock?.release();
  });

  it('is told by the doctor, with allowStandby, too', async () => {
    for (const allowStandby of [false, true]) {
      const { observer } = core(standby.url, { sessions: { allowStandby } }).admin;
      const found = (await examine({ observer })).find(({ check }) => check === 'role of server');
      expect(found).toMatchObject({
        level: 'problem',
        text: expect.stringContaining('read replica') as string,
      });
    }
    const { observer } = core(primary.url).admin;
    expect(await examine({ observer })).not.toContainEqual(
      expect.objectContaining({ check: 'role of server' }),
    );
  });

  it.each(['session-level', 'transaction-level'])(
    'gives no fencing token to a %s lock with allowStandby, in words',
    async (level) => {
      const { service } = core(standby.url, { sessions: { allowStandby: true } });
      const token = service.advisory('billing', { xact: level === 'transaction-level' }, (lock) =>
        lock.fencingToken(),
      );
      await expect(token).rejects.toMatchObject({
        code: 'PGLOCK_READ_REPLICA',
        message: expect.stringContaining('a fencing token') as string,
      });
      const pair = service.advisory('billing', { xact: level === 'transaction-level' }, (lock) =>
        lock.fencingToken({ epoch: true }),
      );
      // Only session-level locks know the epoch at all.
      const code = level === 'session-level' ? 'PGLOCK_READ_REPLICA' : 'PGLOCK_USAGE';
      await expect(pair).rejects.toMatchObject({ code });
    },
  );

  it.each<[string, (service: PgLockService) => Promise<unknown>]>([
    ['leaders', (service) => service.lead('poller', () => 'led')],
    ['permits', (service) => service.advisory('gpu', { permits: 2, timeout: 0 }, () => 'worked')],
    ['permits held by hand', (service) => service.acquire('gpu', { permits: 2, timeout: 0 })],
  ])('has no %s with allowStandby, in words', async (_, use) => {
    const { service } = core(standby.url, { sessions: { allowStandby: true } });
    await expect(use(service)).rejects.toMatchObject({
      code: 'PGLOCK_READ_REPLICA',
      message: expect.stringContaining('read replica') as string,
    });
  });

  it('shows in its tree by whom the replay is held up, and whom it holds up', async () => {
    const reader = new pg.Client({ connectionString: standby.url, application_name: 'report' });
    await reader.connect();
    await reader.query('BEGIN');
    await reader.query('SELECT * FROM users');
    await asked(primary.url, 'ALTER TABLE users ADD COLUMN name text');
    const { service } = core(standby.url);
    await eventually(async () => (await service.blocked.tree()).length > 0);
    const second = new pg.Client({ connectionString: standby.url, application_name: 'second' });
    await second.connect();
    const waits = second.query('SELECT * FROM users').catch(() => undefined);
    await eventually(async () => (await service.blocked.tree())[0]?.holdsUp.count === 2);
    const [root, ...others] = await service.blocked.tree();
    expect(others).toEqual([]);
    expect(root?.activity.applicationName).toBe('report');
    expect(root?.blocked[0]?.activity.backendType).toBe('startup');
    expect(root?.blocked[0]?.blocked[0]?.activity.applicationName).toBe('second');
    await reader.query('COMMIT');
    await waits;
    await reader.end();
    await second.end();
  });

  it('is promoted while the library holds, leads and waits: what was held is lost, who waited has it', async () => {
    const address = { port: primary.port };
    const proxy = await new FaultyProxy(() => address.port).listen();
    const url = proxy.through(primary.url);
    const ask = (lock: LockHandle) => lock.fencingToken({ epoch: true });
    const before = await core(url).service.advisory('ledger', ask);
    expect(before).toEqual({ epoch: 1n, token: expect.any(BigInt) as bigint });
    const [holder, waiter] = [core(url), core(url)];
    const held = await holder.service.acquire('ledger', { timeout: 0 });
    const terms: bigint[] = [];
    const leading = holder.service.lead('poller', async ({ term, signal }) => {
      terms.push(term);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    const waits = waiter.service.acquire('ledger', { timeout: null });
    await eventually(async () => {
      const rows = await asked(
        primary.url,
        "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
      );
      return rows.length === 1 && terms.length === 1;
    });
    await expect(core(standby.url).service.acquire('ledger', { timeout: 0 })).rejects.toBeInstanceOf(
      ReadReplicaError,
    );
    await primary.kill();
    await eventually(() => held?.held === false);
    expect(held?.signal.reason).toBeInstanceOf(LockLostError);
    await asked(standby.url, 'SELECT pg_promote(true)');
    address.port = standby.port;
    const got = await waits;
    expect(got?.held).toBe(true);
    expect((await asked(standby.url, 'SELECT pg_backend_pid()')).length).toBe(1);
    const after = await ask(got!);
    expect(after.epoch).toBe(before.epoch + 1n);
    await eventually(() => terms.length === 2);
    await got?.release();
    holder.leaders.stop();
    await leading;
    await Promise.all(cores.splice(0).map((one) => one.close()));
    await proxy.close();
    await primary.start();
  });
});

describe('a server that only speaks the protocol', () => {
  it('PGlite is refused, and its one session keeps the settings that it had', async () => {
    const db = await PGlite.create();
    const port = await freePort();
    const server = new PGLiteSocketServer({ db, port, host: '127.0.0.1', maxConnections: 10 });
    await server.start();
    const settings = `SELECT current_setting('search_path') AS path, current_setting('idle_session_timeout') AS idle, current_setting('statement_timeout') AS statement`;
    const before = (await db.query(settings)).rows;
    const { service } = core(`postgres://postgres@127.0.0.1:${port}/postgres`);
    await expect(service.acquire('billing', { timeout: 0 })).rejects.toBeInstanceOf(ServerNotSupportedError);
    await expect(service.advisory('billing', () => 1)).rejects.toMatchObject({
      code: 'PGLOCK_SERVER',
      message: expect.stringContaining('PGlite') as string,
    });
    await service.locks.find();
    await Promise.all(cores.splice(0).map((one) => one.close()));
    expect((await db.query(settings)).rows).toEqual(before);
    await server.stop();
    await db.close();
  });

  it.each([
    ['CockroachDB CCL v24.3.1 (x86_64-pc-linux-gnu)', 'CockroachDB'],
    ['PostgreSQL 15.2-YB-2.25.0.0-b0 on x86_64-pc-linux-gnu', 'YugabyteDB'],
    [
      'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2, Redshift 1.0.77467',
      'Amazon Redshift',
    ],
    ['PostgreSQL 18.6 (PGlite 0.5.14) on wasm32-unknown-emscripten, compiled by emcc', 'PGlite'],
  ])('is recognised by its version: %s', (text, name) => {
    expect(otherServer(text)?.name).toBe(name);
  });

  it.each([
    'PostgreSQL 18.4 on x86_64-pc-linux-gnu, compiled by gcc 13.2.0, 64-bit',
    'PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu',
    'PostgreSQL 17.5 (Homebrew) on aarch64-apple-darwin24.4.0',
  ])('is not: %s', (text) => {
    expect(otherServer(text)).toBeUndefined();
  });
});
