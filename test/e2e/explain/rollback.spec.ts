import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { ExplainReport } from '../../../lib/explain/report.js';
import { cliFolder } from '../../support/cli.js';
import { eventually, useDatabase } from '../../support/database.js';

const resolve = createRequire(import.meta.url).resolve;
const urlOf = (name: string) => JSON.stringify(pathToFileURL(resolve(name)).href);
const db = useDatabase({
  schema: `CREATE TABLE orders (id int PRIMARY KEY, total int); INSERT INTO orders SELECT g, g FROM generate_series(1, 100) g;
    CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders DEFERRABLE INITIALLY DEFERRED)`,
});
const command = ['explain', '-y', '--json', '--rollback', '-d'] as const;
const reportIn = (stdout: string) => JSON.parse(stdout) as ExplainReport;
const locksIn = ({ statements }: ExplainReport) =>
  statements.flatMap(({ locks }) => locks.map(({ relation, mode }) => `${relation} ${mode}`));

/** Everything that is in the database: relations with their columns and files, and the rows of the tables. */
async function contents(): Promise<unknown> {
  const { rows } = await db.admin.query<{ relations: unknown }>(
    `SELECT json_agg(json_build_array(c.relname, c.relfilenode, c.relnatts) ORDER BY c.oid) AS relations,
      (SELECT count(*) FROM orders) AS orders, (SELECT sum(total) FROM orders) AS total, (SELECT count(*) FROM items) AS items
     FROM pg_class c WHERE c.oid >= 16384`,
  );
  return rows;
}

/** Runs a script, and expects the database as it was. */
async function rolledBack(script: string, files: Readonly<Record<string, string>> = {}) {
  const folder = cliFolder(db);
  for (const [name, text] of Object.entries(files)) folder.write(name, text);
  folder.write('run.mjs', script);
  const before = await contents();
  const ran = await folder.pglock([...command, db.url, '--', process.execPath, 'run.mjs']);
  await eventually(async () => (await db.sessions()).length === 0);
  expect(await contents()).toEqual(before);
  return ran;
}

const withClient = (body: string) => `
  import pg from ${urlOf('pg')};
  const client = new pg.Client(process.env.DATABASE_URL);
  client.on('error', (error) => console.error(error.code, error.message));
  await client.connect();
  const told = [];
  const query = (text, values) => client.query(values ? { text, values } : text).then(({ command }) => command, ({ code }) => code);
  ${body}
  console.error(JSON.stringify(told));
  await client.end();`;

