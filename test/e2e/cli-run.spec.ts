import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { scene, SCENE_SCHEMA } from '../support/blocked-sessions.js';
import { cliFolder, type CliFolder } from '../support/cli.js';
import { eventually, useDatabase } from '../support/database.js';

const db = useDatabase({ schema: SCENE_SCHEMA });
const NODE = process.execPath;
const resolve = createRequire(import.meta.url).resolve;
const urlOf = (name: string) => JSON.stringify(pathToFileURL(resolve(name)).href);

/** Whoever holds or awaits advisory locks, by application. */
const lockers = async () =>
  (await db.sessions())
    .filter(({ advisoryLocks }) => advisoryLocks.length > 0)
    .map(({ applicationName }) => applicationName);

/** Migration tools, each as somebody would run it: what is in the folder, and the command. */
const TOOLS: Readonly<Record<string, (folder: CliFolder) => readonly string[]>> = {
  knex: (folder) => {
    folder.write(
      'knexfile.cjs',
      `module.exports = { client: 'pg', connection: process.env.DATABASE_URL, migrations: { directory: __dirname + '/migrations' } };`,
    );
    folder.write(
      'migrate.mjs',
      `
      import { createRequire } from 'node:module';
      import { mkdirSync, writeFileSync } from 'node:fs';
      mkdirSync('migrations', { recursive: true });
      writeFileSync('migrations/1_age.cjs', "exports.up = (knex) => knex.raw('ALTER TABLE users ADD COLUMN IF NOT EXISTS age int'); exports.down = () => undefined;");
      const { default: knex } = await import(${urlOf('knex')});
      const db = knex({ client: 'pg', connection: process.env.DATABASE_URL, migrations: { directory: './migrations' } });
      console.log(await db.migrate.latest());
      await db.destroy();`,
    );
    return [NODE, 'migrate.mjs'];
  },
  TypeORM: (folder) => {
    folder.write(
      'migrate.cjs',
      `
      const { DataSource } = require(${JSON.stringify(resolve('typeorm'))});
      class Age1700000000000 {
        name = 'Age1700000000000';
        up(runner) { return runner.query('ALTER TABLE users ADD COLUMN IF NOT EXISTS age int'); }
        async down() {}
      }
      const source = new DataSource({ type: 'postgres', url: process.env.DATABASE_URL, driver: require(${JSON.stringify(resolve('pg'))}), migrations: [Age1700000000000], applicationName: process.env.PGAPPNAME });
      (async () => { await source.initialize(); await source.runMigrations(); await source.destroy(); })().catch((error) => { console.error(error.message); process.exit(1); });`,
    );
    return [NODE, 'migrate.cjs'];
  },
  ...(spawnSync('psql', ['--version']).status === 0
    ? {
        psql: (folder: CliFolder) => {
          folder.write('age.sql', 'ALTER TABLE users ADD COLUMN IF NOT EXISTS age int;');
          return ['psql', '-v', 'ON_ERROR_STOP=1', '-f', 'age.sql'];
        },
      }
    : {}),
};

/** What libpq's tools read, beside `DATABASE_URL`. */
function libpq() {
  const { hostname, port, username, pathname } = new URL(db.url);
  return { PGHOST: hostname, PGPORT: port, PGUSER: username, PGDATABASE: pathname.slice(1) };
}

describe('pglock run --prioritize', () => {
  it.each(Object.entries(TOOLS))('lets %s through, behind an idle transaction', async (_, tool) => {
    const folder = cliFolder(db);
    const command = tool(folder);
    const blocker = await db.connect({ application_name: 'idler' });
    await blocker.query('BEGIN; SELECT * FROM users');
    const { code, stderr } = await folder.pglock(
      [
        'run',
        '--prioritize',
        '--interval',
        '100',
        '--lock-timeout',
        '20s',
        '--id',
        'migrate',
        '--',
        ...command,
      ],
      libpq(),
    );
    expect(stderr).toContain(`backend ${db.pidOf(blocker)}: terminated`);
    expect(code).toBe(0);
    await expect(blocker.query('SELECT 1')).rejects.toThrow();
    const { rows } = await db.admin.query(
      `SELECT FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'age'`,
    );
    expect(rows).toHaveLength(1);
    await db.admin.query(
      'ALTER TABLE users DROP COLUMN age; DROP TABLE IF EXISTS migrations, knex_migrations, knex_migrations_lock',
    );
  });

  it('signals nobody in a dry run; the lock timeout ends the command', async () => {
    const folder = cliFolder(db);
    const command = TOOLS['knex']!(folder);
    const blocker = await db.connect();
    await blocker.query('BEGIN; SELECT * FROM users');
    const { code, stderr } = await folder.pglock([
      'run',
      '--prioritize',
      '--dry-run',
      '--interval',
      '50',
      '--lock-timeout',
      '1s',
      '--',
      ...command,
    ]);
    expect(stderr).toContain(`backend ${db.pidOf(blocker)}: dryRun`);
    expect(stderr).toContain('lock timeout');
    expect(code).not.toBe(0);
    expect((await blocker.query('SELECT 1')).rowCount).toBe(1);
    await blocker.end();
    await db.admin.query('DROP TABLE IF EXISTS knex_migrations, knex_migrations_lock');
  });

  it('reports that a role may not, and the command goes on', async () => {
    const role = await db.role('runner');
    await db.admin.query(`GRANT SELECT ON users TO ${role.name}`);
    const folder = cliFolder(db);
    const { blocker, blockerPid, waiting } = await scene(
      db,
      ['BEGIN', 'LOCK TABLE users'],
      'SELECT * FROM users',
    );
    const script = `import pg from ${urlOf('pg')}; const c = new pg.Client(process.env.DATABASE_URL); await c.connect(); await c.query('SELECT * FROM users'); await c.end(); console.log('through');`;
    const running = folder.start(
      ['run', '--prioritize', '--interval', '50', '--', NODE, '--input-type=module', '-e', script],
      { DATABASE_URL: role.url },
    );
    await eventually(() => running.output().includes(`backend ${blockerPid}: notPermitted`));
    await blocker.query('COMMIT');
    const { code, stdout, stderr } = await running.result;
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'through\n' });
    expect(stderr).toContain('GRANT pg_signal_backend, pg_read_all_stats');
    await waiting;
    await db.admin.query(`REVOKE ALL ON users FROM ${role.name}`);
  });
});

