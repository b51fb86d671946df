import { createRequire } from 'node:module';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { traceCommand } from '../../../lib/explain/trace/trace-command.js';
import type { ExplainReport } from '../../../lib/explain/report.js';
import { useDatabase } from '../../support/database.js';
import { generatedClient } from '../../integration/transaction-clients/prisma.client.js';
import { recordingProxy } from './recording-proxy.js';

const db = useDatabase();
const resolve = createRequire(import.meta.url).resolve;
const urlOf = (name: string) => JSON.stringify(pathToFileURL(resolve(name)).href);
const NODE = process.execPath;
const PRISMA = new URL('../../../.cache/prisma-test/client.mjs', import.meta.url).href;

/** What each tool runs: two migrations, the second in the way of the first, and one that fails. */
const UP = [
  'CREATE TABLE orders (id int PRIMARY KEY, total int)',
  'ALTER TABLE orders ADD COLUMN note text',
  'CREATE INDEX orders_total ON orders (total)',
];
const SQL = JSON.stringify(UP);

type Files = Readonly<Record<string, string>>;
interface Tool {
  readonly files: Files;
  readonly command: readonly string[];
}

const script = (text: string, files: Files = {}): Tool => ({
  files: { 'run.mjs': text, ...files },
  command: [NODE, 'run.mjs'],
});

