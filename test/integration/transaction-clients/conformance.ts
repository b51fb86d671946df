import { jest } from '@jest/globals';
import { LockNotAvailableError } from '../../../lib/errors/lock-not-available.error.js';
import { LockTargetError } from '../../../lib/errors/lock-target.error.js';
import { TransactionStateError } from '../../../lib/errors/transaction-state.error.js';
import type { ModelLockOptions } from '../../../lib/locks/model-lock.js';
import type { PgLockService } from '../../../lib/pg-lock.service.js';
import { OpenTransaction } from '../../../lib/transaction/open-transaction.js';
import { sqlStateWithin } from '../../../lib/transaction/sqlstate-within.js';
import { LOCK_MODES } from '../../../lib/vocabulary/lock-mode.js';
import { advisoryLocks } from '../../support/cores.js';
import type { TestDatabase } from '../../support/database.js';
import type { OpenClient, TestTransaction } from './client-under-test.js';

/** The weakest mode that conflicts with each. */
const CONFLICTING = {
  'ACCESS SHARE': 'ACCESS EXCLUSIVE',
  'ROW SHARE': 'EXCLUSIVE',
  'ROW EXCLUSIVE': 'SHARE',
  'SHARE UPDATE EXCLUSIVE': 'SHARE UPDATE EXCLUSIVE',
  SHARE: 'ROW EXCLUSIVE',
  'SHARE ROW EXCLUSIVE': 'ROW EXCLUSIVE',
  EXCLUSIVE: 'ROW SHARE',
  'ACCESS EXCLUSIVE': 'ACCESS SHARE',
} as const;

const HOLDERS = `SELECT pid, mode FROM pg_locks WHERE relation = $1::regclass AND granted ORDER BY mode`;

/** A client, and the module that meets it. */
export interface UnderTest {
  open(): Promise<{ readonly client: OpenClient; readonly pglock: PgLockService }>;
}

