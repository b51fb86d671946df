import pg from 'pg';
import { eventually, useDatabase } from '../support/database.js';
import { startPostgres, type OwnPostgresServer } from '../support/postgres/start-postgres.mjs';

/**
 * What PostgreSQL does, as far as this library relies on it: a server that does otherwise turns this red, not the library.
 * Run it on another major with PGLOCK_TEST_POSTGRES=13.
 */
const database = useDatabase();
const EVERYBODY = 'SELECT pid FROM pg_locks WHERE locktype = $1 AND granted';

let version = 0;

beforeAll(async () => {
  const { rows } = await database.admin.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  );
  version = rows[0]?.version ?? 0;
});

/** The SQLSTATE with which a statement fails; undefined where it succeeds. */
async function sqlState(statement: Promise<unknown>): Promise<string | undefined> {
  return statement.then(
    () => undefined,
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );
}

async function value<T>(client: pg.ClientBase, sql: string, values: unknown[] = []): Promise<T> {
  const { rows } = await client.query<Record<string, T>>(sql, values);
  return Object.values(rows[0] ?? {})[0] as T;
}

/** Who stands in the way of a session. */
const blockersOf = (pid: number) => value<number[]>(database.admin, 'SELECT pg_blocking_pids($1)', [pid]);

describe('waiting for an advisory lock', () => {
  /** Contends for one key until so many waits have timed out, and counts those that held the lock all the same. */
  async function contend(lock: string, timeouts: number, until: () => boolean): Promise<[number, number]> {
    const clients = await Promise.all(Array.from({ length: 12 }, () => database.connect()));
    let [timedOut, ghosts] = [0, 0];
    const contender = async (client: pg.Client, i: number): Promise<void> => {
      await client.query(`SET lock_timeout = ${(i % 4) + 1}`);
      while (timedOut < timeouts && !until()) {
        const state = await sqlState(client.query(`SELECT ${lock}(42), pg_sleep(0.001)`));
        if (state === '55P03') {
          timedOut++;
          if (await value<boolean>(client, OWN_LOCK)) ghosts++;
        } else expect(state).toBeUndefined();
        await client.query('SELECT pg_advisory_unlock_all()');
        if (ghosts > 0) return;
      }
    };
    await Promise.all(clients.map(contender));
    return [timedOut, ghosts];
  }
  const OWN_LOCK = `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid())`;

  it('that timed out may have been granted all the same, at session level (A1)', async () => {
    const deadline = performance.now() + 240_000;
    const [, ghosts] = await contend('pg_advisory_lock', 1_000_000, () => performance.now() > deadline);
    expect(ghosts).toBeGreaterThan(0);
  });

  it('that timed out never was granted at transaction level (A1)', async () => {
    const [timedOut, ghosts] = await contend('pg_advisory_xact_lock', 500, () => false);
    expect([timedOut >= 500, ghosts]).toEqual([true, 0]);
  });

  it('hangs CREATE INDEX CONCURRENTLY of everybody else, and no deadlock is found (A2)', async () => {
    await database.admin.query('CREATE TABLE indexed (n int)');
    const [holder, waiter, builder] = await Promise.all([1, 2, 3].map(() => database.connect()));
    for (const client of [holder!, waiter!, builder!]) await client.query(`SET deadlock_timeout = '20ms'`);
    await holder!.query('SELECT pg_advisory_lock(1)');
    const waiting = sqlState(waiter!.query('SELECT pg_advisory_lock(1)'));
    await database.waitForWaiter(database.pidOf(waiter!));
    const building = sqlState(builder!.query('CREATE INDEX CONCURRENTLY ON indexed (n)'));
    await database.waitForWaiter(database.pidOf(builder!));
    const WAITED = `SELECT clock_timestamp() - query_start > '1 s' FROM pg_stat_activity WHERE pid = $1`;
    await eventually(() => value<boolean>(database.admin, WAITED, [database.pidOf(builder!)]));
    expect(await blockersOf(database.pidOf(builder!))).toEqual([database.pidOf(waiter!)]);
    await database.admin.query('SELECT pg_cancel_backend($1)', [database.pidOf(waiter!)]);
    expect(await Promise.all([waiting, building])).toEqual(['57014', undefined]);
  });

  it('ends what a statement before it in the same message had SET, when it fails', async () => {
    const [holder, waiter] = await Promise.all([database.connect(), database.connect()]);
    await holder.query('SELECT pg_advisory_lock(1)');
    const state = await sqlState(waiter.query('SET lock_timeout = 10; SELECT pg_advisory_lock(1)'));
    expect([state, await value(waiter, 'SHOW lock_timeout')]).toEqual(['55P03', '0']);
  });

  it('is done in order of arrival, and no try overtakes whom it conflicts with', async () => {
    const [reader, writer, late] = await Promise.all([1, 2, 3].map(() => database.connect()));
    await reader!.query('SELECT pg_advisory_lock_shared(1)');
    const writing = writer!.query('SELECT pg_advisory_lock(1)');
    await database.waitForWaiter(database.pidOf(writer!));
    expect(await value(late!, 'SELECT pg_try_advisory_lock_shared(1)')).toBe(false);
    const reading = late!.query('SELECT pg_advisory_lock_shared(1)');
    await database.waitForWaiter(database.pidOf(late!));
    expect(await blockersOf(database.pidOf(late!))).toEqual([database.pidOf(writer!)]);
    await reader!.query('SELECT pg_advisory_unlock_shared(1)');
    await writing;
    expect(await blockersOf(database.pidOf(late!))).toEqual([database.pidOf(writer!)]);
    await writer!.query('SELECT pg_advisory_unlock(1)');
    await reading;
  });

  it('is seen by pg_blocking_pids, and not by a join with pg_class (A7)', async () => {
    const [holder, waiter] = await Promise.all([database.connect(), database.connect()]);
    await holder.query('SELECT pg_advisory_lock(1)');
    const waiting = waiter.query('SELECT pg_advisory_lock(1)');
    await database.waitForWaiter(database.pidOf(waiter));
    expect(await blockersOf(database.pidOf(waiter))).toEqual([database.pidOf(holder)]);
    const joined = await database.admin.query(
      'SELECT FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE l.pid = $1 AND NOT l.granted',
      [database.pidOf(waiter)],
    );
    expect(joined.rowCount).toBe(0);
    const columns = await database.admin.query<{ column_name: string }>(
      `SELECT attname AS column_name FROM pg_attribute WHERE attrelid = 'pg_locks'::regclass AND attname = 'waitstart'`,
    );
    expect(columns.rowCount).toBe(version >= 140_000 ? 1 : 0);
    await holder.query('SELECT pg_advisory_unlock(1)');
    await waiting;
  });
});

