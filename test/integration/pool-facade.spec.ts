import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { TransactionStateError } from '../../lib/errors/transaction-state.error.js';
import { createCore, type PgLockCore } from '../../lib/core/pg-lock-core.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { openCore } from '../support/cores.js';
import { eventually, useDatabase } from '../support/database.js';
import { nativePg } from './transaction-clients/pg-native.client.js';
import { ODD_PARSERS, RAW_BYTES } from './transaction-clients/plugins.js';

const database = useDatabase({ schema: 'CREATE TABLE users (id int PRIMARY KEY)', mayStay: () => true });

function lent(config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: database.url, max: 3, ...config });
  database.defer(() => pool.end());
  pool.on('error', () => undefined);
  return pool;
}

function lentCore(pool: pg.Pool): PgLockCore {
  const core = createCore(resolveOptions({ pool }));
  database.defer(() => core.close());
  return core;
}

describe.each([
  ['own', () => openCore(database)],
  ['lent', () => lentCore(lent())],
] as const)('the %s pool', (_, open) => {
  it('gives itself back, and not what could be ended', async () => {
    const { pool } = open().service;
    const heard: unknown[] = [];
    const listener = () => heard.push('connect');
    for (const method of ['on', 'once', 'addListener', 'prependListener', 'prependOnceListener'] as const)
      expect((pool[method] as pg.Pool['on'])('connect', listener)).toBe(pool);
    expect(pool.off('connect', listener)).toBe(pool);
    expect(pool.removeListener('connect', listener)).toBe(pool);
    expect(pool.setMaxListeners(20)).toBe(pool);
    const db = new Kysely<unknown>({
      dialect: new PostgresDialect({ pool: pool.on('error', () => undefined) }),
    });
    await db.destroy();
    await expect(pool.query('SELECT 1 AS one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
    expect(heard.length).toBeGreaterThan(0);
  });

  it.each(['idle in the transaction', 'while a statement runs'])(
    'says how a session died in mid-transaction, %s',
    async (when) => {
      const core = open();
      const { pool } = core.service;
      const died = core.service.transaction(async (tx) => {
        const pid = database.pidOf(tx);
        const running = when.startsWith('while')
          ? tx.query('SELECT pg_sleep(20)').catch((error: unknown) => error)
          : undefined;
        if (running) await eventually(async () => (await stateOf(pid)) === 'active');
        await database.admin.query('SELECT pg_terminate_backend($1)', [pid]);
        await eventually(async () => (await stateOf(pid)) === undefined);
        await running;
        await eventually(async () => {
          const error = await tx.query('SELECT 1').catch((reason: unknown) => reason);
          expect(error).toMatchObject({ cause: { code: '57P01' } });
          return true;
        });
        const model = core.service.model('users', { transaction: tx });
        await expect(model).rejects.toThrow(TransactionStateError);
        await expect(model).rejects.toMatchObject({ cause: { code: '57P01' } });
      });
      await expect(died).rejects.toMatchObject({ cause: { code: '57P01' } });
      await expect(pool.query('SELECT 1 AS one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
    },
  );
});

async function stateOf(pid: number): Promise<string | undefined> {
  const { rows } = await database.admin.query<{ state: string }>(
    'SELECT state FROM pg_stat_activity WHERE pid = $1',
    [pid],
  );
  return rows[0]?.state;
}

describe('a lent pool', () => {
  const odd: readonly (readonly [string, pg.PoolConfig])[] = [
    ['odd type parsers', { types: ODD_PARSERS }],
    ['raw values', { types: RAW_BYTES }],
  ];

  it.each(odd)('with %s serves every verb', async (_, config) => {
    const { service } = lentCore(lent(config));
    await everyVerb(service);
  });

  (nativePg === undefined ? it.skip : it)('of pg-native serves every verb', async () => {
    const pool = new nativePg!.Pool({ connectionString: database.url, max: 3 });
    database.defer(() => pool.end());
    const { service } = lentCore(pool);
    await everyVerb(service);
  });
});

async function everyVerb(pglock: ReturnType<typeof openCore>['service']): Promise<void> {
  await pglock.advisory('a', { xact: true }, async (lock) => {
    expect(lock.held).toBe(true);
    await expect(pglock.model('users', { timeout: '60s' })).resolves.toBe(true);
    expect(typeof (await lock.fencingToken())).toBe('bigint');
  });
  await pglock.advisory('session', async (lock) => {
    expect(lock.held).toBe(true);
    await expect(pglock.locks.find({ ids: ['session'] })).resolves.toHaveLength(1);
  });
  await expect(pglock.acquire('session', { timeout: 0 }).then((lock) => lock?.release())).resolves.toBe(
    undefined,
  );
  const settingOf = async () => {
    const { rows } = await pglock.pool.query(`SELECT current_setting('lock_timeout') AS value`);
    return JSON.stringify(Object.values(rows[0] as object)).toLowerCase();
  };
  const before = await settingOf();
  const within = await pglock.timeout('3s', settingOf);
  expect(within).not.toBe(before);
  await expect(settingOf()).resolves.toBe(before);
  const holder = await database.connect();
  await holder.query('BEGIN; LOCK TABLE users');
  const killed = pglock.prioritize({ interval: '20ms' }, () => pglock.pool.query('SELECT FROM users'));
  await expect(killed).resolves.toMatchObject({ rowCount: 0 });
}
