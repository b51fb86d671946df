import { explainMigration } from '../../../lib/explain/explain-migration.js';
import { readLive } from '../../../lib/explain/live/read-live.js';
import type { ObservedStatement } from '../../../lib/explain/run/observed-statement.js';
import { quickest, useDatabase } from '../../support/database.js';

const SCHEMA = `
  CREATE TABLE orders (id int PRIMARY KEY, total int);
  CREATE TABLE "Odd ""name" (id int PRIMARY KEY);
  INSERT INTO orders SELECT g, g FROM generate_series(1, 5000) g;`;
const scratch = useDatabase({ schema: SCHEMA });
const live = useDatabase({ schema: `${SCHEMA} ANALYZE;` });

const explain = async (sql: string) => {
  const report = await explainMigration({ database: scratch.url, live: live.url, sql, yes: true });
  return report.live!;
};

/** A statement that took that lock, as if it had been seen. */
const taking = (relation: string): ObservedStatement => ({
  file: 'a.sql',
  line: 1,
  column: 1,
  sql: 'ALTER TABLE orders',
  allows: [],
  transactional: true,
  carriedOut: false,
  partial: false,
  transaction: 0,
  durationMs: 1,
  error: null,
  lockTimeoutMs: 0,
  locks: [{ relation, kind: 'table', mode: 'ACCESS EXCLUSIVE', blocks: ['SELECT'] }],
  heldBefore: [],
  rewrites: [],
  scans: [],
});

describe('a live database', () => {
  it('is read: sizes, rows, and who is in the way for how long', async () => {
    const client = await live.connect({ application_name: 'metabase' });
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM orders LIMIT 1');
    const [orders] = await explain('ALTER TABLE orders ADD COLUMN a int');
    expect(orders).toMatchObject({
      relation: 'public.orders',
      mode: 'ACCESS EXCLUSIVE',
      rows: 5000,
      wraparoundVacuum: false,
      conflicting: [
        {
          pid: live.pidOf(client),
          applicationName: 'metabase',
          state: 'idle in transaction',
          mode: 'ACCESS SHARE',
        },
      ],
    });
    expect(orders!.bytes).toBeGreaterThan(100_000);
    expect(orders!.oldestXactAgeMs).toBeGreaterThan(0);
    expect(orders!.verdict).toMatch(
      new RegExp(
        `^would wait behind ${live.pidOf(client)} \\(metabase\\), idle in transaction for .+; while it waits, `,
      ),
    );
    await client.query('ROLLBACK');
  });

  it('does not count who would not be in the way', async () => {
    const client = await live.connect();
    await client.query('BEGIN; SELECT 1 FROM orders LIMIT 1');
    const [orders] = await explain('CREATE INDEX i ON orders (total)');
    expect(orders).toMatchObject({ mode: 'SHARE', conflicting: [] });
    expect(orders!.verdict).toBe(
      'Nothing conflicts with it now; while it is held, writes of public.orders queue behind it.',
    );
    await client.query('ROLLBACK');
  });

  it('has relations with any name, and says which are not there', async () => {
    expect((await explain('ALTER TABLE "Odd ""name" ADD a int'))[0]).toMatchObject({
      relation: 'public."Odd ""name"',
      rows: 0,
    });
    await scratch.admin.query('CREATE TABLE only_here (a int)');
    expect((await explain('DROP TABLE only_here'))[0]).toMatchObject({
      bytes: null,
      verdict: 'There is no public.only_here there.',
    });
  });

  it('is never waited for, is not held up by ACCESS EXCLUSIVE, and takes little time among 5 000 relations', async () => {
    await live.admin.query(`CREATE SCHEMA many`);
    await live.admin.query(
      `DO 'BEGIN FOR n IN 1..1700 LOOP EXECUTE format($q$CREATE TABLE many.t%s (id int PRIMARY KEY, b text)$q$, n); END LOOP; END'`,
    );
    const holder = await live.connect();
    await holder.query('BEGIN; LOCK TABLE orders');
    const read = async () => {
      const [orders] = await readLive(live.url, [taking('public.orders')]);
      expect(orders?.conflicting).toMatchObject([{ mode: 'ACCESS EXCLUSIVE' }]);
    };
    expect(await quickest(200, read, { rounds: 100 })).toBeLessThan(200);
    await holder.query('ROLLBACK');
  });

  it('has no lock of ours on any relation of users while it is read', async () => {
    const clients = await Promise.all(Array.from({ length: 60 }, () => live.connect()));
    const reading = new AbortController();
    const blocked: number[] = [];
    const work = clients.map(async (client) => {
      while (!reading.signal.aborted)
        await client.query('UPDATE orders SET total = total WHERE id = 1; SELECT * FROM orders WHERE id = 2');
    });
    const watch = (async () => {
      while (!reading.signal.aborted) {
        const { rows } = await live.admin.query<{ pid: number }>(
          `SELECT l.pid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
           WHERE a.datname = current_database() AND a.application_name = 'pglock:explain' AND l.locktype = 'relation' AND l.relation >= 16384
           UNION ALL SELECT w.pid FROM pg_stat_activity w JOIN pg_stat_activity a ON a.pid = ANY (pg_blocking_pids(w.pid))
           WHERE w.wait_event_type = 'Lock' AND a.application_name = 'pglock:explain'`,
        );
        blocked.push(...rows.map(({ pid }) => pid));
      }
    })();
    for (let round = 0; round < 10; round += 1) await readLive(live.url, [taking('public.orders')]);
    reading.abort();
    await Promise.all([...work, watch]);
    expect(blocked).toEqual([]);
  });
});