/** What every client does, in whatever pool its connections are. */
export function describeConformance(database: TestDatabase, { open }: UnderTest): void {
  let client: OpenClient;
  let pglock: PgLockService;
  let begun: TestTransaction[] = [];

  beforeAll(async () => {
    ({ client, pglock } = await open());
    database.defer(() => client.close());
  });

  afterEach(async () => {
    for (const transaction of begun) await transaction.rollback();
    begun = [];
  });

  async function begin(): Promise<TestTransaction> {
    const transaction = await client.begin();
    begun.push(transaction);
    return transaction;
  }

  async function end(transaction: TestTransaction, how: 'commit' | 'rollback'): Promise<void> {
    begun = begun.filter((one) => one !== transaction);
    await transaction[how]();
  }

  async function pidOf(tx: object): Promise<number> {
    const rows = await OpenTransaction.of(tx).query<{ pid: number }>({
      text: 'SELECT pg_backend_pid() AS pid',
    });
    return rows[0]!.pid;
  }

  async function lockTimeoutOf(tx: object): Promise<string> {
    const text = `SELECT current_setting('lock_timeout') || '/' || current_setting('statement_timeout') AS both`;
    return (await OpenTransaction.of(tx).query<{ both: string }>({ text }))[0]!.both;
  }

  it('runs parametrised SQL and reads what comes back', async () => {
    const { tx } = await begin();
    const transaction = OpenTransaction.of(tx);
    const text = `SELECT $2::text AS second, $1::int4 AS first, $2::text = 'a''b' AS yes, false AS no,
      $3::int8::text AS big, '{1,2}'::int8[] = $4::int8[] AS list`;
    const values = [7, "a'b", '-9223372036854775808', '{1,2}'];
    await expect(transaction.query({ text, values })).resolves.toEqual([
      { second: "a'b", first: 7, yes: true, no: false, big: '-9223372036854775808', list: true },
    ]);
  });

  it('finds the SQLSTATE of an error, and a savepoint brings the transaction back', async () => {
    const { tx } = await begin();
    const transaction = OpenTransaction.of(tx);
    await transaction.query({ text: 'INSERT INTO users VALUES (1)' });
    const failing = transaction.withSavepoint(async () => {
      await transaction.query({ text: 'INSERT INTO users VALUES (2)' });
      await transaction.query({ text: 'SELECT 1 / $1::int4', values: [0] });
    });
    const error: unknown = await failing.catch((reason: unknown) => reason);
    expect(sqlStateWithin(error)).toBe('22012');
    await expect(transaction.query({ text: 'SELECT id FROM users' })).resolves.toEqual([{ id: 1 }]);
  });

  it('keeps what ran behind a savepoint that succeeded', async () => {
    const { tx } = await begin();
    const transaction = OpenTransaction.of(tx);
    await transaction.withSavepoint(() => transaction.query({ text: 'INSERT INTO users VALUES (3)' }));
    await expect(transaction.query({ text: 'SELECT id FROM users' })).resolves.toEqual([{ id: 3 }]);
  });

  it('is refused outside of a transaction, and after its end', async () => {
    await expect(pglock.model('users', { transaction: client.root })).rejects.toThrow(TransactionStateError);
    await expect(pglock.acquire('x', { transaction: client.root })).rejects.toThrow(TransactionStateError);
    for (const how of ['commit', 'rollback'] as const) {
      const transaction = await begin();
      await end(transaction, how);
      const over = { transaction: transaction.tx };
      await expect(pglock.model('users', over)).rejects.toThrow(TransactionStateError);
      await expect(pglock.acquire('x', { ...over, timeout: 0 })).rejects.toThrow(TransactionStateError);
      await expect(pglock.timeout('1s', over, () => 1)).rejects.toThrow(TransactionStateError);
    }
    await expect(advisoryLocks(database)).resolves.toEqual([]);
  });

  it('is refused once a statement of it has failed', async () => {
    const { tx } = await begin();
    const transaction = OpenTransaction.of(tx);
    await expect(transaction.query({ text: 'SELECT 1 / 0' })).rejects.toThrow();
    await expect(pglock.model('users', { transaction: tx })).rejects.toThrow(TransactionStateError);
    await expect(pglock.acquire('x', { transaction: tx, timeout: 0 })).rejects.toThrow(TransactionStateError);
    await expect(pglock.timeout('1s', { transaction: tx }, () => 1)).rejects.toThrow(TransactionStateError);
  });

  it.each(LOCK_MODES)('locks a table in %s mode until it ends', async (mode) => {
    const transaction = await begin();
    const pid = await pidOf(transaction.tx);
    await expect(pglock.model('billing.invoices', { transaction: transaction.tx, mode })).resolves.toBe(true);
    const { rows } = await database.admin.query(HOLDERS, ['billing.invoices']);
    const catalogMode = `${mode.toLowerCase().replace(/(^| )(\w)/g, (_, __, letter: string) => letter.toUpperCase())}Lock`;
    expect(rows).toEqual([{ pid, mode: catalogMode }]);

    const other = await database.connect();
    await other.query('BEGIN');
    const waiting = other.query(`LOCK TABLE billing.invoices IN ${CONFLICTING[mode]} MODE`);
    const waiter = await database.waitForWaiter(database.pidOf(other));
    expect(waiter.blockedBy).toEqual([pid]);
    await end(transaction, 'commit');
    await waiting;
  });

  it('stays usable when a table is not had: at once, in time, or thrown', async () => {
    const holder = await database.connect();
    await holder.query('BEGIN; LOCK TABLE users');
    const { tx } = await begin();
    const transaction = OpenTransaction.of(tx);
    await transaction.query({ text: `SET LOCAL lock_timeout = '7s'` });
    const options = { transaction: tx };
    await expect(pglock.model('users', { ...options, timeout: 0 })).resolves.toBe(false);
    const startedAt = performance.now();
    await expect(pglock.model('users', { ...options, timeout: '100ms' })).resolves.toBe(false);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(99);
    const thrown = pglock.model('users', { ...options, timeout: '20ms', onContention: 'throw' });
    await expect(thrown).rejects.toMatchObject({
      code: '55P03',
      id: 'users',
      waited: expect.any(Number) as number,
    });
    await expect(thrown).rejects.toThrow(LockNotAvailableError);
    await expect(lockTimeoutOf(tx)).resolves.toBe('7s/0');
    await expect(pglock.model('billing.invoices', { ...options, timeout: '60s' })).resolves.toBe(true);
    await expect(lockTimeoutOf(tx)).resolves.toBe('7s/0');
  });

  it('commits what it wrote, whatever was refused in it', async () => {
    const holder = await database.connect();
    await holder.query('BEGIN; LOCK TABLE billing.invoices; SELECT pg_advisory_xact_lock(78)');
    const transaction = await begin();
    const { tx } = transaction;
    const id = Math.trunc(Math.random() * 1e9);
    await OpenTransaction.of(tx).query({ text: 'INSERT INTO users VALUES ($1)', values: [id] });
    const aborted = new AbortController();
    for (const timeout of [0, '20ms'] as const) {
      await expect(pglock.model('billing.invoices', { transaction: tx, timeout })).resolves.toBe(false);
      await expect(pglock.acquire(78, { transaction: tx, timeout })).resolves.toBeNull();
      const thrown = pglock.advisory(78, { transaction: tx, timeout }, () => 1);
      await expect(thrown).rejects.toThrow(LockNotAvailableError);
    }
    await expect(pglock.model('nothing', { transaction: tx })).rejects.toThrow(LockTargetError);
    const { signal } = aborted;
    const waiting = pglock.acquire(78, { transaction: tx, signal });
    await database.waitForWaiter((session) => session.advisoryLocks.includes('int8 78 (waiting)'));
    aborted.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    await expect(lockTimeoutOf(tx)).resolves.toBe('0/0');
    await end(transaction, 'commit');
    const { rows } = await database.admin.query('DELETE FROM users WHERE id = $1 RETURNING id', [id]);
    expect(rows).toEqual([{ id }]);
  });

  it('is refused before anything is sent where the key is there and no transaction', async () => {
    for (const nothing of [undefined, null]) {
      const options = { transaction: nothing as unknown as object };
      const work = jest.fn();
      await expect(pglock.acquire('x', options)).rejects.toThrow(TransactionStateError);
      await expect(pglock.advisory('x', options, work)).rejects.toThrow(TransactionStateError);
      await expect(pglock.model('users', options)).rejects.toThrow(TransactionStateError);
      await expect(pglock.timeout('1s', options, work)).rejects.toThrow(TransactionStateError);
      await expect(pglock.prioritize(options, work)).rejects.toThrow(TransactionStateError);
      expect(work).not.toHaveBeenCalled();
    }
    await expect(advisoryLocks(database)).resolves.toEqual([]);
  });

  it('waits for ever under null, whatever the session says', async () => {
    const holder = await database.connect();
    await holder.query('BEGIN; LOCK TABLE users');
    const { tx } = await begin();
    const pid = await pidOf(tx);
    await OpenTransaction.of(tx).query({ text: `SET LOCAL lock_timeout = '1ms'` });
    await expect(pglock.model('users', { transaction: tx })).resolves.toBe(false);
    const waiting = pglock.model('users', { transaction: tx, timeout: null });
    await database.waitForWaiter(pid);
    await holder.query('COMMIT');
    await expect(waiting).resolves.toBe(true);
    await expect(lockTimeoutOf(tx)).resolves.toBe('1ms/0');
  });

  /** Above READ COMMITTED: what takes the snapshot before the wait, sees nothing of what was written meanwhile. */
  it.each<[string, (tx: object, how: ModelLockOptions) => Promise<unknown>]>([
    ['a timeout', (tx, how) => pglock.model('users', { ...how, transaction: tx, timeout: '30s' })],
    ['no limit', (tx, how) => pglock.model('users', { ...how, transaction: tx, timeout: null })],
    [
      'a signal',
      (tx, how) => pglock.model('users', { ...how, transaction: tx, signal: new AbortController().signal }),
    ],
    [
      "the flow's timeout",
      (tx, how) => pglock.timeout('30s', () => pglock.model('users', { ...how, transaction: tx })),
    ],
    [
      "the transaction's timeout",
      (tx, how) =>
        pglock.timeout('30s', { transaction: tx }, () => pglock.model('users', { ...how, transaction: tx })),
    ],
    [
      'a way that is cleared',
      (tx, how) =>
        pglock.prioritize({ transaction: tx, timeout: '30s', onBlocked: () => [] }, () =>
          pglock.model('users', { ...how, transaction: tx }),
        ),
    ],
  ])('sees in REPEATABLE READ what was written while it waited for the table, with %s', async (_, lock) => {
    const writer = await database.connect();
    const id = Math.trunc(Math.random() * 1e9);
    database.defer(() => database.admin.query(`DELETE FROM users WHERE id = ${id}`));
    await writer.query(
      `BEGIN; LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE; INSERT INTO users VALUES (${id})`,
    );
    const { tx } = await begin();
    const transaction = OpenTransaction.of(tx);
    await transaction.query({ text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ' });
    await transaction.query({ text: `SET LOCAL statement_timeout = '1h'` });
    const waiting = lock(tx, { mode: 'SHARE ROW EXCLUSIVE', onContention: 'throw' });
    await database.waitForWaiter(({ blockedBy }) => blockedBy.includes(database.pidOf(writer)));
    await writer.query('COMMIT');
    await expect(waiting).resolves.toBe(true);
    const seen = { text: 'SELECT id FROM users WHERE id = $1::int4', values: [id] };
    await expect(transaction.query(seen)).resolves.toEqual([{ id }]);
    await expect(lockTimeoutOf(tx)).resolves.toBe('0/1h');
  });

  it('says which table does not exist, unharmed', async () => {
    const { tx } = await begin();
    for (const target of ['nothing', 'nowhere.users', { schema: 'billing', table: 'invoices_pkey' }])
      await expect(pglock.model(target, { transaction: tx })).rejects.toThrow(LockTargetError);
    await expect(pglock.model(class Unknown {}, { transaction: tx })).rejects.toThrow(LockTargetError);
    await expect(pidOf(tx)).resolves.toEqual(expect.any(Number));
  });

  it('locks what needs quoting, and runs nothing that a name might smuggle in', async () => {
    const { tx } = await begin();
    await expect(pglock.model({ table: 'Weird "na.me$1?' }, { transaction: tx })).resolves.toBe(true);
    const { rows } = await database.admin.query(HOLDERS, ['"Weird ""na.me$1?"']);
    expect(rows).toHaveLength(1);
    const evil = pglock.model({ table: 'users"; DROP TABLE users; --' }, { transaction: tx });
    await expect(evil).rejects.toThrow(LockTargetError);
  });

  it('knows the tables of models where there is no transaction of the client', async () => {
    await pglock.transaction(async () => {
      for (const model of client.models) {
        await expect(pglock.model(model, { mode: 'SHARE' })).resolves.toBe(true);
        const [lock, ...others] = await pglock.locks.find({ on: model });
        expect(lock).toMatchObject({ relSchema: 'billing', relName: 'invoices', mode: 'SHARE' });
        expect(others).toEqual([]);
      }
    });
  });

  it('locks the tables of models, several in one statement', async () => {
    const { tx } = await begin();
    for (const model of client.models)
      await expect(pglock.model(model, { transaction: tx })).resolves.toBe(true);
    await expect(
      pglock.model(['users', ...client.models, 'billing.invoices'], { transaction: tx }),
    ).resolves.toBe(true);
    await expect(database.admin.query(HOLDERS, ['billing.invoices'])).resolves.toMatchObject({ rowCount: 1 });
    await expect(database.admin.query(HOLDERS, ['users'])).resolves.toMatchObject({ rowCount: 1 });
  });

  it.each(['commit', 'rollback'] as const)('holds an advisory lock exactly until its %s', async (how) => {
    const transaction = await begin();
    const lock = await pglock.acquire('invoice:7', { transaction: transaction.tx, onContention: 'throw' });
    expect(lock).toMatchObject({ id: 'invoice:7', shared: false, held: true });
    expect(lock.pid).toBe(await pidOf(transaction.tx));
    const { classId, objId, objSubId } = pglock.advisoryKey('invoice:7');
    await expect(advisoryLocks(database)).resolves.toEqual([`${classId}:${objId}:${objSubId}`]);

    const second = await begin();
    const secondPid = await pidOf(second.tx);
    await expect(pglock.acquire('invoice:7', { transaction: second.tx, timeout: 0 })).resolves.toBeNull();
    await expect(
      pglock.acquire('invoice:7', { transaction: second.tx, timeout: '50ms' }),
    ).resolves.toBeNull();
    const waiting = pglock.acquire('invoice:7', { transaction: second.tx });
    await expect(database.waitForWaiter(secondPid)).resolves.toMatchObject({ blockedBy: [lock.pid] });
    await end(transaction, how);
    await expect(waiting).resolves.toMatchObject({ held: true, pid: secondPid });
  });

  it('takes several ids all or none, ids that hash negative and pairs among them', async () => {
    const holder = await begin();
    await pglock.acquire([-1, -2], { transaction: holder.tx, timeout: 0 });
    const { tx } = await begin();
    const options = { transaction: tx, timeout: 0 } as const;
    await expect(pglock.acquire(['a', -5n, [-1, -2]], options)).resolves.toBeNull();
    await expect(advisoryLocks(database)).resolves.toHaveLength(1);
    const lock = await pglock.acquire(['a', -5n, [3, -4], 'a'], options);
    expect(lock?.keys).toHaveLength(3);
    const all = ([-5n, [3, -4], [-1, -2], 'a'] as const).map((id) =>
      Object.values(pglock.advisoryKey(id)).join(':'),
    );
    await expect(advisoryLocks(database)).resolves.toEqual(all.sort());
  });

  it('shares a shared lock, and only that', async () => {
    const [first, second] = [await begin(), await begin()];
    const once = { timeout: 0, shared: true } as const;
    await expect(pglock.acquire('s', { ...once, transaction: first.tx })).resolves.toMatchObject({
      shared: true,
    });
    await expect(pglock.acquire('s', { ...once, transaction: second.tx })).resolves.toMatchObject({
      shared: true,
    });
    await expect(pglock.acquire('s', { transaction: second.tx, timeout: 0 })).resolves.toBeNull();
  });

  it('meets the session-level locks of the same ids', async () => {
    await using lock = await pglock.acquire('both', { timeout: 0 });
    expect(lock?.held).toBe(true);
    const { tx } = await begin();
    await expect(pglock.acquire('both', { transaction: tx, timeout: 0 })).resolves.toBeNull();
    await lock?.release();
    await expect(pglock.acquire('both', { transaction: tx, timeout: 0 })).resolves.toMatchObject({
      held: true,
    });
    await expect(pglock.acquire('both', { timeout: 0 })).resolves.toBeNull();
  });

  it('has a lock timeout for a while, and its former one again', async () => {
    const holder = await database.connect();
    await holder.query('BEGIN; LOCK TABLE users');
    const { tx } = await begin();
    const transaction = OpenTransaction.of(tx);
    await transaction.query({ text: `SET LOCAL lock_timeout = '7s'` });
    await pglock.timeout('30ms', { transaction: tx }, async () => {
      await expect(lockTimeoutOf(tx)).resolves.toBe('30ms/0');
      const waiting = transaction.withSavepoint(() => transaction.query({ text: 'SELECT FROM users' }));
      expect(sqlStateWithin(await waiting.catch((error: unknown) => error))).toBe('55P03');
      await pglock.timeout(null, { transaction: tx }, async () => {
        await expect(lockTimeoutOf(tx)).resolves.toBe('0/0');
      });
      await expect(lockTimeoutOf(tx)).resolves.toBe('30ms/0');
    });
    await expect(lockTimeoutOf(tx)).resolves.toBe('7s/0');
    const failing = pglock.timeout('3s', { transaction: tx }, () => Promise.reject(new Error('work')));
    await expect(failing).rejects.toThrow('work');
    await expect(lockTimeoutOf(tx)).resolves.toBe('7s/0');
  });

  it('stops waiting when its signal aborts, and stays usable', async () => {
    const holder = await database.connect();
    await holder.query(`BEGIN; LOCK TABLE users; SELECT pg_advisory_xact_lock(77)`);
    const { tx } = await begin();
    const pid = await pidOf(tx);
    for (const wait of [
      (signal: AbortSignal) => pglock.acquire(77, { transaction: tx, signal }),
      (signal: AbortSignal) => pglock.model('users', { transaction: tx, signal, timeout: '1m' }),
    ]) {
      const controller = new AbortController();
      const waiting = wait(controller.signal);
      await database.waitForWaiter(pid);
      controller.abort(new Error('gone'));
      await expect(waiting).rejects.toThrow('gone');
    }
    await expect(pidOf(tx)).resolves.toBe(pid);
  });

  it('gives fencing tokens that grow from holder to holder', async () => {
    const tokens: bigint[] = [];
    const early = await begin();
    await OpenTransaction.of(early.tx).query({ text: 'SELECT pg_current_xact_id()::text AS x' });
    for (const transaction of [await begin(), early, await begin()]) {
      const lock = await pglock.acquire('fenced', {
        transaction: transaction.tx,
        onContention: 'throw',
        timeout: 0,
      });
      tokens.push(await lock.fencingToken());
      await expect(lock.fencingToken()).resolves.toBe(tokens.at(-1));
      await end(transaction, 'commit');
    }
    expect(tokens).toEqual(tokens.toSorted((a, b) => Number(a - b)));
    expect(new Set(tokens).size).toBe(3);
  });
}
