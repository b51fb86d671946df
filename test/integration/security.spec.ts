import { inspect } from 'node:util';
import { Logger, type LoggerService } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import pg from 'pg';
import type { LockHandle } from '../../lib/locks/lock-handle.js';
import { createCore, type PgLockCore } from '../../lib/core/pg-lock-core.js';
import { PgLockModule } from '../../lib/pg-lock.module.js';
import type { PgLockModuleOptions } from '../../lib/options/pg-lock-options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { PgLockService } from '../../lib/pg-lock.service.js';
import { openCore } from '../support/cores.js';
import { cliFolder } from '../support/cli.js';
import { deferred, useDatabase, type TestDatabase } from '../support/database.js';
import { startPostgres, type OwnPostgresServer } from '../support/postgres/start-postgres.mjs';
import { FaultyProxy } from '../support/proxy.js';

const database = useDatabase({ schema: 'CREATE TABLE orders (n int); INSERT INTO orders VALUES (1)' });

/** Every verb of the service, on a session of the role's own. Gives what each came to. */
async function everyVerb(core: PgLockCore): Promise<Record<string, unknown>> {
  const results: Record<string, unknown> = {};
  for (const [verb, run] of Object.entries(verbsOf(core)))
    results[verb] = await run().then(
      () => 'done',
      (error: unknown) => error,
    );
  return results;
}

function verbsOf({ service, advisory }: PgLockCore): Record<string, () => Promise<unknown>> {
  return {
    advisory: () => service.advisory('a', { timeout: '60s' }, (lock) => lock.fencingToken()),
    acquire: async () => (await service.acquire(['b', [1, 2], 3n], { timeout: '60s' }))?.release(),
    shared: async () => (await service.acquire(['a', 'b'], { shared: true, holdAtLeast: 1 }))?.release(),
    isBusy: () => advisory.isBusy('a'),
    xactWaiting: () =>
      service.timeout('1s', () => {
        const { signal } = new AbortController();
        return service.advisory(['c', 'd'], { xact: true, shared: true, signal }, () => undefined);
      }),
    scopeSession: async () => {
      const client = await service.pool.connect();
      await service.timeout('50ms', () => service.scopeSession(client)).finally(() => client.release());
    },
    count: () => service.locks.count(),
    signal: async () => {
      const nobody = { ids: ['nobody'] };
      await service.locks.cancelActivity(nobody);
      await service.locks.terminateActivity(nobody);
      await service.blocked.cancelBlockingActivity(nobody);
      await service.blocked.terminateBlockingActivity(nobody);
    },
    xact: () => service.advisory('c', { xact: true }, (lock) => lock.fencingToken()),
    transaction: () =>
      service.transaction(async (tx) => {
        await (await service.acquire('d', { transaction: tx, timeout: '60s' }))?.fencingToken();
        await service.model('orders', { transaction: tx, mode: 'SHARE', timeout: '60s' });
        await service.timeout('50ms', { transaction: tx }, () => tx.query('SELECT 1'));
      }),
    timeout: () =>
      service.timeout('50ms', () => service.timeout('20ms', () => service.pool.query('SELECT 1'))),
    withContext: () => service.withContext({ job: 'a' }, () => service.pool.query('SELECT 1')),
    locks: () =>
      service.locks.find({
        on: 'orders',
        where: { granted: true, activity: { duration: { gte: 0 } } },
        limit: 3,
      }),
    blocked: () => service.blocked.find(),
    tree: () => service.blocked.tree(),
    prioritize: () =>
      service.prioritize({ interval: '50ms', timeout: '100ms' }, () => service.pool.query('SELECT 1')),
  };
}

const ALL_DONE = Object.fromEntries(Object.keys(verbsOf({} as PgLockCore)).map((verb) => [verb, 'done']));

/** What the command does that signals nobody, through the same connection string. */
const COMMANDS: readonly (readonly string[])[] = [
  ['--json'],
  ['--blocking', '-e'],
  ['-f', 'activity.duration>=1s'],
  ['--id', 'x'],
  ['tree', '--json'],
  ['doctor'],
  ['run', '--id', 'x', '--prioritize', '--lock-timeout', '5s', '--', process.execPath, '-e', '0'],
];

/** What each of them said that did not end well. */
async function complaints(db: TestDatabase, url: string): Promise<unknown[]> {
  const folder = cliFolder(db);
  const results = await Promise.all(COMMANDS.map((args) => folder.pglock(args, { DATABASE_URL: url })));
  return results.filter(({ code, stderr }) => code !== 0 || /evil|error/i.test(stderr));
}

