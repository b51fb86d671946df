import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import { explainMigration } from '../../../lib/explain/explain-migration.js';
import type { ExplainMigrationOptions } from '../../../lib/explain/explain-options.js';
import type { ExplainedLock, ExplainedStatement, ExplainReport } from '../../../lib/explain/report.js';
import { eventually, useDatabase } from '../../support/database.js';

const db = useDatabase({
  schema: `
    CREATE TABLE customers (id int PRIMARY KEY, name text);
    CREATE TABLE orders (id int PRIMARY KEY, customer_id int, note varchar(10), total int);
    INSERT INTO orders SELECT g, g, 'x', g FROM generate_series(1, 500) g;
    INSERT INTO customers SELECT g, 'c' FROM generate_series(1, 500) g;
    CREATE TYPE mood AS ENUM ('good');`,
});

const explain = (sql: string, more: Partial<ExplainMigrationOptions> = {}): Promise<ExplainReport> =>
  explainMigration({ database: db.url, sql, yes: true, ...more });
const first = async (sql: string): Promise<ExplainedStatement> => {
  const { statements } = await explain(sql);
  return statements[0]!;
};
const text = ({ relation, mode, created }: ExplainedLock) => `${relation} ${mode}${created ? ' (new)' : ''}`;
const names = ({ findings }: ExplainedStatement) => findings.map(({ name }) => name);