const TOOLS: Readonly<Record<string, Tool>> = {
  'pg, simple and extended': script(`
    import pg from ${urlOf('pg')};
    const client = new pg.Client(process.env.DATABASE_URL);
    client.on('notice', () => undefined);
    await client.connect();
    for (const sql of ${SQL}) await client.query(sql);
    await client.query('INSERT INTO orders (id, total) SELECT g, g FROM generate_series(1, 2000) g');
    await client.query('BEGIN');
    await client.query({ text: 'ALTER TABLE orders ADD COLUMN a int', values: [] });
    await client.query('UPDATE orders SET total = $1 WHERE id = $2', [1, 2]);
    await client.query({ name: 'kept', text: 'SELECT $1::int AS n', values: [1] });
    await client.query('COMMIT');
    await client.query({ name: 'kept', text: 'SELECT $1::int AS n', values: [2] });
    await client.query({ text: 'CREATE INDEX b ON orders (a)', queryMode: 'extended' });
    await client.query({ text: 'CREATE INDEX CONCURRENTLY c ON orders (a)', queryMode: 'extended' });
    await client.query('CREATE INDEX CONCURRENTLY d ON orders (a)');
    await client.query('VACUUM orders');
    await client.query('CREATE TABLE orders (id int)').catch(() => undefined);
    await client.query({ text: 'CREATE TABLE orders (id int)', queryMode: 'extended' }).catch(() => undefined);
    await client.query('ALTER TABLE nothing ADD a int; SELECT 1').catch(() => undefined);
    await client.query('SELEC').catch(() => undefined);
    await client.query('BEGIN; CREATE TABLE two (a int); COMMIT; SELECT 2');
    await client.query("DO $$ BEGIN RAISE NOTICE 'here'; ALTER TABLE two ADD b int; END $$");
    await client.query('CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (p int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)');
    await client.query("CREATE TABLE bad AS SELECT 1 AS a; ALTER TABLE bad ADD CHECK (a > 1)").catch(() => undefined);
    await client.query('LISTEN here');
    await client.query("CREATE TABLE IF NOT EXISTS orders (id int)");
    await client.query('SELECT * FROM orders');
    await client.query('');
    await client.query('DISCARD ALL');
    await client.query('ALTER TABLE two ADD c int');
    await client.query('BEGIN ISOLATION LEVEL SERIALIZABLE');
    await client.query('LOCK TABLE two');
    await client.query('ALTER TABLE two ADD d int');
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await client.query('ALTER TABLE two ADD e int');
    await client.query('SELECT 1 / 0').catch(() => undefined);
    await client.query('SELECT 1').catch(() => undefined);
    await client.query('COMMIT');
    await client.end();`),
  'pg, several connections, cursors, notifications': script(`
    import pg from ${urlOf('pg')};
    import QueryStream from ${urlOf('pg-query-stream')};
    const open = async () => { const client = new pg.Client(process.env.DATABASE_URL); await client.connect(); return client; };
    const [one, two] = [await open(), await open()];
    for (const sql of ${SQL}) await one.query(sql);
    await one.query('INSERT INTO orders SELECT g, g FROM generate_series(1, 1000) g');
    await two.query('LISTEN changed');
    await one.query('BEGIN');
    await one.query('ALTER TABLE orders ADD COLUMN a int');
    await two.query("SET lock_timeout = '50ms'");
    await two.query('SELECT * FROM orders').catch((error) => console.log(error.code));
    await two.query('ALTER TABLE orders ADD COLUMN b int').catch((error) => console.log(error.code));
    await one.query("NOTIFY changed, 'a'");
    const told = new Promise((resolve) => two.once('notification', ({ payload }) => resolve(payload)));
    await one.query('COMMIT');
    console.log(await told);
    await two.query('ALTER TABLE orders ADD COLUMN b int');
    let sum = 0;
    for await (const { id } of one.query(new QueryStream('SELECT id FROM orders ORDER BY id', [], { batchSize: 300 }))) sum += id;
    console.log(sum);
    await one.end();
    await two.end();`),
  'pg, pipelined': script(`
    import pg from ${urlOf('pg')};
    const client = new pg.Client({ connectionString: process.env.DATABASE_URL, pipeline: true });
    await client.connect();
    const run = (text) => client.query({ text, values: [], queryMode: 'extended' }).catch(() => undefined);
    await Promise.all([...${SQL}, 'SELECT 1', 'ALTER TABLE orders ADD COLUMN a int', 'CREATE TABLE orders (id int)', 'SELECT 2'].map(run));
    await client.end();`),
  'postgres.js': script(`
    import postgres from ${urlOf('postgres')};
    const sql = postgres(process.env.DATABASE_URL, { max: 1, onnotice: () => undefined });
    for (const text of ${SQL}) await sql.unsafe(text);
    await sql.begin(async (tx) => { await tx\`ALTER TABLE orders ADD COLUMN a int\`; await tx\`SELECT \${1}::int AS n\`; });
    await sql\`CREATE INDEX b ON orders (a)\`;
    await sql.end();`),
  knex: script(
    `
    import knex from ${urlOf('knex')};
    const db = knex({ client: 'pg', connection: process.env.DATABASE_URL, pool: { min: 1, max: 1 }, migrations: { directory: './migrations' } });
    await db.migrate.latest();
    await db.migrate.rollback(undefined, true);
    await db.migrate.latest();
    await db.destroy();`,
    {
      'migrations/1_a.cjs': `exports.up = async (knex) => { await knex.schema.createTable('orders', (t) => { t.increments(); t.integer('total'); }); };
        exports.down = (knex) => knex.schema.dropTable('orders');`,
      'migrations/2_b.cjs': `exports.up = async (knex) => { await knex.schema.alterTable('orders', (t) => { t.text('note'); t.index('total'); }); await knex('orders').insert({ total: 1 }); };
        exports.down = (knex) => knex.schema.alterTable('orders', (t) => t.dropColumn('note'));`,
      'migrations/3_c.cjs': `exports.up = (knex) => knex.raw('CREATE INDEX CONCURRENTLY c ON orders (total)'); exports.down = (knex) => knex.raw('DROP INDEX CONCURRENTLY c'); exports.config = { transaction: false };`,
    },
  ),
  'node-pg-migrate': script(
    `
    import { runner } from ${urlOf('node-pg-migrate')};
    const log = () => undefined;
    for (const direction of ['up', 'down', 'up'])
      await runner({ databaseUrl: process.env.DATABASE_URL, dir: 'migrations', direction, count: Infinity, migrationsTable: 'migrations', logger: { debug: log, info: log, warn: log, error: console.error } });`,
    {
      'migrations/1_a.cjs': `exports.up = (pgm) => { pgm.createTable('orders', { id: 'id', total: 'integer' }); }; exports.down = (pgm) => pgm.dropTable('orders');`,
      'migrations/2_b.cjs': `exports.up = (pgm) => { pgm.addColumn('orders', { note: 'text' }); pgm.createIndex('orders', 'total'); }; exports.down = (pgm) => pgm.dropColumn('orders', 'note');`,
    },
  ),
  'Drizzle migrator': script(
    `
    import pg from ${urlOf('pg')};
    import { drizzle } from ${urlOf('drizzle-orm/node-postgres')};
    import { migrate } from ${urlOf('drizzle-orm/node-postgres/migrator')};
    const client = new pg.Client(process.env.DATABASE_URL);
    await client.connect();
    await migrate(drizzle(client), { migrationsFolder: './drizzle' });
    await client.end();`,
    {
      'drizzle/meta/_journal.json': JSON.stringify({
        version: '7',
        dialect: 'postgresql',
        entries: [{ idx: 0, version: '7', when: 1, tag: '0000_a', breakpoints: true }],
      }),
      'drizzle/0000_a.sql': UP.join(';\n--> statement-breakpoint\n'),
    },
  ),
  TypeORM: script(`
    import typeorm from ${urlOf('typeorm')};
    class First1700000000000 { name = 'First1700000000000'; async up(runner) { for (const sql of ${SQL}) await runner.query(sql); } async down(runner) { await runner.query('DROP TABLE orders'); } }
    class Second1700000000001 { name = 'Second1700000000001'; async up(runner) { await runner.query('ALTER TABLE orders ADD COLUMN b int'); } async down(runner) { await runner.query('ALTER TABLE orders DROP COLUMN b'); } }
    for (const transaction of ['all', 'each', 'none']) {
      const source = new typeorm.DataSource({ type: 'postgres', url: process.env.DATABASE_URL, migrations: [First1700000000000, Second1700000000001], extra: { max: 1 }, migrationsTransactionMode: transaction });
      await source.initialize();
      await source.runMigrations();
      await source.undoLastMigration();
      await source.undoLastMigration();
      await source.destroy();
    }`),
  'MikroORM schema generator': script(`
    import { MikroORM, EntitySchema } from ${urlOf('@mikro-orm/postgresql')};
    const entity = (more) => new EntitySchema({ name: 'Order', tableName: 'orders', properties: { id: { type: 'number', primary: true }, total: { type: 'number' }, ...more } });
    for (const more of [{}, { note: { type: 'string', nullable: true, index: true } }]) {
      const url = new URL(process.env.DATABASE_URL);
      const orm = await MikroORM.init({ clientUrl: url.href, dbName: url.pathname.slice(1), entities: [entity(more)], debug: false, pool: { min: 1, max: 1 }, discovery: { warnWhenNoEntities: false } });
      await (orm.schema ?? orm.getSchemaGenerator()).update();
      await orm.em.fork().getConnection().execute('ALTER TABLE orders ADD COLUMN IF NOT EXISTS by_hand int');
      await orm.close();
    }`),
  'Sequelize, queryInterface': script(`
    import sequelize from ${urlOf('sequelize')};
    const { Sequelize, DataTypes } = sequelize;
    const db = new Sequelize(process.env.DATABASE_URL, { logging: false, pool: { max: 1 } });
    const queries = db.getQueryInterface();
    await queries.createTable('orders', { id: { type: DataTypes.INTEGER, primaryKey: true }, total: DataTypes.INTEGER });
    await db.transaction(async (transaction) => {
      await queries.addColumn('orders', 'note', { type: DataTypes.TEXT }, { transaction });
      await queries.addIndex('orders', ['total'], { transaction });
    });
    await queries.addIndex('orders', ['note'], { concurrently: true });
    await queries.changeColumn('orders', 'total', { type: DataTypes.BIGINT, allowNull: false });
    await db.query('ALTER TABLE orders ADD COLUMN a int');
    await queries.removeColumn('orders', 'note').catch((error) => console.log(error.message));
    await db.close();`),
  // Its migrations are carried out by an engine that is downloaded: here the client alone sends them.
  'Prisma client': script(`
    import { PrismaPg } from ${urlOf('@prisma/adapter-pg')};
    import { PrismaClient } from ${JSON.stringify(PRISMA)};
    const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL, max: 1 }) });
    for (const text of ${SQL}) await prisma.$executeRawUnsafe(text);
    await prisma.$transaction(async (tx) => {
      await tx.$executeRawUnsafe('ALTER TABLE orders ADD COLUMN a int');
      await tx.$executeRaw\`INSERT INTO orders (id, total) VALUES (\${1}, \${2})\`;
      console.log(await tx.$queryRaw\`SELECT id, total FROM orders\`);
    });
    await prisma.$transaction([prisma.$executeRawUnsafe('ALTER TABLE orders ADD COLUMN b int'), prisma.$executeRawUnsafe('CREATE INDEX c ON orders (b)')]);
    await prisma.$executeRawUnsafe('CREATE INDEX CONCURRENTLY d ON orders (a)');
    await prisma.$executeRawUnsafe('ALTER TABLE nothing ADD a int').catch((error) => console.log(error.code));
    await prisma.$disconnect();`),
  'Kysely Migrator': script(`
    import pg from ${urlOf('pg')};
    import { Kysely, PostgresDialect, sql } from ${urlOf('kysely')};
    import { Migrator } from ${urlOf('kysely/migration')};
    const db = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 1 }) }) });
    const migrations = { a: { up: async (db) => { for (const text of ${SQL}) await sql.raw(text).execute(db); }, down: (db) => sql\`DROP TABLE orders\`.execute(db) } };
    const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
    for (const step of ['migrateToLatest', 'migrateDown', 'migrateToLatest']) { const { error } = await migrator[step](); if (error) throw error; }
    await db.destroy();`),
};
if (spawnSync('psql', ['--version']).status === 0)
  Object.assign(TOOLS, {
    psql: {
      files: {
        'a.sql': `${UP.join(';\n')};\nCOPY orders (id, total) FROM STDIN;\n1\t2\n2\t3\n\\.\nBEGIN;\nCOPY orders TO STDOUT;\nALTER TABLE orders ADD b int;\nROLLBACK;\n\\d orders\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\nDROP TABLE nothing;\n`,
      },
      command: ['psql', '-X', '-f', 'a.sql'],
    },
    'psql -1': { files: { 'a.sql': `${UP.join(';\n')};` }, command: ['psql', '-X', '-1', '-f', 'a.sql'] },
    'psql -c': {
      files: {},
      command: [
        'psql',
        '-X',
        '-c',
        UP.join(';'),
        '-c',
        'ALTER TABLE orders ADD c int',
        '-c',
        'SELECT * FROM orders',
      ],
    },
  });