describe('a held advisory lock', () => {
  it('goes with the session that idle_session_timeout ends, from PostgreSQL 14 on (A4)', async () => {
    const holder = await database.connect();
    const setting = sqlState(holder.query(`SET idle_session_timeout = '200ms'`));
    if (version < 140_000) return expect(await setting).toBe('42704');
    expect(await setting).toBeUndefined();
    const told = new Promise<{ code?: string }>((resolve) => holder.once('error', resolve));
    await holder.query('SELECT pg_advisory_lock(1)');
    const other = await database.connect();
    await other.query('SELECT pg_advisory_lock(1)');
    expect(await told).toMatchObject({ code: '57P05' });
  });

  it('is granted to the next only when the work of a terminated holder is gone (A5)', async () => {
    await database.admin.query('CREATE TABLE written (n int)');
    const [holder, next] = await Promise.all([database.connect(), database.connect()]);
    await holder.query('SELECT pg_advisory_lock(1); BEGIN; INSERT INTO written VALUES (1)');
    const waiting = next.query('SELECT pg_advisory_lock(1)');
    await database.waitForWaiter(database.pidOf(next));
    await database.admin.query('SELECT pg_terminate_backend($1)', [database.pidOf(holder)]);
    await waiting;
    await next.query('LOCK TABLE written IN ACCESS EXCLUSIVE MODE NOWAIT').catch((error: unknown) => {
      expect(error).toMatchObject({ code: '25P01' });
    });
    await next.query('BEGIN; LOCK TABLE written IN ACCESS EXCLUSIVE MODE NOWAIT; COMMIT');
    expect(await value(next, 'SELECT count(*)::int FROM written')).toBe(0);
    expect(await sqlState(holder.query('COMMIT'))).toBeDefined();
  });

  it('has a transaction id that grows from holder to holder (A6)', async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, () => database.connect()));
    const tokens: bigint[] = [];
    const take = async (client: pg.Client): Promise<void> => {
      for (let i = 0; i < 50; i++) {
        await client.query('SELECT pg_advisory_lock(1)');
        tokens.push(BigInt(await value<string>(client, 'SELECT pg_current_xact_id()::text')));
        await client.query('SELECT pg_advisory_unlock(1)');
      }
    };
    await Promise.all(clients.map(take));
    expect(tokens).toHaveLength(300);
    expect(tokens.every((token, i) => i === 0 || token > (tokens[i - 1] ?? 0n))).toBe(true);
  });

  it('is shown in unsigned figures: objsubid 1 for int8 keys, 2 for pairs (A8)', async () => {
    const client = await database.connect();
    await client.query('SELECT pg_advisory_lock(-2), pg_advisory_lock(-1, 3)');
    const { rows } = await client.query(
      `SELECT classid::int8::text AS "classId", objid::int8::text AS "objId", objsubid AS "objSubId"
       FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() ORDER BY objsubid`,
    );
    expect(rows).toEqual([
      { classId: '4294967295', objId: '4294967294', objSubId: 1 },
      { classId: '4294967295', objId: '3', objSubId: 2 },
    ]);
  });

  it('survives a rollback, is counted, and unlocking what is not held only warns (A14)', async () => {
    const client = await database.connect();
    const notices: string[] = [];
    client.on('notice', ({ message }) => notices.push(message ?? ''));
    await client.query('BEGIN; SELECT pg_advisory_lock(1); SELECT pg_advisory_lock(1); ROLLBACK');
    const unlock = () => value<boolean>(client, 'SELECT pg_advisory_unlock(1)');
    expect([await unlock(), await unlock(), notices.length]).toEqual([true, true, 0]);
    expect([await unlock(), notices]).toEqual([false, [expect.stringContaining("you don't own")]]);
  });
});