describe('explainMigration', () => {
  it('shows the strongest new lock of each relation, referenced tables too, and what it stops', async () => {
    const { locks, transactional, scans, rewrites } = await first(
      'ALTER TABLE orders ADD CONSTRAINT fk FOREIGN KEY (customer_id) REFERENCES customers (id)',
    );
    expect(locks.filter(({ kind }) => kind === 'table')).toEqual([
      expect.objectContaining({ relation: 'public.customers', kind: 'table', mode: 'SHARE ROW EXCLUSIVE' }),
      expect.objectContaining({ relation: 'public.orders', kind: 'table', mode: 'SHARE ROW EXCLUSIVE' }),
    ]);
    expect(locks[0]?.blocks).toEqual(expect.arrayContaining(['INSERT', 'UPDATE', 'DELETE']));
    expect(locks[0]?.blocks).not.toContain('SELECT');
    expect({ transactional, rewrites }).toEqual({ transactional: true, rewrites: [] });
    expect(scans).toContain('public.orders');
  });

  it('shows locks that the transaction kept from earlier statements', async () => {
    const { statements, summary } = await explain(
      'ALTER TABLE orders ADD COLUMN a int; ALTER TABLE orders ADD COLUMN b int; CREATE INDEX i ON customers (name)',
    );
    expect(statements.map(({ locks }) => locks.map(text))).toEqual([
      ['public.orders ACCESS EXCLUSIVE'],
      [],
      ['public.customers SHARE', 'public.i ACCESS EXCLUSIVE (new)'],
    ]);
    expect(statements[2]?.heldBefore.map(text)).toEqual(['public.orders ACCESS EXCLUSIVE']);
    expect(summary).toMatchObject({ statements: 3, strongest: 'ACCESS EXCLUSIVE' });
    expect(summary.longestHeldMs).toBeGreaterThanOrEqual(
      statements.reduce((sum, one) => sum + one.durationMs, 0) - 0.01,
    );
    expect(names(statements[2]!)).toContain('several-tables');
  });

  it('sees tables that are written anew, and indexes by themselves', async () => {
    const { statements } = await explain(
      'ALTER TABLE orders ADD COLUMN r float DEFAULT random(); REINDEX INDEX customers_pkey; ALTER TABLE customers ALTER COLUMN name TYPE varchar(30)',
    );
    expect(statements.map(({ rewrites }) => rewrites)).toEqual([
      ['public.orders'],
      ['public.customers_pkey'],
      ['public.customers'],
    ]);
    expect(names(statements[0]!)).toEqual(expect.arrayContaining(['rewrite', 'volatile-default']));
    expect(names(statements[2]!)).toEqual(expect.arrayContaining(['rewrite', 'type-change-rewrite']));
  });

  it('does not take the scans of earlier transactions of the session for its own', async () => {
    const { statements } = await explain('SELECT count(*) FROM orders; ALTER TABLE orders ADD COLUMN a int');
    expect(statements.map(({ scans }) => scans)).toEqual([['public.orders'], []]);
  });

  it('leaves nothing behind, and closes its connections', async () => {
    await explain(
      'CREATE TABLE made (a int); INSERT INTO orders VALUES (1000, 1); COMMIT; DROP TABLE customers CASCADE',
    );
    const { rows } = await db.admin.query<{ made: string | null; customers: string; n: string }>(
      `SELECT to_regclass('made')::text AS made, to_regclass('customers')::text AS customers, count(*) AS n FROM orders`,
    );
    expect(rows[0]).toEqual({ made: null, customers: 'customers', n: '500' });
  });

  it('reports a syntax error with its place, and what came before', async () => {
    const { statements } = await explain('ALTER TABLE orders ADD a int;\n  ALTER TABEL orders;\nSELECT 1');
    expect(statements).toHaveLength(2);
    expect(statements[1]).toMatchObject({
      file: '<sql>',
      error: { code: '42601', message: expect.stringContaining('TABEL') as string, line: 2, column: 9 },
    });
  });

  it('ends at what cannot run in a transaction, unless that may be carried out', async () => {
    const { statements } = await explain('SELECT 1; CREATE INDEX CONCURRENTLY i ON orders (total); SELECT 2');
    expect(statements.map(({ transactional, error }) => [transactional, error?.code ?? null])).toEqual([
      [true, null],
      [false, '25001'],
    ]);
    expect((await db.admin.query("SELECT to_regclass('i') AS i")).rows).toEqual([{ i: null }]);
  });

  it('carries out what it must, told beforehand, with what stands before it, and sees its locks', async () => {
    const told: string[] = [];
    const { statements } = await explain(
      'CREATE TABLE kept (a int); CREATE INDEX CONCURRENTLY kept_a ON kept (a); VACUUM kept; ALTER TABLE kept ADD b int',
      { carryOut: true, onCarryOut: (list) => told.push(...list) },
    );
    expect(told).toEqual(['CREATE INDEX CONCURRENTLY kept_a ON kept (a)', 'VACUUM kept']);
    expect(statements.map(({ carriedOut, transactional }) => [carriedOut, transactional])).toEqual([
      [true, true],
      [true, false],
      [true, false],
      [false, true],
    ]);
    for (const at of [1, 2])
      expect(statements[at]?.locks).toContainEqual(
        expect.objectContaining({ relation: 'public.kept', mode: 'SHARE UPDATE EXCLUSIVE' }),
      );
    const { rows } = await db.admin.query(
      `SELECT to_regclass('kept_a')::text AS index, (SELECT count(*)::int FROM pg_attribute WHERE attrelid = 'kept'::regclass AND attname = 'b') AS b`,
    );
    expect(rows).toEqual([{ index: 'kept_a', b: 0 }]);
    await db.admin.query('DROP TABLE kept');
  });

  it('drops the invalid index of a concurrent build that fails', async () => {
    const { statements } = await explain('CREATE UNIQUE INDEX CONCURRENTLY twice ON orders (note)', {
      carryOut: true,
    });
    expect(statements[0]).toMatchObject({ error: { code: '23505' }, carriedOut: true });
    expect(names(statements[0]!)).toContain('invalid-index');
    expect((await db.admin.query("SELECT to_regclass('twice') AS i")).rows).toEqual([{ i: null }]);
  });

  it('does not wait for other sessions longer than five seconds', async () => {
    const other = await db.connect();
    await other.query('BEGIN; LOCK TABLE orders');
    const { statements } = await explain("SET lock_timeout = '50ms'; ALTER TABLE orders ADD a int");
    expect(statements[1]?.error?.code).toBe('55P03');
    await other.query('ROLLBACK');
  });

  it('refuses beside other clients, unless told to go on', async () => {
    await expect(explain('SELECT 1', { yes: false })).rejects.toThrow(
      /Other clients are connected.*pglock-test-admin/,
    );
  });

  it('refuses beside sessions of other roles, of which its own sees little', async () => {
    const { url } = await db.role('explainer');
    await expect(explain('SELECT 1', { yes: false, database: url })).rejects.toThrow(
      /Other clients are connected/,
    );
  });

  it('refuses to execute anything on the live database, however it is spelled', async () => {
    const live = db.url.replace('127.0.0.1', 'localhost');
    await expect(explain('CREATE TABLE never (a int)', { live })).rejects.toThrow(PgLockUsageError);
  });

  it.each([
    [{}, /needs `files` or `sql`/],
    [{ sql: '-- nothing' }, /There is no statement in <sql>/],
    [{ files: '/nowhere.sql' }, /"\/nowhere.sql" cannot be read/],
    [{ sql: 'SELECT 1;\nSELECT \0 2' }, /<sql>:2: there is a NUL character/],
    [{ sql: '-- pglock: allow H99 x\nSELECT 1' }, /<sql>:1: there is no hazard "H99"/],
    [
      { sql: 'SELECT 1', carryout: true },
      /Unknown option "carryout" of explainMigration\. Did you mean 'carryOut'/,
    ],
    [{ sql: 'SELECT 1', database: 'postgres://user:secret@127.0.0.1:1' }, /names no database/],
    [{ sql: 'SELECT 1', database: 'secret' }, /must be a URL/],
    [{ sql: 'SELECT 1', signal: {} as AbortSignal }, /signal must be an AbortSignal/],
    [{ sql: 'SELECT 1', onCarryOut: 5 as never }, /onCarryOut must be a function/],
  ])('refuses %j before anything is sent', async (options, message) => {
    const failed = explainMigration({ database: db.url, ...options });
    await expect(failed).rejects.toThrow(PgLockUsageError);
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.not.toThrow(/secret@/);
  });

  it('names files and lines', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pglock-explain-'));
    db.defer(() => rmSync(folder, { recursive: true }));
    const file = join(folder, '1.sql');
    writeFileSync(file, '\n\nSELECT 1;');
    const { statements } = await explainMigration({ database: db.url, files: [file], yes: true });
    expect(statements[0]).toMatchObject({ file, line: 3, column: 1, sql: 'SELECT 1' });
  });

  it('gives up when its signal aborts, and leaves no transaction and no statement', async () => {
    const abort = new AbortController();
    const running = explain('CREATE TABLE never (a int); SELECT pg_sleep(30)', { signal: abort.signal });
    const failed = expect(running).rejects.toThrow('enough');
    await eventually(async () =>
      (await db.sessions()).some(({ query, state }) => state === 'active' && query.includes('pg_sleep')),
    );
    abort.abort(new Error('enough'));
    await failed;
  });

  it('names the invalid index that it cannot drop when it is stopped in the middle of a concurrent build', async () => {
    const other = await db.connect();
    await other.query('BEGIN; UPDATE orders SET total = 1 WHERE id = 1');
    const abort = new AbortController();
    const running = explain('CREATE INDEX CONCURRENTLY left_over ON orders (total)', {
      carryOut: true,
      signal: abort.signal,
    });
    const failed = expect(running).rejects.toThrow(/public\.left_over is left invalid/);
    await eventually(
      async () =>
        (await db.admin.query(`SELECT 1 FROM pg_class WHERE relname = 'left_over'`)).rows.length > 0,
    );
    abort.abort(new Error('enough'));
    await failed;
    await other.query('ROLLBACK');
    await db.admin.query('DROP INDEX left_over');
  });

  it('says in the file what is allowed', async () => {
    const { statements } = await explain(
      `-- pglock: allow index-not-concurrent it is small\nCREATE INDEX a ON orders (total);\nCREATE INDEX b ON orders (note);`,
    );
    expect(statements.map((one) => names(one).includes('index-not-concurrent'))).toEqual([false, true]);
  });

  it('counts locks of a file that commits for each of its transactions', async () => {
    const { statements } = await explain(
      'BEGIN; ALTER TABLE orders ADD a int; COMMIT; BEGIN; ALTER TABLE customers ADD a int; COMMIT',
    );
    expect(statements.map(({ heldBefore }) => heldBefore.map(text))).toEqual([
      [],
      [],
      ['public.orders ACCESS EXCLUSIVE'],
      [],
      [],
      ['public.customers ACCESS EXCLUSIVE'],
    ]);
    expect(statements.some((one) => names(one).includes('several-tables'))).toBe(false);
  });

  it('gives back locks of a COMMIT that is not sent: what takes them once more is seen, and hides nothing', async () => {
    const { statements } = await explain(
      'BEGIN; ALTER TABLE orders ADD a int; COMMIT; BEGIN; ALTER TABLE orders ADD b int; COMMIT',
    );
    expect(statements.map(({ locks, partial }) => [locks.map(text), partial])).toEqual([
      [[], false],
      [['public.orders ACCESS EXCLUSIVE'], false],
      [[], false],
      [[], false],
      [['public.orders ACCESS EXCLUSIVE'], false],
      [[], false],
    ]);
  });

  it('says that it sees in part what needs a transaction that is not committed', async () => {
    const { statements } = await explain(
      'ALTER TABLE orders ADD a int; COMMIT; ALTER TABLE orders ALTER a SET DEFAULT 1',
    );
    expect(statements.map(({ partial }) => partial)).toEqual([false, false, true]);
  });

  it('takes SET LOCAL back at a COMMIT that is not sent, lock_timeout too', async () => {
    const { statements } = await explain(
      "BEGIN; SET LOCAL lock_timeout = '2s'; SET LOCAL search_path = nowhere; ALTER TABLE public.orders ADD a int; COMMIT; BEGIN; ALTER TABLE orders ADD b int; COMMIT",
    );
    expect(statements.find(({ error }) => error !== null)).toBeUndefined();
    const altering = statements.filter(({ sql }) => sql.startsWith('ALTER'));
    expect(altering.map((one) => names(one).includes('no-lock-timeout'))).toEqual([false, true]);
  });

  it('checks deferred constraints where a COMMIT would, and what is behind them may alter the table', async () => {
    const schema =
      'CREATE TABLE kids (o int REFERENCES orders DEFERRABLE INITIALLY DEFERRED); COMMIT; INSERT INTO kids VALUES';
    const { statements } = await explain(`${schema} (1); COMMIT; ALTER TABLE kids ADD a int`);
    expect(statements.map(({ error }) => error)).toEqual(statements.map(() => null));
    const failed = await explain(`${schema} (-1); COMMIT; SELECT 1`);
    expect(failed.statements.at(-1)).toMatchObject({ sql: 'COMMIT', error: { code: '23503' } });
    const atEnd = await explain(`${schema} (-1)`);
    expect(atEnd.statements.at(-1)?.error?.code).toBe('23503');
  });

  it.each(['BEGIN; WORK; ROLLBACK; AGAIN', 'SAVEPOINT a; WORK; ROLLBACK TO a; AGAIN'])(
    'does not take what a rollback puts back for written anew (%s)',
    async (sql) => {
      const { statements } = await explain(
        sql
          .replace('WORK', 'ALTER TABLE orders ADD r float DEFAULT random()')
          .replace('AGAIN', 'ALTER TABLE orders ADD a int'),
      );
      expect(statements.map(({ rewrites }) => rewrites)).toEqual([[], ['public.orders'], [], []]);
    },
  );

  it.each([
    'DEALLOCATE ALL',
    'PREPARE pglock_explain_look AS SELECT 1',
    "SET statement_timeout = '1s'",
    'BEGIN; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ',
    'RESET ALL',
  ])('goes on behind %s', async (sql) => {
    const { statements } = await explain(`${sql}; ALTER TABLE orders ADD a int; COMMIT; SHOW lock_timeout`);
    expect(statements.map(({ error }) => error)).toEqual(statements.map(() => null));
    expect(statements.flatMap(({ locks }) => locks.map(text))).toEqual(['public.orders ACCESS EXCLUSIVE']);
    expect(names(statements.find(({ locks }) => locks.length > 0)!)).toContain('no-lock-timeout');
  });

  it('waits five seconds at the most, whatever the file sets', async () => {
    const other = await db.connect();
    await other.query('BEGIN; LOCK TABLE orders');
    const { statements } = await explain('SET lock_timeout = 0; ALTER TABLE orders ADD a int');
    expect(statements[1]?.error?.code).toBe('55P03');
    await other.query('ROLLBACK');
  });

  it('reports a procedure that commits as what cannot run in a transaction, and carries it out', async () => {
    await db.admin.query(`CREATE PROCEDURE commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'`);
    const { statements } = await explain('CALL commits()');
    expect(statements[0]).toMatchObject({ transactional: false, error: { code: '25001' } });
    const carried = await explain('CALL commits()', { carryOut: true });
    expect(carried.statements[0]).toMatchObject({ transactional: false, carriedOut: true, error: null });
    await db.admin.query('DROP PROCEDURE commits');
  });

  it('reports up to where the server ends the session', async () => {
    const { statements } = await explain('SELECT 1; SELECT pg_terminate_backend(pg_backend_pid()); SELECT 2');
    expect(statements.map(({ error }) => error?.code ?? null)).toEqual([null, '57P01']);
  });

  it('takes each file for a transaction of its own, and compares the order of their locks', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pglock-explain-'));
    db.defer(() => rmSync(folder, { recursive: true }));
    const files = ['orders customers', 'customers orders'].map((tables, index) => {
      const file = join(folder, `${index}.sql`);
      const [first, second] = tables.split(' ');
      writeFileSync(file, `ALTER TABLE ${first} ADD n${index} int; ALTER TABLE ${second} ADD n${index} int;`);
      return file;
    });
    const { statements } = await explainMigration({ database: db.url, files, yes: true });
    expect(statements.map(({ transaction }) => transaction)).toEqual([0, 0, 1, 1]);
    expect(statements.map(({ locks }) => locks.map(text))).toEqual([
      ['public.orders ACCESS EXCLUSIVE'],
      ['public.customers ACCESS EXCLUSIVE'],
      ['public.customers ACCESS EXCLUSIVE'],
      ['public.orders ACCESS EXCLUSIVE'],
    ]);
    expect(statements.map(({ heldBefore }) => heldBefore.length)).toEqual([0, 1, 0, 1]);
    expect(statements.map((one) => names(one).includes('lock-order'))).toEqual([false, false, false, true]);
  });

  it('commits with carryOut only what stands before something that cannot run in a transaction', async () => {
    const { statements } = await explain('CREATE TABLE never (a int); COMMIT; ALTER TABLE orders ADD a int', {
      carryOut: true,
    });
    expect(statements.map(({ carriedOut }) => carriedOut)).toEqual([false, false, false]);
    expect((await db.admin.query(`SELECT to_regclass('never') AS t`)).rows).toEqual([{ t: null }]);
  });
});
