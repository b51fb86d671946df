import pg from 'pg';
import { createCore, type PgLockCore } from '../../lib/core/pg-lock-core.js';
import { PoolerError } from '../../lib/errors/pooler.error.js';
import { ReadReplicaError } from '../../lib/errors/read-replica.error.js';
import { examine } from '../../lib/inspection/doctor/examine.js';
import type { PgLockModuleOptions } from '../../lib/options/pg-lock-options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { Pgpool, pgpoolIsInstalled } from '../support/pgpool.js';
import { startPostgres, type OwnPostgresServer } from '../support/postgres/start-postgres.mjs';
import { eventually } from '../support/waiting.js';

const major = Number(process.env['PGLOCK_TEST_POSTGRES'] ?? 18);
const cores: PgLockCore[] = [];

if (!pgpoolIsInstalled)
  it('needs pgpool-II, which is not installed here', () => {
    console.warn('pgpool-II is not installed, so nothing was tested behind it: apt-get install pgpool2');
  });
else if (major < 15)
  it('needs a hot standby, which the tests make from PostgreSQL 15 on', () => {
    console.warn(`Nothing was tested behind pgpool-II on PostgreSQL ${major}`);
  });
else describe('behind pgpool-II, with a standby that all reading goes to', behindPgpool);

function behindPgpool(): void {
  let primary: OwnPostgresServer;
  let standby: OwnPostgresServer;
  let admin: pg.Client;
  const pools: Pgpool[] = [];
  let url = '';

  beforeAll(async () => {
    primary = await startPostgres({
      own: true,
      settings: { wal_level: 'replica', max_wal_senders: 5, hot_standby: 'on', max_connections: 60 },
    });
    admin = new pg.Client(primary.url);
    await admin.connect();
    await admin.query('CREATE TABLE users (id int)');
    standby = await primary.standby();
  });

  afterEach(() => Promise.all(cores.splice(0).map((one) => one.close())));

  afterAll(async () => {
    await Promise.all(pools.map((pool) => pool.stop()));
    await admin.end();
    await standby.stop();
    await primary.stop();
  });

  const core = (options: PgLockModuleOptions = {}): PgLockCore => {
    const made = createCore(resolveOptions({ connection: url, ...options }));
    cores.push(made);
    return made;
  };

  const service = (options?: PgLockModuleOptions) => core(options).service;

  /** A session on the primary that holds the table until it is ended. */
  async function blocker(): Promise<() => Promise<string>> {
    const client = new pg.Client(primary.url);
    client.on('error', () => undefined);
    await client.connect();
    await client.query('BEGIN; LOCK TABLE users');
    return async () => {
      const state = await client.query('SELECT 1').then(
        () => 'alive',
        () => 'ended',
      );
      await client.end().catch(() => undefined);
      return state;
    };
  }

  describe.each([
    ['which knows functions that write by their volatility', {}, 'kept on the primary'],
    ['whose write_function_list has one entry', { write_function_list: 'nextval' }, 'kept on the primary'],
    [
      'which also overlooks comments, and balances each statement by itself',
      { write_function_list: 'nextval', allow_sql_comments: 'on', statement_level_load_balance: 'on' },
      'refused',
    ],
  ] as const)('%s', (_, settings, transactionLevel) => {
    beforeAll(async () => {
      const pool = await Pgpool.start(primary, standby, settings);
      pools.push(pool);
      url = pool.url;
    });

    it(`has transaction-level locks ${transactionLevel}`, async () => {
      const [one, two] = [service(), service()];
      if (transactionLevel === 'refused') {
        for (const timeout of [0, '100ms', null] as const)
          await expect(
            one.advisory('invoice', { xact: true, timeout }, () => 'worked'),
          ).rejects.toBeInstanceOf(ReadReplicaError);
        // A savepoint is something written, after which it sends all of the transaction to the primary.
        const given = await one.transaction(async (transaction) => {
          await one.acquire('invoice', { transaction, timeout: '60s' });
          return (await admin.query("SELECT FROM pg_locks WHERE locktype = 'advisory'")).rows as unknown[];
        });
        expect(given).toHaveLength(1);
        return;
      }
      for (const timeout of [0, '100ms'] as const) {
        const inner = await one.advisory('invoice', { xact: true, timeout: '60s' }, () =>
          two.advisory('invoice', { xact: true, timeout, onContention: 'skip' }, () => 'both'),
        );
        expect(inner).toBeUndefined();
      }
      const holder = one.transaction(async (transaction) => {
        const lock = await one.acquire('invoice', { transaction, timeout: 0 });
        const { rows } = await admin.query("SELECT pid FROM pg_locks WHERE locktype = 'advisory'");
        expect(rows).toEqual([{ pid: lock!.pid }]);
        await expect(lock!.fencingToken()).resolves.toEqual(expect.any(BigInt));
        return two.acquire('invoice', { timeout: 0 }).catch((error: unknown) => error);
      });
      await expect(holder).resolves.toBeInstanceOf(PoolerError);
    });

    it.each([{}, { trustPooler: true }])(
      'refuses session-level locks, and keeps none: %j',
      async (sessions) => {
        const pglock = service({ sessions });
        const error: unknown = await pglock.acquire('billing', { timeout: 0 }).catch((e: unknown) => e);
        expect(error).toBeInstanceOf(PoolerError);
        expect((error as Error).message).toContain('`sessions.directConnection`');
        const { rows } = await admin.query("SELECT FROM pg_locks WHERE locktype = 'advisory'");
        expect(rows).toEqual([]);
      },
    );

    it('takes session-level locks past it', async () => {
      const past = { sessions: { directConnection: primary.url } };
      const [one, two] = [service(past), service(past)];
      await one.advisory('billing', async () => {
        await expect(two.acquire('billing', { timeout: 0 })).resolves.toBeNull();
      });
    });

    it('limits waits in a transaction, whose BEGIN and settings are statements of their own', async () => {
      const pglock = service();
      const lockTimeout = pglock.timeout('1s', () =>
        pglock.transaction(async (tx) => {
          const { rows } = await tx.query<{ is: string }>(
            "/*NO LOAD BALANCE*/ SELECT current_setting('lock_timeout') AS is",
          );
          return rows[0]?.is;
        }),
      );
      await expect(lockTimeout).resolves.toBe('1s');
    });

    it('clears the way for transactions, and refuses what it cannot clear it for', async () => {
      const pglock = service();
      const insert = 'INSERT INTO users VALUES (1)';
      const ways = [
        () => pglock.prioritize({ interval: '50ms' }, () => pglock.transaction((tx) => tx.query(insert))),
        () =>
          pglock.transaction((transaction) =>
            pglock.prioritize({ interval: '50ms', transaction }, () => transaction.query(insert)),
          ),
      ];
      for (const way of ways) {
        const state = await blocker();
        await way();
        expect(await state()).toBe('ended');
      }
      await expect(pglock.prioritize(() => pglock.pool.query(insert))).rejects.toThrow(PoolerError);
    });

    it('shows the locks of the primary', async () => {
      const state = await blocker();
      await expect(service().locks.find({ on: 'users' })).resolves.toMatchObject([
        { mode: 'ACCESS EXCLUSIVE', granted: true },
      ]);
      expect(await state()).toBe('alive');
    });

    it('is known to the doctor', async () => {
      const { observer } = core().admin;
      const of = async (check: string) =>
        (await examine({ observer })).find((finding) => finding.check === check);
      await expect(of('pooler')).resolves.toMatchObject({
        level: 'problem',
        text: expect.stringContaining('pgpool-II') as string,
      });
      await expect(of('role of server')).resolves.toBeUndefined();
    });
  });

  it('is not known to the doctor where there is none', async () => {
    url = primary.url;
    const findings = await examine({ observer: core().admin.observer });
    expect(findings.find(({ check }) => check === 'pooler')).toMatchObject({ level: 'ok' });
    await eventually(async () => {
      const { rows } = await admin.query("SELECT FROM pg_locks WHERE locktype = 'advisory'");
      return rows.length === 0;
    });
  });
}
