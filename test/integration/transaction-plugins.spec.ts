import fc from 'fast-check';
import pg from 'pg';
import { LockNotAvailableError } from '../../lib/errors/lock-not-available.error.js';
import { UnreadableAnswerError } from '../../lib/errors/unreadable-answer.error.js';
import { createCore } from '../../lib/core/pg-lock-core.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import type { PgLockService } from '../../lib/pg-lock.service.js';
import { OpenTransaction } from '../../lib/transaction/open-transaction.js';
import { advisoryLocks, openCore } from '../support/cores.js';
import { eventually, useDatabase } from '../support/database.js';
import type { OpenClient } from './transaction-clients/client-under-test.js';
import { on } from './transaction-clients/pg.client.js';
import { PLUGIN_KINDS, pluggedClient, type Plugins } from './transaction-clients/plugged-client.js';
import { PLUGGED_CLIENTS } from './transaction-clients/plugged-clients.js';

const database = useDatabase({
  schema: 'CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE others (id int PRIMARY KEY)',
  mayStay: () => true,
});

type Wrap = (send: (...args: unknown[]) => unknown, args: unknown[]) => unknown;

/** A client whose `query` was replaced, as what traces statements does. */
function wrappedClient(wrap: Wrap): typeof pg.Client {
  return class extends pg.Client {
    override query(...args: never[]): never {
      const send = super.query as (...given: unknown[]) => unknown;
      return wrap((...given) => send.apply(this, given), args) as never;
    }
  };
}

function lent(Client: typeof pg.Client): { readonly pglock: PgLockService; readonly pool: pg.Pool } {
  const pool = new pg.Pool({ connectionString: database.url, max: 4, Client });
  pool.on('error', () => undefined);
  const core = createCore(resolveOptions({ pool }));
  database.defer(() => pool.end());
  database.defer(() => core.close());
  return { pglock: core.service, pool };
}

/** With its statement at its end or at its front; OpenTelemetry copies the object, Datadog and Slonik begin with theirs. */
const COMMENTING: Readonly<Record<string, Wrap>> = {
  'adds a comment to a copy of every statement with a text': (send, [first, ...rest]) => {
    if (typeof first === 'string') return send(`${first} /*traceparent='00'*/`, ...rest);
    const { text } = first as { text?: unknown };
    return typeof text === 'string'
      ? send({ ...(first as object), text: `${text} /*traceparent='00'*/` }, ...rest)
      : send(first, ...rest);
  },
  'begins every statement with a comment': (send, [first, ...rest]) => {
    if (typeof first === 'string') return send(`/*dddbs='shop'*/ ${first}`, ...rest);
    const { text } = first as { text?: unknown };
    if (typeof text === 'string') Object.assign(first as object, { text: `/*dddbs='shop'*/ ${text}` });
    return send(first, ...rest);
  },
  'makes a plain object of whatever it is given': (send, [first, ...rest]) =>
    send(typeof first === 'string' ? first : { ...(first as object) }, ...rest),
};

describe.each(Object.entries(COMMENTING))('what traces statements and %s', (_, wrap) => {
  it('lets a transaction have the lock timeout of its flow, and its first lock', async () => {
    const { pglock } = lent(wrappedClient(wrap));
    const seen = pglock.timeout('3s', () =>
      pglock.transaction(
        async (tx) =>
          (await tx.query<{ value: string }>(`SELECT current_setting('lock_timeout') AS value`)).rows[0],
      ),
    );
    await expect(seen).resolves.toEqual({ value: '3s' });
    for (const timeout of [0, '2s', undefined] as const) {
      const options = { xact: true, ...(timeout === undefined ? {} : { timeout }) } as const;
      await pglock.advisory('x', options, async (lock) => {
        expect(lock.held).toBe(true);
        await expect(advisoryLocks(database)).resolves.toHaveLength(1);
      });
    }
    await expect(advisoryLocks(database)).resolves.toEqual([]);
  });

  it('does not keep a wait from being given up', async () => {
    const { pglock, pool } = lent(wrappedClient(wrap));
    const holder = await database.connect();
    await holder.query('SELECT pg_advisory_lock(5)');
    const client = await pool.connect();
    await client.query('BEGIN');
    const controller = new AbortController();
    const waiting = pglock.acquire(5, { transaction: client, signal: controller.signal });
    await database.waitForWaiter(database.pidOf(client));
    controller.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    await client.query('COMMIT');
    client.release();
  });
});