describe('no secret is told to anybody', () => {
  const SECRET = 'p@ss:w/rd#% ?&=+"\'\\é';
  /** What of it must not be found, in any spelling. */
  const TRACES = [
    SECRET,
    encodeURIComponent(SECRET),
    encodeURI(SECRET),
    JSON.stringify(SECRET).slice(1, -1),
    'ss:w/rd',
    'ss%3Aw',
  ];
  const user = (url: string, password = SECRET) => {
    const parts = new URL(url);
    parts.username = 'somebody';
    parts.password = password;
    return parts.href;
  };

  let server: OwnPostgresServer;
  const said: unknown[] = [];

  beforeAll(async () => {
    server = await startPostgres({ own: true });
    const admin = new pg.Client(server.url);
    await admin.connect();
    // From now on only the superuser is believed without a password.
    await admin.query(`CREATE ROLE somebody LOGIN PASSWORD 'another'`);
    const { rows } = await admin.query<{ hba_file: string }>('SHOW hba_file');
    const lines = `host all postgres all trust', 'host all all all scram-sha-256`;
    await admin.query(`COPY (SELECT unnest(ARRAY['${lines}'])) TO '${String(rows[0]?.hba_file)}'`);
    await admin.query('SELECT pg_reload_conf()');
    await admin.end();
  });
  afterAll(() => server.stop());

  const CASES: Record<string, () => PgLockModuleOptions | Promise<PgLockModuleOptions>> = {
    'a wrong password in a URL': () => ({ connection: user(server.url) }),
    'a wrong password beside the rest': () => ({
      connection: { ...parts(server.url), user: 'somebody', password: SECRET },
    }),
    'a wrong password in a lent pool': () => {
      const pool = new pg.Pool({ ...parts(server.url), user: 'somebody', password: SECRET });
      database.defer(() => pool.end());
      return { pool };
    },
    'a wrong password of the direct connection': () => ({
      connection: server.url,
      sessions: { directConnection: user(server.url) },
    }),
    'a port where nobody listens': () => ({ connection: user('postgres://127.0.0.1:1/postgres') }),
    'a host that does not exist': () => ({ connection: user('postgres://nowhere.invalid/postgres') }),
    'a password that makes the URL unreadable': () => ({
      connection: `postgres://somebody:${SECRET}@127.0.0.1:x/postgres`,
    }),
    'a connection string that is none': () => ({
      connection: `host=localhost user=somebody password=${SECRET}`,
    }),
    'a server that hangs up': async () => {
      const proxy = await new FaultyProxy(() => server.port).listen();
      proxy.welcome = { kind: 'reset' };
      database.defer(() => proxy.close());
      return { connection: user(proxy.through(server.url)) };
    },
    'an option that is wrong': () => ({ connection: user(server.url), sessions: user(server.url) as never }),
    'a connection of the wrong kind': () => ({ connection: [user(server.url)] as never }),
  };

  beforeEach(() => said.splice(0));

  it.each(Object.entries(CASES))('%s: not by errors, events or properties', async (_, options) => {
    try {
      const core = createCore(resolveOptions(await options()));
      database.defer(() => core.close());
      for (const name of ['lockLost', 'sessionEnded', 'blockerSignalled', 'prioritizeFailed'] as const)
        core.events.on(name, (event: unknown) => said.push(event));
      const results = await everyVerb(core);
      said.push(results, core.service);
      expect(Object.values(results)).not.toEqual(
        expect.arrayContaining(['done', 'done', 'done', 'done', 'done', 'done']),
      );
    } catch (error) {
      said.push(error);
    }
    expectNoTraceOf(said);
  });

  it('nor by the log of an application that does not come up, or lives with it', async () => {
    Logger.overrideLogger(listener(said));
    for (const options of Object.values(CASES)) {
      const app = await Test.createTestingModule({ imports: [PgLockModule.forRoot(await options())] })
        .setLogger(listener(said))
        .compile()
        .catch((error: unknown) => void said.push(error));
      if (app === undefined) continue;
      await app.init().catch((error: unknown) => said.push(error));
      await app
        .get(PgLockService)
        .acquire('x', { timeout: '1s' })
        .catch((error: unknown) => said.push(error));
      await app.close();
    }
    expect(said.length).toBeGreaterThan(Object.keys(CASES).length / 2);
    expectNoTraceOf(said);
  });

  function expectNoTraceOf(things: readonly unknown[]): void {
    expect(things.length).toBeGreaterThan(0);
    const shown = things
      .map((thing) => `${inspect(thing, { depth: 8, showHidden: false })} ${stringified(thing)}`)
      .join('\n');
    for (const trace of TRACES) expect(shown).not.toContain(trace);
  }
});