describe('pglock run --id', () => {
  it('runs two of the same one after the other', async () => {
    const folder = cliFolder(db);
    const script = `import { existsSync, writeFileSync, rmSync } from 'node:fs';
      if (existsSync('running')) process.exit(9);
      writeFileSync('running', '');
      await new Promise((resolve) => setTimeout(resolve, 300));
      rmSync('running');`;
    folder.write('alone.mjs', script);
    const command = ['run', '--id', 'deploy', '--', NODE, 'alone.mjs'];
    const results = await Promise.all([
      folder.pglock(command),
      folder.pglock(command),
      folder.pglock(command),
    ]);
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
  });

  it('gives up in time, and says on what', async () => {
    const folder = cliFolder(db);
    const holder = folder.start(['run', '--id', 'deploy', '--', NODE, '-e', 'setTimeout(() => {}, 60_000)']);
    await eventually(async () => (await lockers()).length > 0);
    for (const timeout of ['0', '100ms']) {
      const { code, stderr } = await folder.pglock([
        'run',
        '--id',
        'deploy',
        '-t',
        timeout,
        '--',
        NODE,
        '-e',
        'console.log("ran")',
      ]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^pglock: .*deploy/);
    }
    holder.process.kill('SIGTERM');
    expect((await holder.result).code).toBe(143);
  });

  it('lets go when the command ends, in whatever way, and hands on its exit code', async () => {
    const folder = cliFolder(db);
    for (const [script, code] of [
      ['process.exit(0)', 0],
      ['process.exit(7)', 7],
      ['process.kill(process.pid, "SIGKILL")', 137],
    ] as const) {
      expect((await folder.pglock(['run', '--id', 'x', '--', NODE, '-e', script])).code).toBe(code);
      expect(await lockers()).toEqual([]);
    }
  });

  it('hands signals on, and lets go when it is killed itself', async () => {
    const folder = cliFolder(db);
    const polite = folder.start([
      'run',
      '--id',
      'x',
      '--',
      NODE,
      '-e',
      'process.on("SIGTERM", () => process.exit(5)); setTimeout(() => {}, 60_000); console.log("up")',
    ]);
    await eventually(() => polite.output().includes('up'));
    polite.process.kill('SIGTERM');
    expect((await polite.result).code).toBe(5);

    const killed = folder.start([
      'run',
      '--id',
      'x',
      '--',
      NODE,
      '-e',
      'console.log(process.pid); setTimeout(() => {}, 60_000)',
    ]);
    const child = Number(await eventually(() => /\d+/.exec(killed.output())?.[0]));
    killed.process.kill('SIGKILL');
    await eventually(async () => (await lockers()).length === 0);
    process.kill(child, 'SIGKILL');
    await killed.result;
  });

  it('stops waiting when it is told to', async () => {
    const folder = cliFolder(db);
    const holder = await db.connect();
    await holder.query('SELECT pg_advisory_lock(55)');
    const waiting = folder.start(['run', '--id', '55', '--', NODE, '-e', 'console.log("ran")']);
    await db.waitForWaiter();
    waiting.process.kill('SIGINT');
    expect(await waiting.result).toMatchObject({ code: 130, stdout: '' });
    await holder.end();
  });
});

describe('pglock run', () => {
  it('hands input, output and settings on', async () => {
    const folder = cliFolder(db);
    const script = `import pg from ${urlOf('pg')};
      const client = new pg.Client(process.env.DATABASE_URL);
      await client.connect();
      const { rows } = await client.query("SELECT current_setting('lock_timeout') AS timeout, current_setting('application_name') AS name, current_setting('work_mem') AS mem");
      console.log(JSON.stringify(rows[0]));
      console.error('talk');
      await client.end();`;
    folder.write('show.mjs', script);
    const { code, stdout, stderr } = await folder.pglock(
      ['run', '--lock-timeout', '2s', '--', NODE, 'show.mjs'],
      {
        DATABASE_URL: `${db.url}?options=-c%20work_mem%3D5MB`,
      },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'talk\n' });
    expect(JSON.parse(stdout)).toEqual({
      timeout: '2s',
      name: expect.stringMatching(/^pglock-run-[0-9a-f]{12}$/) as string,
      mem: '5MB',
    });
  });
});