describe('lock_timeout', () => {
  it('of zero is for ever, and LOCK TABLE needs a transaction (A14)', async () => {
    await database.admin.query('CREATE TABLE IF NOT EXISTS locked (n int)');
    const [holder, waiter] = await Promise.all([database.connect(), database.connect()]);
    expect(await sqlState(waiter.query('LOCK TABLE locked'))).toBe('25P01');
    await holder.query('BEGIN; LOCK TABLE locked');
    expect(await sqlState(waiter.query('SET lock_timeout = 1; SELECT FROM locked'))).toBe('55P03');
    const waiting = waiter.query('SET lock_timeout = 0; SELECT FROM locked');
    await database.waitForWaiter(database.pidOf(waiter));
    await holder.query('COMMIT');
    await waiting;
  });
});

describe('signals', () => {
  it('cancelling an idle transaction is true and releases nothing; terminating means "sent" (A9)', async () => {
    const holder = await database.connect();
    await holder.query('BEGIN; SELECT pg_advisory_xact_lock(1)');
    const pid = database.pidOf(holder);
    expect(await value(database.admin, 'SELECT pg_cancel_backend($1)', [pid])).toBe(true);
    const held = () => database.admin.query(`${EVERYBODY} AND pid = $2`, ['advisory', pid]);
    expect(await sqlState(holder.query('SELECT 1'))).toBeUndefined();
    expect((await held()).rowCount).toBe(1);
    const waiting = sqlState(database.admin.query('SELECT pg_terminate_backend($1, 5000) AS ended', [pid]));
    if (version < 140_000) {
      expect(await waiting).toBe('42883');
      expect(await value(database.admin, 'SELECT pg_terminate_backend($1)', [pid])).toBe(true);
    } else expect(await waiting).toBeUndefined();
    await eventually(async () => (await held()).rowCount === 0);
    expect(await value(database.admin, 'SELECT pg_terminate_backend($1)', [pid])).toBe(false);
  });

  it('do not reach prepared transactions, which appear as pid 0 (A9)', async () => {
    const [holder, waiter] = await Promise.all([database.connect(), database.connect()]);
    await holder.query(`BEGIN; SELECT pg_advisory_xact_lock(1); PREPARE TRANSACTION '${database.name}'`);
    const waiting = waiter.query('SELECT pg_advisory_lock(1)');
    await eventually(async () => (await blockersOf(database.pidOf(waiter))).includes(0));
    const { rows } = await database.admin.query(EVERYBODY, ['advisory']);
    expect(rows).toContainEqual({ pid: null });
    expect(await value(database.admin, 'SELECT pg_terminate_backend(0)')).toBe(false);
    await database.admin.query(`ROLLBACK PREPARED '${database.name}'`);
    await waiting;
  });

  it('need two grants for a guarded kill of another role, and a superuser for a superuser (A10)', async () => {
    const app = await database.role('app');
    const signaller = await database.role('signaller', 'IN ROLE pg_signal_backend');
    const monitor = await database.role('monitor', 'IN ROLE pg_monitor');
    const connect = (url: string) => database.connect({ connectionString: url });
    const [target, killer, viewer] = [
      await connect(app.url),
      await connect(signaller.url),
      await connect(monitor.url),
    ];
    const look = `SELECT backend_start, state, query FROM pg_stat_activity WHERE pid = $1`;
    const pid = database.pidOf(target);
    expect((await killer.query<{ backend_start: unknown }>(look, [pid])).rows).toEqual([
      { backend_start: null, state: null, query: '<insufficient privilege>' },
    ]);
    expect((await viewer.query<{ state: unknown }>(look, [pid])).rows).toMatchObject([{ state: 'idle' }]);
    expect(await sqlState(viewer.query('SELECT pg_terminate_backend($1)', [pid]))).toBe('42501');
    const superuser = database.pidOf(database.admin);
    expect(await sqlState(killer.query('SELECT pg_cancel_backend($1)', [superuser]))).toBe('42501');
    expect(await value(killer, 'SELECT pg_terminate_backend($1)', [pid])).toBe(true);
  });

  it('guarded by backend_start need its microseconds, which a Date has not (A11)', async () => {
    const client = await database.connect();
    const SELF = 'SELECT count(*)::int FROM pg_stat_activity WHERE pid = pg_backend_pid() AND';
    const read = `SELECT backend_start, backend_start::text AS text FROM pg_stat_activity WHERE pid = pg_backend_pid()`;
    const { rows } = await client.query<{ backend_start: Date; text: string }>(read);
    const [start] = rows;
    expect(await value(client, `${SELF} backend_start = $1::timestamptz`, [start?.text])).toBe(1);
    const exact = /\.\d{1,3}(?!\d)/.test(start?.text ?? '');
    expect(await value(client, `${SELF} backend_start = $1`, [start?.backend_start])).toBe(exact ? 1 : 0);
    expect(await value(client, 'SELECT 9007199254740993::int8')).toBe('9007199254740993');
  });
});