function listener(said: unknown[]): LoggerService {
  const hear = (...args: unknown[]) => void said.push(args);
  return { log: hear, error: hear, warn: hear, debug: hear, verbose: hear, fatal: hear };
}

function stringified(thing: unknown): string {
  try {
    return JSON.stringify(thing, (_, value: unknown) =>
      value instanceof Error
        ? {
            properties: Object.entries(value),
            message: value.message,
            stack: value.stack,
            cause: value.cause,
          }
        : value,
    );
  } catch {
    return '';
  }
}

function parts(url: string): pg.PoolConfig {
  const { hostname, port, pathname } = new URL(url);
  return { host: hostname, port: Number(port), database: pathname.slice(1) };
}

describe('a role with no privilege but to log in', () => {
  let url: string;

  beforeAll(async () => {
    ({ url } = await database.role('least'));
    await database.admin.query(
      `REVOKE ALL ON SCHEMA public FROM PUBLIC; REVOKE TEMP ON DATABASE ${database.name} FROM PUBLIC`,
    );
  });
  afterAll(() => database.admin.query('GRANT USAGE ON SCHEMA public TO PUBLIC'));

  it('takes advisory locks of every kind, limits waits, and sees locks', async () => {
    const results = await everyVerb(openCore(database, { connection: url }));
    expect(results).toEqual({
      ...ALL_DONE,
      transaction: expect.objectContaining({ name: 'LockTargetError' }) as unknown, // it sees no schema,
    });
  });

  it('has all commands', async () => {
    expect(await complaints(database, url)).toEqual([]);
  });

  it('waits, and is waited for, as everybody else', async () => {
    const [least, other] = [openCore(database, { connection: url }), openCore(database)];
    const lock = await other.service.acquire('x');
    const next = least.service.acquire('x', { timeout: '60s' });
    await database.waitForWaiter();
    await lock?.release();
    const again = other.service.acquire('x', { timeout: '60s' });
    await database.waitForWaiter();
    await (await next)?.release();
    await (await again)?.release();
  });

  it('does so also where its transactions are read-only', async () => {
    await database.admin.query(`ALTER ROLE ${new URL(url).username} SET default_transaction_read_only = on`);
    const results = await everyVerb(openCore(database, { connection: url }));
    await database.admin.query(`ALTER ROLE ${new URL(url).username} RESET default_transaction_read_only`);
    expect(results).toEqual({
      ...ALL_DONE,
      transaction: expect.objectContaining({ name: 'LockTargetError' }) as unknown, // it sees no schema,
    });
  });

  it('may not signal a session of another role: it is said, and with what to do', async () => {
    const stranger = await database.connect();
    await stranger.query('BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE');
    const { service } = openCore(database, { connection: url });
    const pids = [database.pidOf(stranger)];
    await expect(service.locks.terminateActivity({ pids })).rejects.toMatchObject({
      code: '42501',
      message: expect.stringContaining('GRANT pg_signal_backend') as unknown,
    });
    expect((await stranger.query<{ n: number }>('SELECT n FROM orders')).rows).toEqual([{ n: 1 }]);
  });

  it.each([
    ['ACCESS SHARE', 'SELECT'],
    ['SHARE', 'UPDATE'],
    ['ACCESS EXCLUSIVE', 'TRUNCATE'],
  ] as const)('locks a table in %s mode with %s on it, and not without', async (mode, privilege) => {
    const role = new URL(url).username;
    await database.admin.query(`GRANT USAGE ON SCHEMA public TO ${role}`);
    const { service } = openCore(database, { connection: url });
    const lock = () => service.transaction((tx) => service.model('orders', { transaction: tx, mode }));
    await expect(lock()).rejects.toMatchObject({ name: 'PermissionError', code: '42501' });
    await database.admin.query(`GRANT ${privilege} ON orders TO ${role}`);
    await expect(lock()).resolves.toBe(true);
    await database.admin.query(
      `REVOKE ALL ON orders FROM ${role}; REVOKE USAGE ON SCHEMA public FROM ${role}`,
    );
  });
});