/** The client as JavaScript, which a child can run. */
beforeAll(async () => {
  await generatedClient();
  await build({
    entryPoints: [fileURLToPath(new URL('client.ts', PRISMA))],
    outfile: fileURLToPath(PRISMA),
    ...{ bundle: true, platform: 'node', format: 'esm', packages: 'external' },
  });
});

/** A pipeline in flight, and several statements in one message, cannot be looked into. */
const UNSEEN = new Set(['pg, pipelined', 'psql -c']);

interface Ran {
  readonly code: number | null;
  readonly output: string;
  readonly told: readonly (readonly string[])[];
}

async function ran(
  command: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Ran> {
  const url = new URL(env['DATABASE_URL'] ?? '');
  const proxy = await recordingProxy({ host: url.hostname, port: Number(url.port) });
  url.port = String(proxy.port);
  const [program = '', ...words] = command;
  const child = spawn(program, words, {
    cwd,
    env: { ...env, DATABASE_URL: url.href, PGPORT: String(proxy.port) },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  proxy.close();
  return {
    code,
    output: output.replaceAll(/\d{4}-\d\d-\d\d.*$/gm, '<time>'),
    told: proxy.connections.map(withoutOrder),
  };
}

/** What any server tells in an order of its own, or to one that has left: notifications go last, and the last word is left out. */
function withoutOrder(told: readonly string[]): readonly string[] {
  const isNews = (message: string) => message.startsWith('A ');
  const others = told.filter((message) => !isNews(message));
  if (others.at(-1)?.startsWith('Z ')) others.pop();
  return [...others, ...told.filter(isNews)];
}

function folderWith(files: Files): string {
  const folder = mkdtempSync(join(tmpdir(), 'pglock-trace-'));
  db.defer(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

async function emptied(): Promise<void> {
  await db.admin.query(
    'DROP SCHEMA IF EXISTS drizzle CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public',
  );
}

function traced(
  label: string,
  work: (env: Readonly<Record<string, string | undefined>>) => Promise<Ran>,
  rollback = false,
): Promise<{ report: ExplainReport; result: Ran; refusal: string | undefined }> {
  return traceCommand({ database: db.url, live: null, yes: true, rollback, label, env: plainEnv() }, work);
}

function plainEnv(): Record<string, string | undefined> {
  const url = new URL(db.url);
  return {
    ...process.env,
    NODE_OPTIONS: '',
    DATABASE_URL: db.url,
    PGHOST: url.hostname,
    PGPORT: url.port,
    PGUSER: url.username,
    PGDATABASE: url.pathname.slice(1),
    PGSSLMODE: 'disable',
    PGGSSENCMODE: 'disable',
  };
}

describe('a traced tool', () => {
  it.each(Object.keys(TOOLS))(
    '%s is told the same as without the tracer, message by message',
    async (name) => {
      const { files, command } = TOOLS[name]!;
      const folder = folderWith(files);
      await emptied();
      const alone = await ran(command, folder, plainEnv());
      await emptied();
      const { report, result } = await traced(name, (env) => ran(command, folder, env));
      expect(result.told).toEqual(alone.told);
      expect([result.code, result.output]).toEqual([alone.code, alone.output]);
      const altered = report.statements.filter(({ sql }) => /alter\s+table\s+"?orders"?\s+add/i.test(sql));
      expect([altered.length > 0, result.output]).toEqual([true, result.output]);
      const seen = altered.flatMap(({ locks, heldBefore }) =>
        [...locks, ...heldBefore].map(({ relation, mode }) => `${relation} ${mode}`),
      );
      if (!UNSEEN.has(name)) expect(seen).toContain('public.orders ACCESS EXCLUSIVE');
      expect(alone.told.flat().length).toBeGreaterThan(10);
    },
  );
});

describe('a traced tool whose work is rolled back', () => {
  const ONE_CONNECTION = [
    'pg, pipelined',
    'postgres.js',
    'Drizzle migrator',
    'Kysely Migrator',
    'psql',
    'psql -1',
    'psql -c',
  ];

  it.each(ONE_CONNECTION.filter((name) => name in TOOLS))(
    '%s is told the same as when it commits',
    async (name) => {
      const { files, command } = TOOLS[name]!;
      const folder = folderWith(files);
      await emptied();
      const alone = await ran(command, folder, plainEnv());
      await emptied();
      const { report, result, refusal } = await traced(name, (env) => ran(command, folder, env), true);
      expect(refusal).toBeUndefined();
      expect(result.told).toEqual(alone.told);
      expect([result.code, result.output]).toEqual([alone.code, alone.output]);
      expect(report.statements.length).toBeGreaterThan(0);
      const { rows } = await db.admin.query(
        `SELECT oid FROM pg_class WHERE oid >= 16384 AND relnamespace = 'public'::regnamespace`,
      );
      expect(rows).toEqual([]);
    },
  );
});
