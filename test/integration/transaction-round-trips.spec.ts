import pg from 'pg';
import { createCore, type PgLockCore } from '../../lib/core/pg-lock-core.js';
import { LockNotAvailableError } from '../../lib/errors/lock-not-available.error.js';
import type { AdvisoryLockOptions } from '../../lib/locks/advisory-options.js';
import type { XactOptions } from '../../lib/pg-lock.service.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { advisoryLocks } from '../support/cores.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase({ schema: 'CREATE TABLE users (id int PRIMARY KEY)', mayStay: () => true });

interface Wire {
  /** Answers that were waited for, one after the other. */
  trips: number;
  /** Texts that left in one message each. */
  readonly texts: string[];
}

/** A core on a pool of one session whose messages are seen. */
async function watched(config: pg.PoolConfig = {}): Promise<{ core: PgLockCore; wire: Wire }> {
  const pool = new pg.Pool({ connectionString: database.url, max: 1, ...config });
  database.defer(() => pool.end());
  const wire: Wire = { trips: 0, texts: [] };
  pool.on('connect', (client) => {
    const { connection } = client as unknown as {
      connection: pg.Connection & { query(text: string): void; parse(query: { text: string }): void };
    };
    connection.on('readyForQuery', () => (wire.trips += 1));
    const { query, parse } = connection;
    connection.query = (text) => {
      wire.texts.push(text);
      query.call(connection, text);
    };
    connection.parse = (message: { text: string }) => {
      wire.texts.push(message.text);
      parse.call(connection, message);
    };
  });
  (await pool.connect()).release();
  wire.trips = 0;
  const core = createCore(resolveOptions({ pool }));
  database.defer(() => core.close());
  return { core, wire };
}

const WAYS: readonly (readonly [string, AdvisoryLockOptions])[] = [
  ['without a limit', {}],
  ['with a timeout', { timeout: '60s' }],
  ['once', { timeout: 0 }],
  ['for ever', { timeout: null }],
  ['shared, with a signal', { shared: true, signal: new AbortController().signal }],
];

describe('a lock in a transaction of its own', () => {
  it.each(WAYS)('costs two round trips more than the work: %s', async (_, options) => {
    const { core, wire } = await watched();
    const settings = await core.service.advisory(
      'a',
      { ...options, xact: true } as XactOptions,
      async (lock) => {
        expect(wire.trips).toBe(1);
        expect(lock.held).toBe(true);
        await expect(advisoryLocks(database)).resolves.toHaveLength(1);
        const { rows } = await lock.client.query<{ both: string }>(
          `SELECT current_setting('lock_timeout') || '/' || current_setting('statement_timeout') AS both`,
        );
        return rows[0]?.both;
      },
    );
    expect(settings).toBe('0/0');
    expect(wire.trips).toBe(3);
    expect(wire.texts.filter((text) => text.includes(';'))).toEqual([]);
    await expect(advisoryLocks(database)).resolves.toEqual([]);
  });

  it("has the flow's lock timeout from the first statement on, in the same write", async () => {
    const { core, wire } = await watched();
    await core.service.timeout('3s', () =>
      core.service.advisory('a', { xact: true }, async ({ client }) => {
        expect(wire.trips).toBe(1);
        await expect(client.query('SHOW lock_timeout')).resolves.toMatchObject({
          rows: [{ lock_timeout: '3s' }],
        });
      }),
    );
    expect(wire.texts.filter((text) => text.includes(';'))).toEqual([]);
  });

  it.each(WAYS.slice(1, 3))('that is refused leaves a session as it was: %s', async (_, options) => {
    const holder = await database.connect();
    await holder.query('SELECT pg_advisory_lock(7)');
    const { core } = await watched();
    const given = { ...options, timeout: options.timeout === 0 ? 0 : '30ms', xact: true } as const;
    await expect(core.service.advisory(7n, given, () => 1)).rejects.toThrow(LockNotAvailableError);
    await expect(
      core.service.advisory(7n, { ...given, onContention: 'skip' }, () => 1),
    ).resolves.toBeUndefined();
    await expect(
      core.service.pool.query(
        `SELECT current_setting('lock_timeout') AS value, now() = statement_timestamp() AS fresh`,
      ),
    ).resolves.toMatchObject({ rows: [{ value: '0', fresh: true }] });
    await holder.query('SELECT pg_advisory_unlock(7)');
    await expect(core.service.advisory(7n, given, () => 1)).resolves.toBe(1);
  });

  it('stops waiting when its signal aborts, and rolls back', async () => {
    const holder = await database.connect();
    await holder.query('SELECT pg_advisory_lock(8)');
    const { core } = await watched();
    const controller = new AbortController();
    const waiting = core.service.advisory(8n, { xact: true, signal: controller.signal }, () => 1);
    await database.waitForWaiter();
    controller.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    await expect(core.service.pool.query('SELECT 1 AS one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
  });

  it('works the same where nothing can be sent together', async () => {
    const { core, wire } = await watched({ pipeline: true });
    await expect(
      core.service.advisory('a', { xact: true, timeout: '60s' }, (lock) => lock.held),
    ).resolves.toBe(true);
    expect(wire.texts.filter((text) => text.includes(';'))).toEqual([]);
    await expect(advisoryLocks(database)).resolves.toEqual([]);
  });

  it('rolls back what its work wrote before it failed, and tells of a statement that failed unnoticed', async () => {
    const { core } = await watched();
    const failing = core.service.advisory('a', { xact: true }, async ({ client }) => {
      await client.query('INSERT INTO users VALUES (1)');
      await client.query('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(failing).rejects.toMatchObject({ code: '25P01' });
    await expect(core.service.pool.query('SELECT FROM users')).resolves.toMatchObject({ rowCount: 0 });
  });
});