describe('pglock explain --rollback -- COMMAND', () => {
  it('answers pg as if it committed, and commits nothing', async () => {
    const { code, stdout, stderr } = await rolledBack(
      withClient(`
        for (const sql of [
          'CREATE TABLE made (a int)',
          'BEGIN', 'ALTER TABLE orders ADD COLUMN b int', 'INSERT INTO made VALUES (1)', 'COMMIT',
          'START TRANSACTION', 'DROP TABLE items', 'ROLLBACK', 'SELECT id FROM items',
          'BEGIN', 'SELECT 1 / 0', 'SELECT 1', 'COMMIT', 'SELECT a FROM made',
          'INSERT INTO items VALUES (1, 1000)', 'SELECT 1',
          'BEGIN; INSERT INTO items VALUES (2, 2); COMMIT', 'ALTER TABLE items ADD COLUMN c int',
          'BEGIN ISOLATION LEVEL SERIALIZABLE', 'INSERT INTO items VALUES (3, 1000)', 'COMMIT', 'SELECT 1',
        ]) told.push(await query(sql));
        told.push(await query('BEGIN', []), await query('UPDATE orders SET total = $1', [1]), await query('COMMIT', []));
        told.push(await query('INSERT INTO items VALUES ($1, 1000)', [4]), await query('SELECT 1', []));
        const { rows } = await client.query('SELECT (SELECT count(*)::int FROM items) AS items, (SELECT sum(total)::int FROM orders) AS total');
        told.push(rows[0].items, rows[0].total);`),
    );
    expect(stderr).toMatch(/^\[.*\]\n$/);
    expect(JSON.parse(stderr)).toEqual([
      'CREATE',
      ...['BEGIN', 'ALTER', 'INSERT', 'COMMIT'],
      ...['START', 'DROP', 'ROLLBACK', 'SELECT'],
      ...['BEGIN', '22012', '25P02', 'ROLLBACK', 'SELECT'],
      ...['23503', 'SELECT'],
      ...[null, 'ALTER'],
      ...['BEGIN', 'INSERT', '23503', 'SELECT'],
      ...['BEGIN', 'UPDATE', 'COMMIT'],
      ...['23503', 'SELECT'],
      ...[1, 100],
    ]);
    expect(code).toBe(0);
    const report = reportIn(stdout);
    expect(locksIn(report)).toEqual(
      expect.arrayContaining([
        'public.made ACCESS EXCLUSIVE',
        'public.orders ACCESS EXCLUSIVE',
        'public.items ACCESS EXCLUSIVE',
      ]),
    );
    const [made, , altered] = report.statements;
    expect([made?.partial, altered?.sql, altered?.heldBefore]).toEqual([
      false,
      'ALTER TABLE orders ADD COLUMN b int',
      [],
    ]);
  });

  it('rolls the migrations of Knex back, and reports each statement', async () => {
    const { code, stdout, stderr } = await rolledBack(
      `import knex from ${urlOf('knex')};
       const db = knex({ client: 'pg', connection: process.env.DATABASE_URL, pool: { min: 1, max: 1 }, migrations: { directory: '.', loadExtensions: ['.cjs'] } });
       const [, names] = await db.migrate.latest();
       console.error(names.join());
       const rows = await db('orders').where('note', 'x');
       console.error(String(rows.length));
       await db.destroy();`,
      {
        '1_a.cjs': `exports.up = (knex) => knex.schema.createTable('made', (t) => { t.increments(); }); exports.down = () => undefined;`,
        '2_b.cjs': `exports.up = async (knex) => { await knex.schema.alterTable('orders', (t) => { t.text('note'); t.index('total'); }); await knex('orders').update({ note: 'x' }); }; exports.down = () => undefined;`,
      },
    );
    expect([code, stderr]).toEqual([0, '1_a.cjs,2_b.cjs\n100\n']);
    const report = reportIn(stdout);
    const altered = report.statements.find(({ sql }) => sql.startsWith('alter table "orders"'));
    expect(altered?.locks).toMatchObject([{ relation: 'public.orders', mode: 'ACCESS EXCLUSIVE' }]);
    expect(report.statements.filter(({ error }) => error !== null).map(({ sql }) => sql)).toEqual([]);
  });

  const withPsql = spawnSync('psql', ['--version']).status === 0 ? it : it.skip;
  withPsql('takes the data of COPY from psql, and drops it', async () => {
    const folder = cliFolder(db);
    folder.write(
      'a.sql',
      `BEGIN;\nCOPY orders FROM STDIN;\n1001\t1\n1002\t2\n\\.\nCOMMIT;\nCOPY orders FROM STDIN;\n1\t1\n\\.\nSELECT count(*) FROM orders;\n`,
    );
    const before = await contents();
    const { code, stdout, stderr } = await folder.pglock([
      ...command,
      db.url,
      '--',
      'psql',
      '-XAtf',
      'a.sql',
    ]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/COPY 2\nCOMMIT\n(.*\n)*102\n$/)]);
    expect(reportIn(stdout).statements).toHaveLength(5);
    expect(await contents()).toEqual(before);
  });

  it.each([
    ['a simple query', `await query('VACUUM orders')`],
    ['an extended query', `await query('CREATE INDEX CONCURRENTLY made ON orders (total)', [])`],
    ['PREPARE TRANSACTION', `await query('BEGIN'); await query("PREPARE TRANSACTION 'kept'")`],
    ['a COMMIT from within', `await query('DO $$ BEGIN COMMIT; END $$')`],
  ])('ends with 1 at what cannot run in a transaction, by %s', async (_, body) => {
    const { code, stdout, stderr } = await rolledBack(
      withClient(
        `await query('ALTER TABLE orders ADD COLUMN b int'); ${body}; setInterval(() => undefined, 1000); await new Promise(() => undefined);`,
      ),
    );
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/pglock: --rollback: .*transaction.*nothing was committed/i),
    ]);
    expect(locksIn(reportIn(stdout))).toContain('public.orders ACCESS EXCLUSIVE');
    const { rows } = await db.admin.query('SELECT gid FROM pg_prepared_xacts');
    expect(rows).toEqual([]);
  });

  it('lets a second connection read, and ends with 1 when it writes or waits for the first', async () => {
    const second = (sql: string) =>
      withClient(`
        await query('ALTER TABLE orders ADD COLUMN b int');
        const other = new pg.Client(process.env.DATABASE_URL);
        other.on('error', () => undefined);
        await other.connect();
        await other.query(${JSON.stringify(sql)});
        await other.end();`);
    expect((await rolledBack(second('SELECT id FROM items'))).code).toBe(0);
    const wrote = await rolledBack(second('CREATE TABLE made (a int)'));
    expect([wrote.code, wrote.stderr]).toEqual([1, expect.stringContaining('a second connection writes')]);
    const waited = await rolledBack(second('SELECT id FROM orders'));
    expect([waited.code, waited.stderr]).toEqual([1, expect.stringContaining('a second connection waits')]);
  });

  it('leaves nothing on Ctrl-C', async () => {
    const folder = cliFolder(db);
    const before = await contents();
    folder.write(
      'run.mjs',
      withClient(`await query('CREATE TABLE made (a int)'); await query('SELECT pg_sleep(60)');`),
    );
    const running = folder.start([...command, db.url, '--', process.execPath, 'run.mjs']);
    await eventually(async () =>
      (await db.sessions()).some(({ state, query }) => state === 'active' && query.includes('pg_sleep')),
    );
    running.process.kill('SIGINT');
    expect((await running.result).code).toBe(130);
    await eventually(async () => (await db.sessions()).length === 0);
    expect(await contents()).toEqual(before);
  });

  it('is for commands', async () => {
    const folder = cliFolder(db);
    folder.write('1.sql', 'SELECT 1');
    const { code, stderr } = await folder.pglock([...command, db.url, '1.sql']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('rolled back anyway')]);
  });
});
