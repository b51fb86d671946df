import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import pg from 'pg';
import { createCore } from '../../lib/core/pg-lock-core.js';
import { examine } from '../../lib/inspection/doctor/examine.js';
import type { Finding } from '../../lib/inspection/doctor/finding.js';
import { place } from '../../lib/inspection/doctor/place.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { PgBouncer, pgBouncerIsInstalled } from '../support/pgbouncer.js';
import { freePort } from '../support/postgres/free-port.mjs';
import { startPostgres, type OwnPostgresServer } from '../support/postgres/start-postgres.mjs';
import { eventually } from '../support/waiting.js';

/** A lock table that is soon full: 10 × (25 + 5). */
const SETTINGS = { max_connections: 25, max_prepared_transactions: 5, max_locks_per_transaction: 10 };

let server: OwnPostgresServer;
let admin: pg.Client;
let major = 0;
const clients: pg.Client[] = [];

beforeAll(async () => {
  server = await startPostgres({ own: true, settings: SETTINGS });
  admin = await connect();
  clients.pop();
  await admin.query('CREATE TABLE users (id int)');
  const { rows } = await admin.query<{ v: string }>(`SELECT current_setting('server_version_num') AS v`);
  major = Math.floor(Number(rows[0]?.v) / 10_000);
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()));
});

afterAll(async () => {
  await admin.end();
  await server.stop();
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.url, application_name: 'night job' });
  client.on('error', () => undefined);
  clients.push(client);
  await client.connect();
  return client;
}

let roles = 0;

/** A connection string of a new role; `then` may have `ROLE` in it. */
async function role(attributes: string, ...then: readonly string[]): Promise<string> {
  const name = `doctor_${String(++roles)}`;
  await admin.query(`CREATE ROLE ${name} LOGIN ${attributes}`);
  for (const sql of then) await admin.query(sql.replaceAll('ROLE', `ROLE ${name}`));
  const url = new URL(server.url);
  url.username = name;
  return url.href;
}

/** What the doctor says; transactions are idle for too long after so many milliseconds. */
async function findings(url: string, idleTooLongMs?: number): Promise<readonly Finding[]> {
  const core = createCore(resolveOptions({ connection: url }));
  try {
    return await examine({ observer: core.admin.observer, idleTooLongMs });
  } finally {
    await core.close();
  }
}

/** Those of one check that speak of something. */
async function about(
  check: string,
  part: string,
  url = server.url,
  idleTooLongMs?: number,
): Promise<Finding[]> {
  const all = await findings(url, idleTooLongMs);
  return all.filter((one) => one.check === check && ` ${one.text}`.includes(part));
}

const saying = (level: Finding['level'], remedy: string): unknown[] => [
  expect.objectContaining({ level, remedy: expect.stringContaining(remedy) as string }),
];

