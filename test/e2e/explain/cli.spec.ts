import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ExplainReport } from '../../../lib/explain/report.js';
import { cliFolder } from '../../support/cli.js';
import { eventually, useDatabase } from '../../support/database.js';

const require_ = createRequire(import.meta.url).resolve;
const db = useDatabase({
  schema: `CREATE TABLE orders (id int PRIMARY KEY, total int); INSERT INTO orders SELECT g, g FROM generate_series(1, 100) g;`,
});
const yes = ['explain', '-y', '-d'] as const;
/** Processes start slowly where many do at once. */
const PATIENT = { timeout: 60_000 };
const reportIn = (stdout: string) => JSON.parse(stdout) as ExplainReport;

describe('pglock explain FILE', () => {
  it('prints a table of all statements first, each then, in 80 columns', async () => {
    const folder = cliFolder(db);
    folder.write(
      '1.sql',
      'ALTER TABLE orders ALTER COLUMN total SET NOT NULL;\nCREATE INDEX "odd name" ON orders (total);\n',
    );
    const { code, stdout } = await folder.pglock([...yes, db.url, '--safe', '1.sql']);
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines.slice(0, 3).map((line) => line.split(/ {2,}/)[0])).toEqual(['where', '1.sql:1', '1.sql:2']);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      'ADD CONSTRAINT orders_total_not_null CHECK (total IS NOT NULL) NOT VALID;',
    );
    expect(stdout).toContain('CREATE INDEX CONCURRENTLY "odd name" ON orders (total);');
  });

  it('prints JSON, Markdown, and fails on what it is told to', async () => {
    const folder = cliFolder(db);
    folder.write('1.sql', 'ALTER TABLE orders ADD COLUMN a int;');
    const json = await folder.pglock([...yes, db.url, '--json', '1.sql']);
    expect(reportIn(json.stdout)).toMatchObject({
      version: 1,
      live: null,
      summary: { strongest: 'ACCESS EXCLUSIVE', statements: 1 },
    });
    const failing = await folder.pglock([
      ...yes,
      db.url,
      '--markdown',
      '--fail-on',
      'rewrite,access-exclusive',
      '1.sql',
    ]);
    expect([failing.code, failing.stdout]).toEqual([
      1,
      expect.stringContaining('| 1\\.sql:1 |'.replace('\\.', '.')) as string,
    ]);
    expect((await folder.pglock([...yes, db.url, '--fail-on', 'rewrite', '1.sql'])).code).toBe(0);
    const unknown = await folder.pglock([...yes, db.url, '--fail-on', 'rewrites', '1.sql']);
    expect([unknown.code, unknown.stderr]).toEqual([
      2,
      expect.stringContaining('there is no hazard "rewrites"') as string,
    ]);
  });

  it('never takes DATABASE_URL for the database to execute on, and takes that of the configuration', async () => {
    const folder = cliFolder(db);
    folder.write('1.sql', 'SELECT 1');
    const refused = await folder.pglock(['explain', '-y', '1.sql']);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('DATABASE_URL does not count') as string,
    ]);
    folder.write('pglock.config.json', JSON.stringify({ explain: { database: db.url } }));
    expect((await folder.pglock(['explain', '-y', '1.sql'])).code).toBe(0);
  });

  it('tells a failed statement with its file, line and column', async () => {
    const folder = cliFolder(db);
    folder.write('1.sql', 'SELECT 1;\nALTER TABLE\n  nothing ADD a int;');
    const { code, stderr, stdout } = await folder.pglock([...yes, db.url, '1.sql']);
    expect([code, stderr]).toEqual([1, 'pglock: 1.sql:2:1: relation "nothing" does not exist\n']);
    expect(stdout).toContain('failed');
  });

  it('reads the standard input, and psql commands are wrong usage', async () => {
    const folder = cliFolder(db);
    const reading = folder.start([...yes, db.url, '-'], {}, 'pipe');
    reading.process.stdin?.end('SELECT 1;\n\\dt\n');
    const { code, stderr } = await reading.result;
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('<stdin>:2:1: \\dt is a command of psql') as string,
    ]);
  });

  it('cannot connect with 3, and refuses with 1 beside others', async () => {
    const folder = cliFolder(db);
    folder.write('1.sql', 'SELECT 1');
    expect((await folder.pglock([...yes, 'postgres://u@127.0.0.1:1/d', '1.sql'])).code).toBe(3);
    const refused = await folder.pglock(['explain', '-d', db.url, '1.sql']);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('Other clients are connected') as string,
    ]);
  });

  it.each([
    [['--fail-on', ','], '--fail-on names no hazard'],
    [['--json', '--markdown'], 'either --json or --markdown'],
    [['--rollback'], '--rollback is for commands'],
    [['--live', 'nowhere'], 'There is no database "nowhere"'],
  ])('refuses %j', async (options, message) => {
    const folder = cliFolder(db);
    folder.write('1.sql', 'SELECT 1');
    const { code, stderr } = await folder.pglock([...yes, db.url, ...options, '1.sql']);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message) as string]);
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const folder = cliFolder(db);
    folder.write('1.sql', 'CREATE TABLE never (a int); SELECT pg_sleep(60);');
    const running = folder.start([...yes, db.url, '1.sql']);
    await eventually(
      async () =>
        (await db.sessions()).some(({ state, query }) => state === 'active' && query.includes('pg_sleep')),
      PATIENT,
    );
    running.process.kill('SIGINT');
    expect((await running.result).code).toBe(130);
    expect(await db.sessions()).toEqual([]);
    expect((await db.admin.query(`SELECT to_regclass('never') AS t`)).rows).toEqual([{ t: null }]);
  });
});