/** Types whose operators the library could use, and be given others instead. */
const TYPES = [
  'int2',
  'int4',
  'int8',
  'oid',
  'float8',
  'numeric',
  'text',
  'name',
  'bool',
  'timestamptz',
  'interval',
  'xid',
  'inet',
  '"char"',
];
const FUNCTIONS = [
  'unnest',
  'string_agg',
  'array_agg',
  'concat',
  'coalesce_',
  'current_setting',
  'set_config',
  'pg_backend_pid',
  'version',
  'strpos',
  'date_part',
  'to_char',
  'pg_blocking_pids',
  'pg_try_advisory_lock',
  'pg_try_advisory_lock_shared',
  'pg_advisory_lock',
  'pg_advisory_lock_shared',
  'pg_advisory_unlock',
  'pg_advisory_unlock_shared',
  'pg_advisory_unlock_all',
  'pg_try_advisory_xact_lock',
  'pg_try_advisory_xact_lock_shared',
  'pg_advisory_xact_lock',
  'pg_advisory_xact_lock_shared',
  'pg_current_xact_id',
  'pg_logical_emit_message',
  'pg_current_xact_id_if_assigned',
  'current_database',
  'clock_timestamp',
  'now',
  'pg_terminate_backend',
  'pg_cancel_backend',
  'pg_has_role',
  'generate_series',
  'array_length',
  'cardinality',
  'left',
  'count',
  'max',
  'min',
  'bool_or',
  'row_number',
  'int4range',
  'jsonb_agg',
  'hashtext',
  'greatest_',
];
const RELATIONS = [
  'pg_locks',
  'pg_stat_activity',
  'pg_class',
  'pg_namespace',
  'pg_database',
  'pg_settings',
  'pg_roles',
  'pg_prepared_xacts',
  'pg_stat_replication',
  'pg_replication_slots',
  'pg_tables',
  'orders',
];

/** A schema with a trap for every name and operator, which springs by an error. */
const EVIL = `
  CREATE SCHEMA evil;
  CREATE FUNCTION evil.boom() RETURNS pg_catalog.text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil''; END';
  DO $$
  DECLARE f record; body text := 'BEGIN RAISE EXCEPTION ''evil''; END';
  BEGIN
    FOR f IN SELECT p.oid, proname, pg_get_function_identity_arguments(p.oid) AS args, prorettype::regtype AS result, proretset
        FROM pg_proc p WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND proname = ANY ('{${FUNCTIONS.join(',')}}')
         AND NOT EXISTS (SELECT FROM unnest(proargtypes) a JOIN pg_type t ON t.oid = a WHERE t.typtype = 'p' AND (t.typname = 'any' OR t.typname NOT LIKE 'any%'))
    LOOP
      EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s %s LANGUAGE plpgsql AS %L', f.proname, f.args,
        CASE WHEN f.proretset THEN 'SETOF' ELSE '' END, f.result, body);
    END LOOP;
    -- The exact signatures, which go before polymorphic ones wherever they stand.
    CREATE FUNCTION evil.unnest(pg_catalog.int8[]) RETURNS SETOF pg_catalog.int8 LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil''; END';
    CREATE FUNCTION evil.unnest(pg_catalog.int4[]) RETURNS SETOF pg_catalog.int4 LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil''; END';
    CREATE FUNCTION evil.unnest(pg_catalog.text[]) RETURNS SETOF pg_catalog.text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil''; END';
    CREATE FUNCTION evil.unnest(pg_catalog.bool[]) RETURNS SETOF pg_catalog.bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil''; END';
    FOR f IN SELECT DISTINCT oprname, oprleft, oprright, oprresult, l.typname AS l, r.typname AS r, o.oprresult::regtype AS result
        FROM pg_operator o JOIN pg_type l ON l.oid = oprleft JOIN pg_type r ON r.oid = oprright
        WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b'
         AND oprleft = ANY ('{${TYPES.join(',')}}'::regtype[]) AND oprright = ANY ('{${TYPES.join(',')}}'::regtype[])
    LOOP
      EXECUTE format('CREATE FUNCTION evil.op_%s_%s(pg_catalog.%I, pg_catalog.%I) RETURNS %s LANGUAGE plpgsql AS %L',
        md5(f.oprname), f.l || '_' || f.r, f.l, f.r, f.result, body);
      EXECUTE format('CREATE OPERATOR evil.%s (FUNCTION = evil.op_%s_%s, LEFTARG = pg_catalog.%I, RIGHTARG = pg_catalog.%I)',
        f.oprname, md5(f.oprname), f.l || '_' || f.r, f.l, f.r);
    END LOOP;
  END $$;
  CREATE FUNCTION evil.any_equal(anyelement, anyelement) RETURNS pg_catalog.bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil''; END';
  ${[
    'int2',
    'int4',
    'int8',
    'oid',
    'float8',
    'text',
    'name',
    'bool',
    'timestamptz',
    'interval',
    'regclass',
    'jsonb',
    'xid',
  ]
    .map((type) => `CREATE DOMAIN evil.${type} AS pg_catalog.text CHECK (evil.boom() IS NULL);`)
    .join('\n')}
  ${RELATIONS.map((name) => `CREATE VIEW evil.${name} AS SELECT evil.boom() AS pid;`).join('\n')}
  GRANT USAGE ON SCHEMA evil TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA evil TO PUBLIC;`;