it('says so where an answer is lost, leaves nothing locked, and the transaction usable', async () => {
  const { pglock, pool } = lent(
    wrappedClient((send, args) => {
      const answer = send(...args);
      return answer instanceof Promise
        ? answer.then((result: object) => ({ ...result, rows: [], fields: [] }))
        : answer;
    }),
  );
  const client = await pool.connect();
  await client.query('BEGIN');
  const options = { transaction: client };
  for (const failing of [
    () => pglock.acquire('x', { ...options, timeout: '60s' }),
    () => pglock.acquire(['x', 'y'], { ...options, timeout: 0 }),
    () => pglock.model('users', { ...options, timeout: '60s', signal: new AbortController().signal }),
  ])
    await expect(failing()).rejects.toThrow(UnreadableAnswerError);
  await expect(pglock.timeout('1s', options, () => 1)).resolves.toBe(1);
  await expect(pglock.model('users', { ...options, timeout: '60s' })).resolves.toBe(true);
  await expect(advisoryLocks(database)).resolves.toEqual([]);
  await client.query('INSERT INTO users VALUES (1)');
  await client.query('COMMIT');
  client.release();
  await expect(database.admin.query('DELETE FROM users')).resolves.toMatchObject({ rowCount: 1 });
});

const PLUGINS = fc.record<Plugins>({
  boolean: fc.constantFrom(...PLUGIN_KINDS.values),
  number: fc.constantFrom(...PLUGIN_KINDS.values),
  text: fc.constantFrom(...PLUGIN_KINDS.values),
  row: fc.constantFrom(...PLUGIN_KINDS.rows),
  result: fc.constantFrom(...PLUGIN_KINDS.results),
});

describe('whatever parsers and hooks there are, every verb says what is true', () => {
  const runs = Number(process.env['PGLOCK_TEST_PLUGGED'] ?? 2);

  it.each(Object.keys(PLUGGED_CLIENTS))('in a transaction of %s', async (name) => {
    const holder = await database.connect();
    const { service } = openCore(database);
    const property = fc.asyncProperty(PLUGINS, async (plugins) => {
      const client = await PLUGGED_CLIENTS[name]!(database.url, plugins);
      try {
        await expectTheTruthIn(client, service, holder);
      } finally {
        await holder.query('ROLLBACK');
        await client.close();
      }
    });
    await fc.assert(property, { numRuns: runs });
  });

  it('on a lent pool, outside of transactions too', async () => {
    const holder = await database.connect();
    const property = fc.asyncProperty(PLUGINS, async (chosen) => {
      const pool = new pg.Pool({ connectionString: database.url, max: 4, Client: pluggedClient(chosen) });
      const core = createCore(resolveOptions({ pool }));
      try {
        await expectTheTruthIn(on(pool), core.service, holder);
        await expectTheTruthOutside(core.service, holder);
      } finally {
        await holder.query('ROLLBACK');
        await core.close();
        await pool.end();
      }
    });
    await fc.assert(property, { numRuns: 2 * runs });
  });
});

/** The verbs in a transaction of the caller's. */
async function expectTheTruthIn(client: OpenClient, pglock: PgLockService, holder: pg.Client): Promise<void> {
  const { tx, commit, rollback } = await client.begin();
  let end = rollback;
  try {
    const options = { transaction: tx } as const;
    await expectRefusals(pglock, options, holder);
    await expectGrants(pglock, options);
    const lock = () => pglock.model('others', { ...options, timeout: '20s' });
    await expectPriority((work) => pglock.prioritize({ ...options, interval: '20ms' }, work), lock);
    end = commit;
  } finally {
    await end();
  }
  await eventually(async () => (await advisoryLocks(database)).length === 0);
}