describe('a queue', () => {
  it('has its root elsewhere than the session in the way (A16)', async () => {
    await database.admin.query('CREATE TABLE chained (n int)');
    const [idle, migration, reader] = await Promise.all([1, 2, 3].map(() => database.connect()));
    const [a, b, c] = [idle!, migration!, reader!].map((client) => database.pidOf(client));
    await idle!.query('BEGIN; SELECT FROM chained');
    const altering = migration!.query('ALTER TABLE chained ADD COLUMN m int');
    await database.waitForWaiter(b);
    const reading = reader!.query('SELECT FROM chained');
    await database.waitForWaiter(c);
    expect([await blockersOf(c!), await blockersOf(b!)]).toEqual([[b], [a]]);
    await idle!.query('COMMIT');
    await Promise.all([altering, reading]);
  });

  it('of a session with itself through its own CREATE INDEX CONCURRENTLY is found (beside A2)', async () => {
    await database.admin.query('CREATE TABLE IF NOT EXISTS indexed (n int)');
    const [holder, waiter] = await Promise.all([database.connect(), database.connect()]);
    for (const client of [holder, waiter]) await client.query(`SET deadlock_timeout = '20ms'`);
    await holder.query('SELECT pg_advisory_lock(1)');
    const waiting = sqlState(waiter.query('SELECT pg_advisory_lock(1)'));
    await database.waitForWaiter(database.pidOf(waiter));
    const building = sqlState(holder.query('CREATE INDEX CONCURRENTLY ON indexed (n)'));
    const states = [await building];
    await holder.query('SELECT pg_advisory_unlock_all()');
    states.push(await waiting);
    expect(states.filter((state) => state === '40P01')).toHaveLength(1);
  });
});

describe('now()', () => {
  it('is when the transaction began, however long it waited since (C)', async () => {
    const client = await database.connect();
    await client.query('BEGIN');
    const began = await value<string>(client, 'SELECT now()::text');
    await client.query('SELECT pg_sleep(0.01)');
    expect(await value(client, 'SELECT now()::text')).toBe(began);
    expect(await value(client, 'SELECT clock_timestamp() > now()')).toBe(true);
    await client.query('ROLLBACK');
  });
});

describe('the lock table', () => {
  let server: OwnPostgresServer;

  beforeAll(async () => {
    const settings = {
      max_connections: 10,
      max_locks_per_transaction: 10,
      max_prepared_transactions: 0,
      max_wal_senders: 0,
    };
    server = await startPostgres({ own: true, settings });
  });
  afterAll(() => server.stop());

  it('is finite, full for everybody, and keeps part of what a failed statement took (A13)', async () => {
    const [greedy, other] = [new pg.Client(server.url), new pg.Client(server.url)];
    await Promise.all([greedy.connect(), other.connect()]);
    await other.query('CREATE TABLE innocent (n int)');
    const all = greedy.query('SELECT pg_advisory_lock(n) FROM generate_series(1, 200000) n');
    expect(await sqlState(all)).toBe('53200');
    const count = `SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = $1`;
    const { processID } = greedy as pg.Client & { readonly processID: number };
    expect(await value<number>(other, count, [processID])).toBeGreaterThan(100);
    expect(await sqlState(other.query('SELECT pg_advisory_lock(-1)'))).toBe('53200');
    expect(await sqlState(other.query('ALTER TABLE innocent ADD COLUMN m int'))).toBe('53200');
    await greedy.query('SELECT pg_advisory_unlock_all()');
    expect(await sqlState(other.query('ALTER TABLE innocent ADD COLUMN m int'))).toBeUndefined();
    await Promise.all([greedy.end(), other.end()]);
  });
});
