import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import pg from 'pg';
import { createCore, type PgLockCore } from '../../lib/core/pg-lock-core.js';
import { ReadReplicaError } from '../../lib/errors/read-replica.error.js';
import { ServerNotSupportedError } from '../../lib/errors/server-not-supported.error.js';
import type { LockHandle } from '../../lib/locks/lock-handle.js';
import type { PgLockModuleOptions } from '../../lib/options/pg-lock-options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { otherServer } from '../../lib/session/server-check.js';
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
    await eventually(() => asked(standby.url, 'SELECT * FROM users'), { timeout: 20_000 });
  }, 90_000);

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
      expect((error as Error).message).toContain('a lock there excludes nobody on the primary');
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

  it('is promoted while the library holds and waits: old locks are lost, new ones are taken', async () => {
    const ask = (lock: LockHandle) => lock.fencingToken({ epoch: true });
    const before = await core(primary.url).service.advisory('ledger', ask);
    const holder = core(primary.url);
    const held = await holder.service.acquire('ledger', { timeout: 0 });
    const onStandby = core(standby.url);
    await expect(onStandby.service.acquire('ledger', { timeout: 0 })).rejects.toBeInstanceOf(
      ReadReplicaError,
    );
    await primary.kill();
    await eventually(() => held?.held === false, { timeout: 15_000 });
    await asked(standby.url, 'SELECT pg_promote(true)');
    const after = await onStandby.service.advisory('ledger', ask);
    expect(after.epoch).toBe(before.epoch + 1n);
    expect(before).toEqual({ epoch: 1n, token: expect.any(BigInt) as bigint });
    await primary.start();
  }, 60_000);
});

describe('a server that only speaks the protocol', () => {
  it('PGlite is refused, and its one session keeps the settings that it had', async () => {
    const db = await PGlite.create();
    const port = 20_000 + (process.pid % 10_000);
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
  }, 60_000);

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