async function expectRefusals(
  pglock: PgLockService,
  options: { readonly transaction: object },
  holder: pg.Client,
): Promise<void> {
  await holder.query('BEGIN; SELECT pg_advisory_xact_lock(8); LOCK TABLE users');
  for (const timeout of [0, 20]) {
    const refused = { ...options, timeout };
    await expect(pglock.acquire(8, refused)).resolves.toBeNull();
    await expect(pglock.acquire(['free', 8n], refused)).resolves.toBeNull();
    await expect(pglock.advisory(8, refused, () => 1)).rejects.toThrow(LockNotAvailableError);
    await expect(pglock.model('users', refused)).resolves.toBe(false);
  }
  const thrown = pglock.model('users', { ...options, timeout: 0, onContention: 'throw' });
  await expect(thrown).rejects.toThrow(LockNotAvailableError);
  await holder.query('ROLLBACK');
}

async function expectGrants(pglock: PgLockService, options: { readonly transaction: object }): Promise<void> {
  const lock = await pglock.acquire(['a', 8n], { ...options, timeout: '60s', onContention: 'throw' });
  expect(await lock.fencingToken()).toBeGreaterThan(0n);
  await expect(pglock.locks.find({ ids: ['a'] })).resolves.toMatchObject([
    { granted: true, activity: { pid: lock.pid } },
  ]);
  const work = () => {
    pglock.assertHeld('b');
    return [pglock.isHeld('b'), pglock.isHeld('c')];
  };
  await expect(pglock.advisory('b', { ...options, timeout: 0 }, work)).resolves.toEqual([true, false]);
  await expect(pglock.model('users', { ...options, mode: 'SHARE', timeout: '60s' })).resolves.toBe(true);
  await expect(pglock.timeout('3s', options, () => 'done')).resolves.toBe('done');
  const setting = { text: `SELECT current_setting('lock_timeout') AS value` };
  await expect(OpenTransaction.of(options.transaction).query(setting)).resolves.toEqual([{ value: '0' }]);
}

/** A session that stands in the way is terminated. */
async function expectPriority(
  prioritized: (work: () => Promise<unknown>) => Promise<unknown>,
  work: () => Promise<unknown>,
): Promise<void> {
  const victim = await database.connect();
  await victim.query('BEGIN; LOCK TABLE others');
  await prioritized(work);
  await expect(victim.query('SELECT 1')).rejects.toThrow();
}

/** Those that take their sessions themselves. */
async function expectTheTruthOutside(pglock: PgLockService, holder: pg.Client): Promise<void> {
  await pglock.advisory('own', { xact: true }, (own) => expect(own.held).toBe(true));
  await pglock.advisory('session', (own) =>
    expect([own.held, pglock.isHeld('session')]).toEqual([true, true]),
  );
  const handle = await pglock.acquire('handle', { timeout: 0, onContention: 'throw' });
  expect(await handle.fencingToken()).toBeGreaterThan(0n);
  await handle.release();
  const setting = async () =>
    JSON.stringify(Object.values((await pglock.pool.query('SHOW lock_timeout')).rows[0] as object));
  const before = await setting();
  expect(await pglock.timeout('3s', setting)).not.toBe(before);
  expect(await setting()).toBe(before);
  await holder.query('BEGIN; LOCK TABLE others');
  const waiting = pglock.transaction(() => pglock.model('others', { timeout: '20s' }));
  await eventually(async () => (await pglock.blocked.find({ on: 'others' })).length === 1);
  await holder.query('ROLLBACK');
  await expect(waiting).resolves.toBe(true);
  await expectPriority(
    (work) => pglock.prioritize({ interval: '20ms' }, work),
    () => pglock.pool.query('SELECT FROM others'),
  );
  await eventually(async () => (await advisoryLocks(database)).length === 0);
}