describe('pglock explain -- COMMAND', () => {
  const script = (sql: readonly string[]) => `
    const pg = require(${JSON.stringify(require_('pg'))});
    (async () => {
      const client = new pg.Client(process.env.DATABASE_URL);
      await client.connect();
      for (const sql of ${JSON.stringify(sql)}) await client.query(sql);
      console.log('said by the command');
      await client.end();
    })().catch((error) => { console.error(error.message); process.exit(7); });`;
  /** Connects to another address than it was given, and says how that failed. */
  const stray = (change: string) => `
    const pg = require(${JSON.stringify(require_('pg'))});
    const url = new URL(process.env.DATABASE_URL); ${change};
    new pg.Client(url.href).connect().catch((error) => { console.error(error.code); process.exit(5); });`;

  it('ends with the code of the command, whose output is talk, and commits', async () => {
    const folder = cliFolder(db);
    folder.write('ok.cjs', script(['CREATE TABLE made (a int)', 'ALTER TABLE orders ADD COLUMN b int']));
    const { code, stdout, stderr } = await folder.pglock([
      ...yes,
      db.url,
      '--json',
      '--',
      process.execPath,
      'ok.cjs',
    ]);
    expect([code, stderr]).toEqual([0, 'said by the command\n']);
    const { statements } = reportIn(stdout);
    expect(statements.map(({ locks }) => locks.map(({ relation, mode }) => `${relation} ${mode}`))).toEqual([
      ['public.made ACCESS EXCLUSIVE'],
      ['public.orders ACCESS EXCLUSIVE'],
    ]);
    expect(statements.map(({ partial }) => partial)).toEqual([false, false]);
    const { rows } = await db.admin.query(`SELECT to_regclass('made')::text AS made`);
    expect(rows).toEqual([{ made: 'made' }]);
    folder.write('bad.cjs', script(['ALTER TABLE nothing ADD a int']));
    const failed = await folder.pglock([...yes, db.url, '--json', '--', process.execPath, 'bad.cjs']);
    expect(failed.code).toBe(7);
    expect(reportIn(failed.stdout).statements[0]?.error?.code).toBe('42P01');
    const found = await folder.pglock([...yes, db.url, '--fail-on', 'H02', '--', process.execPath, 'ok.cjs']);
    expect(found.code).toBe(7);
    await db.admin.query('DROP TABLE made; ALTER TABLE orders DROP COLUMN b');
  });

  it('lets nobody in who does not have the password of the run', async () => {
    const folder = cliFolder(db);
    folder.write('thief.cjs', stray("url.password = 'guessed'"));
    const { code, stderr } = await folder.pglock([
      ...yes,
      db.url,
      '--json',
      '--',
      process.execPath,
      'thief.cjs',
    ]);
    expect([code, stderr]).toEqual([5, '28P01\n']);
  });

  it('says what cannot be started, and what is missing', async () => {
    const folder = cliFolder(db);
    const missing = await folder.pglock([...yes, db.url, '--', 'no-such-command-here']);
    expect([missing.code, missing.stderr]).toEqual([
      2,
      expect.stringContaining('Cannot run no-such-command-here') as string,
    ]);
    expect((await folder.pglock([...yes, db.url, 'a.sql', '--', 'true'])).code).toBe(2);
    expect((await folder.pglock([...yes, db.url, '--'])).code).toBe(2);
    expect((await folder.pglock([...yes, db.url, '--', ''])).code).toBe(2);
  });

  it('cancels what the command cancels', async () => {
    const folder = cliFolder(db);
    folder.write(
      'cancel.cjs',
      `const pg = require(${JSON.stringify(require_('pg'))});
       (async () => {
         const client = new pg.Client(process.env.DATABASE_URL);
         await client.connect();
         const slept = client.query('SELECT pg_sleep(60)').catch((error) => error.code);
         const other = new pg.Client(process.env.DATABASE_URL);
         setTimeout(() => other.cancel(client, client.activeQuery ?? client._activeQuery ?? client._getActiveQuery()), 200);
         console.log(await slept);
         await client.end();
       })();`,
    );
    const { stderr } = await folder.pglock([...yes, db.url, '--json', '--', process.execPath, 'cancel.cjs']);
    expect(stderr).toContain('57014');
  });

  it('lets the command into the database of -d, and into no other', async () => {
    const folder = cliFolder(db);
    folder.write('other.cjs', stray("url.pathname = '/postgres'"));
    const { code, stderr } = await folder.pglock([...yes, db.url, '--', process.execPath, 'other.cjs']);
    expect([code, stderr]).toEqual([5, '3D000\n']);
  });

  it.each([
    ['alone, which the tracer wraps', ['CREATE TABLE never AS SELECT pg_sleep(60)::text AS a'], []],
    ['in several statements', ['CREATE TABLE never (a int); SELECT pg_sleep(60)'], []],
    ['of DO', ['DO $$ BEGIN CREATE TABLE never (a int); PERFORM pg_sleep(60); END $$'], []],
    ['in a transaction', ['BEGIN', 'CREATE TABLE never (a int)', 'SELECT pg_sleep(60)'], []],
    ['that is rolled back', ['CREATE TABLE never (a int)', 'SELECT pg_sleep(60)'], ['--rollback']],
  ])('leaves nothing when the command is killed in the middle of a statement %s', async (_, sql, options) => {
    const folder = cliFolder(db);
    folder.write('long.cjs', `require('node:fs').writeFileSync('pid', String(process.pid));${script(sql)}`);
    const running = folder.start([...yes, db.url, ...options, '--json', '--', process.execPath, 'long.cjs']);
    await eventually(
      async () =>
        (await db.sessions()).some(({ state, query }) => state === 'active' && query.includes('pg_sleep')),
      PATIENT,
    );
    process.kill(Number(readFileSync(join(folder.path, 'pid'), 'utf8')), 'SIGKILL');
    const { code, stdout } = await running.result;
    expect(code).toBe(137);
    expect(reportIn(stdout).statements.length).toBeGreaterThan(0);
    await eventually(async () => (await db.sessions()).length === 0);
    expect((await db.admin.query(`SELECT to_regclass('never') AS t`)).rows).toEqual([{ t: null }]);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'makes a command end that does not hear %s, and leaves no transaction',
    async (signal) => {
      const folder = cliFolder(db);
      folder.write(
        'deaf.cjs',
        `for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => undefined);
         setTimeout(() => process.exit(), 50_000);${script(['BEGIN', 'CREATE TABLE never (a int)', 'SELECT pg_sleep(60) AS deaf'])}`,
      );
      const running = folder.start([...yes, db.url, '--', process.execPath, 'deaf.cjs']);
      await eventually(
        async () => (await db.sessions()).some(({ query }) => query.includes('AS deaf')),
        PATIENT,
      );
      running.process.kill(signal);
      expect((await running.result).code).toBe(137);
      expect((await db.admin.query(`SELECT to_regclass('never') AS t`)).rows).toEqual([{ t: null }]);
    },
  );

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'gives up on %s while it looks at the live database',
    async (signal) => {
      const silent = createServer(() => undefined);
      await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
      db.defer(() => silent.close());
      const connected = new Promise((resolve) => silent.once('connection', resolve));
      const { port } = silent.address() as AddressInfo;
      const folder = cliFolder(db);
      const live = `postgres://u@127.0.0.1:${port}/x`;
      const running = folder.start([...yes, db.url, '--live', live, '--', process.execPath, '-e', '']);
      await connected;
      running.process.kill(signal);
      expect((await running.result).code).toBe(signal === 'SIGINT' ? 130 : 143);
    },
  );

  it('offers TLS to a command that insists on it, with a certificate that Node and libpq can check', async () => {
    const folder = cliFolder(db);
    folder.write(
      'tls.cjs',
      `const pg = require(${JSON.stringify(require_('pg'))});
       const { existsSync } = require('node:fs');
       (async () => {
         for (const ssl of [true, { rejectUnauthorized: false }]) {
           const client = new pg.Client({ connectionString: process.env.DATABASE_URL, ssl });
           await client.connect();
           await client.query('ALTER TABLE orders ADD COLUMN tls int');
           await client.query({ text: 'ALTER TABLE orders DROP COLUMN tls', values: [], queryMode: 'extended' });
           console.log(client.connection.stream.getProtocol());
           await client.end();
         }
         console.log(process.env.PGSSLROOTCERT);
       })();`,
    );
    const { code, stdout, stderr } = await folder.pglock([
      ...yes,
      db.url,
      '--json',
      '--',
      process.execPath,
      'tls.cjs',
    ]);
    const lines = stderr.trim().split('\n');
    expect([code, lines.slice(0, 2)]).toEqual([0, ['TLSv1.3', 'TLSv1.3']]);
    expect(existsSync(lines[2] ?? '')).toBe(false);
    const seen = reportIn(stdout).statements.map(({ locks }) => locks.map(({ mode }) => mode));
    expect(seen).toEqual([
      ['ACCESS EXCLUSIVE'],
      ['ACCESS EXCLUSIVE'],
      ['ACCESS EXCLUSIVE'],
      ['ACCESS EXCLUSIVE'],
    ]);
  });

  it('ends the command on Ctrl-C, and leaves no transaction', async () => {
    const folder = cliFolder(db);
    folder.write('long.cjs', script(['BEGIN', 'CREATE TABLE never (a int)', 'SELECT pg_sleep(60)']));
    const running = folder.start([...yes, db.url, '--', process.execPath, 'long.cjs']);
    await eventually(
      async () =>
        (await db.sessions()).some(({ state, query }) => state === 'active' && query.includes('pg_sleep')),
      PATIENT,
    );
    running.process.kill('SIGINT');
    expect((await running.result).code).toBe(130);
    await eventually(async () => (await db.sessions()).length === 0);
    expect((await db.admin.query(`SELECT to_regclass('never') AS t`)).rows).toEqual([{ t: null }]);
  });
});
