import fc from 'fast-check';
import pg from 'pg';
import { UnreadableAnswerError } from '../../lib/errors/unreadable-answer.error.js';
import { createCore } from '../../lib/core/pg-lock-core.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import type { PgLockService } from '../../lib/pg-lock.service.js';
import { advisoryLocks } from '../support/cores.js';
import { eventually, useDatabase } from '../support/database.js';
import { PLUGIN_KINDS, pluggedClient, type Plugins } from './transaction-clients/plugged-client.js';

const database = useDatabase({ schema: 'CREATE TABLE users (id int PRIMARY KEY)', mayStay: () => true });

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
    () => pglock.acquire('x', { ...options, timeout: '1s' }),
    () => pglock.acquire(['x', 'y'], { ...options, timeout: 0 }),
    () => pglock.model('users', { ...options, timeout: '1s' }),
    () => pglock.timeout('1s', options, () => 1),
  ])
    await expect(failing()).rejects.toThrow(UnreadableAnswerError);
  await expect(advisoryLocks(database)).resolves.toEqual([]);
  await client.query('INSERT INTO users VALUES (1)');
  await client.query('COMMIT');
  client.release();
  await expect(database.admin.query('DELETE FROM users')).resolves.toMatchObject({ rowCount: 1 });
});

it('whatever parsers and hooks there are, every verb says what is true', async () => {
  const holder = await database.connect();
  const plugins = fc.record<Plugins>({
    boolean: fc.constantFrom(...PLUGIN_KINDS.values),
    number: fc.constantFrom(...PLUGIN_KINDS.values),
    text: fc.constantFrom(...PLUGIN_KINDS.values),
    row: fc.constantFrom(...PLUGIN_KINDS.rows),
    result: fc.constantFrom(...PLUGIN_KINDS.results),
  });
  await fc.assert(
    fc.asyncProperty(plugins, async (chosen) => {
      const pool = new pg.Pool({ connectionString: database.url, max: 2, Client: pluggedClient(chosen) });
      const core = createCore(resolveOptions({ pool }));
      try {
        await expectTheTruth(core.service, pool, holder);
      } finally {
        await core.close();
        await pool.end();
      }
    }),
    { numRuns: 6 },
  );
}, 120_000);

async function expectTheTruth(pglock: PgLockService, pool: pg.Pool, holder: pg.Client): Promise<void> {
  const client = await pool.connect();
  await client.query('BEGIN');
  try {
    await expectTheTruthIn(client, pglock, holder);
  } finally {
    await holder.query('ROLLBACK');
    client.release();
  }
  await pglock.advisory('own', { xact: true }, (own) => expect(own.held).toBe(true));
  await pglock.advisory('session', (own) => expect(own.held).toBe(true));
  await pglock.timeout('3s', () => pool.query('SELECT 1'));
  await eventually(async () => (await advisoryLocks(database)).length === 0);
}

async function expectTheTruthIn(
  client: pg.PoolClient,
  pglock: PgLockService,
  holder: pg.Client,
): Promise<void> {
  const options = { transaction: client } as const;
  await holder.query('BEGIN; SELECT pg_advisory_xact_lock(8); LOCK TABLE users');
  for (const timeout of [0, 20]) {
    await expect(pglock.acquire(8, { ...options, timeout })).resolves.toBeNull();
    await expect(pglock.acquire(['free', 8n], { ...options, timeout })).resolves.toBeNull();
    await expect(pglock.model('users', { ...options, timeout })).resolves.toBe(false);
  }
  await holder.query('ROLLBACK');
  const lock = await pglock.acquire(['a', 8n], { ...options, timeout: '5s', onContention: 'throw' });
  expect({ held: lock.held, pid: lock.pid }).toEqual({ held: true, pid: database.pidOf(client) });
  expect(await lock.fencingToken()).toBeGreaterThan(0n);
  await expect(pglock.model('users', { ...options, mode: 'SHARE', timeout: '5s' })).resolves.toBe(true);
  await expect(pglock.timeout('3s', options, () => 'done')).resolves.toBe('done');
  await client.query('COMMIT');
  expect(lock.held).toBe(false);
}