describe('the doctor tells of', () => {
  it('the server, and what it cannot tell', async () => {
    const before14 = major < 14;
    expect(await about('server', 'PostgreSQL')).toEqual(
      saying(before14 ? 'info' : 'ok', before14 ? 'since when a lock is awaited' : ''),
    );
  });

  it('a server before 13, and one that only speaks the protocol', async () => {
    const old = {
      version: () => Promise.resolve(120_015),
      isDirect: () => Promise.resolve(true),
      isBalanced: () => Promise.resolve(false),
    };
    const observer = { ...old, query: () => Promise.resolve([]) };
    expect(
      await place(observer, { version: '12.15', versionText: 'PostgreSQL 12.15 on x86_64' }),
    ).toContainEqual(
      expect.objectContaining({
        check: 'server',
        level: 'problem',
        remedy: 'Versions before 13 are not supported.',
      }),
    );
    const port = await freePort();
    const pglite = await PGlite.create();
    const socket = new PGLiteSocketServer({
      db: pglite,
      port,
      host: '127.0.0.1',
      maxConnections: 4,
    });
    await socket.start();

    expect(await about('server', 'PGlite', `postgres://postgres@127.0.0.1:${String(port)}/postgres`)).toEqual(
      saying('problem', 'Session-level locks are refused'),
    );
    await socket.stop();
    await pglite.close();
  });

  it('a pooler', async () => {
    expect(await about('pooler', 'connected to the server itself')).toEqual(saying('ok', ''));
    if (!pgBouncerIsInstalled) return;
    const bouncer = await PgBouncer.start(server.url, 2);
    try {
      expect(await about('pooler', 'a pooler stands between', bouncer.url)).toEqual(
        saying('problem', 'sessions.directConnection'),
      );
    } finally {
      await bouncer.stop();
    }
  });

  it('what the role may see and signal, and of whom it sees nothing', async () => {
    expect(await about('privileges', 'is a superuser')).toEqual(saying('ok', ''));
    const both = await role('IN ROLE pg_signal_backend, pg_read_all_stats');
    expect(await about('privileges', 'may see and signal', both)).toEqual(saying('ok', ''));
    const signals = await role('IN ROLE pg_signal_backend');
    expect(await about('privileges', 'may not see', signals)).toEqual(
      saying('warning', 'GRANT pg_read_all_stats TO'),
    );
    const sees = await role('IN ROLE pg_read_all_stats');
    expect(await about('privileges', 'may not signal', sees)).toEqual(
      saying('warning', 'GRANT pg_signal_backend TO'),
    );
    expect(await about('hidden', 'session', sees)).toEqual([]);
    expect(await about('hidden', 'sees no state', signals)).toEqual(saying('info', 'are counted and shown'));
  });

  it.each<[string, string, Finding['level'], string]>([
    ['idle_in_transaction_session_timeout', '0', 'warning', 'set a limit'],
    ['idle_in_transaction_session_timeout', '1min', 'ok', ''],
    ['lock_timeout', '0', 'info', 'pglock.timeout()'],
    ['lock_timeout', '2s', 'ok', ''],
    ['log_lock_waits', 'off', 'info', 'Set it to on'],
    ['log_lock_waits', 'on', 'ok', ''],
    ['deadlock_timeout', '2s', 'ok', ''],
    ['statement_timeout', '30s', 'info', 'while they wait for a lock'],
    ['transaction_timeout', '1min', 'info', 'their transaction-level locks'],
    ['idle_session_timeout', '1min', 'info', 'lock sessions have a limit of their own'],
    ['default_transaction_read_only', 'on', 'info', 'READ WRITE'],
  ])('the setting %s = %s of a role', async (name, value, level, remedy) => {
    if ((name === 'transaction_timeout' && major < 17) || (name === 'idle_session_timeout' && major < 14))
      return;
    const url = await role('', `ALTER ROLE SET ${name} = '${value}'`);
    expect(await about('settings', ` ${name} = `, url)).toEqual(saying(level, remedy));
  });

  it('no limit where there is none', async () => {
    for (const name of [
      'statement_timeout',
      'transaction_timeout',
      'idle_session_timeout',
      'default_transaction_read_only',
    ])
      expect(await about('settings', name)).toEqual([]);
  });

  it('how long a statement may be to be seen whole', async () => {
    expect(await about('settings', 'track_activity_query_size = 1024B')).toEqual(
      saying('info', '4kB or more'),
    );
  });

  it('limits of connections, and how near they are', async () => {
    expect(await about('connections', '')).toEqual([]);
    const far = await role('CONNECTION LIMIT 10');
    expect(await about('connections', '1 of 10 connections of role', far)).toEqual(
      saying('info', 'sessions.max'),
    );
    const near = await role('CONNECTION LIMIT 1');
    expect(await about('connections', '1 of 1 connections of role', near)).toEqual(
      saying('warning', 'CONNECTION LIMIT'),
    );
    await admin.query('ALTER DATABASE postgres CONNECTION LIMIT 24');
    expect(await about('connections', 'of 24 connections of database postgres')).toEqual(
      saying('info', 'sessions.max'),
    );
    await admin.query('ALTER DATABASE postgres CONNECTION LIMIT -1');
  });

  it('a lock table that fills up', async () => {
    expect(await about('lock table', 'locks in a table made for')).toEqual(saying('ok', ''));
    const client = await connect();
    await client.query('SELECT pg_advisory_lock(g) FROM generate_series(1, 200) g');
    expect(await about('lock table', 'locks in a table made for')).toEqual(
      saying('problem', 'raise max_locks_per_transaction'),
    );
  });

  it('sessions that wait', async () => {
    expect(await about('waiting', 'no session waits')).toEqual(saying('ok', ''));
    const holder = await connect();
    await holder.query('BEGIN; LOCK TABLE users');
    const waiting = [await connect(), await connect()].map(async (client) =>
      client.query('SELECT FROM users').catch(() => undefined),
    );
    const waits = async (count: number) =>
      (await admin.query('SELECT FROM pg_locks WHERE NOT granted')).rows.length === count;
    await eventually(() => waits(2));
    expect(await about('waiting', '2 sessions wait for locks')).toEqual(saying('warning', 'pglock tree'));
    await admin.query(`SELECT pg_cancel_backend(min(pid)) FROM pg_locks WHERE NOT granted`);
    await eventually(() => waits(1));
    expect(await about('waiting', '1 session waits for a lock')).toEqual(saying('warning', 'pglock tree'));
    await holder.query('COMMIT');
    await Promise.allSettled(waiting);
  });

  it('transactions that are idle, and prepared ones', async () => {
    expect(await about('idle transactions', 'none longer than 5m')).toEqual(saying('ok', ''));
    const client = await connect();
    await client.query('BEGIN; SELECT FROM users');
    const pid = String((client as unknown as { processID: number }).processID);
    await eventually(async () => {
      const told = await about(
        'idle transactions',
        `backend ${pid} (night job, postgres) idle`,
        server.url,
        1,
      );
      expect(told).toEqual(saying('warning', `pglock ${pid} --terminate`));
      return true;
    });
    await client.query(`PREPARE TRANSACTION 'it''s kept'`);
    expect(await about('prepared transactions', "it's kept of postgres")).toEqual(
      saying('warning', "ROLLBACK PREPARED 'it''s kept'"),
    );
    await admin.query(`ROLLBACK PREPARED 'it''s kept'`);
    expect(await about('prepared transactions', '')).toEqual([]);
  });

  it('sessions that have committed and wait for a standby', async () => {
    const standbys = async (names: string) => {
      await admin.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
      await admin.query('SELECT pg_reload_conf()');
      await eventually(async () => {
        const { rows } = await admin.query<{ names: string }>(
          "SELECT current_setting('synchronous_standby_names') AS names",
        );
        return rows[0]?.names === names;
      });
    };
    await standbys('missing');
    const client = await connect();
    const committed = client.query("SET synchronous_commit = 'on'; INSERT INTO users VALUES (1)");
    await eventually(async () => {
      expect(await about('replication', '1 session has committed')).toEqual(
        saying('warning', "now 'missing'"),
      );
      return true;
    });
    await standbys('');
    await committed;
    expect(await about('replication', '')).toEqual([]);
  });
});