describe('a hostile search_path', () => {
  const hostile = useDatabase({ schema: 'CREATE TABLE orders (n int); INSERT INTO orders VALUES (1)' });
  let url: string;

  beforeAll(async () => {
    await hostile.admin.query(EVIL);
    await hostile.admin.query(`ALTER DATABASE ${hostile.name} SET search_path = evil, pg_catalog, public`);
    const role = await hostile.role('lured', 'SUPERUSER');
    await hostile.admin.query(`ALTER ROLE ${role.name} SET search_path = evil, pg_catalog, public`);
    ({ url } = role);
  });

  it('is one: what is not qualified springs a trap', async () => {
    const client = await hostile.connect({ connectionString: url });
    for (const lured of [
      'SELECT 1 = 1',
      `SELECT 'a' || 'b'::pg_catalog.text`,
      'SELECT now()',
      `SELECT '1'::text`,
      'SELECT * FROM pg_locks',
      `SELECT * FROM unnest('{1}'::pg_catalog.int8[])`,
      'SELECT 1::int4',
      `SELECT 'a'::pg_catalog.text <> 'b'`,
    ])
      await expect(client.query(lured)).rejects.toThrow(/evil/);
  });

  it.each([
    ['a session of the module', () => ({ connection: url })],
    ['a pool that is lent', () => ({ connection: undefined, pool: lentPool() })],
  ])('lures none of its verbs on %s', async (_, options) => {
    const core = openCore(hostile, options());
    const results = await everyVerb(core);
    expect(results).toEqual(ALL_DONE);
    await core.service.transaction(async (tx) => {
      expect(await core.service.model('public.orders', { transaction: tx, timeout: '60s' })).toBe(true);
      await core.service.timeout('1s', { transaction: tx }, () =>
        core.service.timeout(null, { transaction: tx }, () => undefined),
      );
    });
  });

  it('lures no wait, hand-over, deadlock watch, guard, question or signal', async () => {
    const [a, b] = [openCore(hostile, { connection: url }), openCore(hostile, { connection: url })];
    const mine = (await a.service.acquire('x')) as LockHandle;
    const waiting = b.service.advisory('y', () => b.service.acquire('x', { timeout: '60s' }));
    const waiter = await hostile.waitForWaiter();
    expect(await b.advisory.isBusy('x')).toBe(true);
    const { rows } = await hostile.admin.query<{ server_version_num: string }>('SHOW server_version_num');
    // PostgreSQL 13 does not tell since when a session waits.
    const sinceWhen = Number(rows[0]?.server_version_num) < 140_000 ? {} : { waitDuration: { gte: 0 } };
    const deadlock = a.service.advisory('y', { timeout: '60s' }, () => undefined);
    expect(
      await b.service.blocked.find({ where: { activity: { pid: waiter.pid }, ...sinceWhen } }),
    ).toHaveLength(1);
    expect(await b.service.locks.find({ ids: ['x'], orderBy: { waitDuration: 'desc' } })).toHaveLength(2);
    expect(await b.service.blocked.tree()).not.toHaveLength(0);
    await mine.release();
    await (await waiting)?.release();
    await deadlock;
    const victim = await hostile.connect({ connectionString: url });
    await victim.query('BEGIN');
    await victim.query('LOCK TABLE public.orders');
    const outcomes = await b.service.locks.terminateActivity({ pids: [hostile.pidOf(victim)] });
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['terminated']);
  });

  it('lures no command', async () => {
    expect(await complaints(hostile, url)).toEqual([]);
  });

  it('lures no prioritized work', async () => {
    const blocker = await hostile.connect({ connectionString: url });
    await blocker.query('BEGIN');
    await blocker.query('LOCK TABLE public.orders');
    const core = openCore(hostile, { connection: url });
    const done = deferred();
    const work = core.service.prioritize({ interval: '50ms', onKilled: () => done.resolve() }, () =>
      core.service.transaction((tx) =>
        core.service.model('public.orders', { transaction: tx, timeout: '60s' }),
      ),
    );
    await done.promise;
    expect(await work).toBe(true);
  });

  function lentPool(): pg.Pool {
    const pool = new pg.Pool({ connectionString: url });
    pool.on('error', () => undefined);
    hostile.defer(() => pool.end());
    return pool;
  }
});
