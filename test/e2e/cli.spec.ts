import { spawnSync } from 'node:child_process';
import { advisoryKey } from '../../lib/index.js';
import { scene, SCENE_SCHEMA, start, WAYS } from '../support/blocked-sessions.js';
import { cliFolder, PGLOCK } from '../support/cli.js';
import { eventually, quickest, useDatabase } from '../support/database.js';
import { terminal, tmuxIsInstalled } from '../support/terminal.js';

const db = useDatabase({ schema: SCENE_SCHEMA });
const TABLE = WAYS['a table lock'];

/** A line's cells: at least two blanks stand between them. */
const cells = (line = '') => line.trim().split(/\s{2,}/);

describe('pglock', () => {
  it('lists the culprit first, then who waits, in aligned columns, plainly', async () => {
    const { pglock } = cliFolder(db);
    const { blocker, blockerPid, waiterPid, waiting } = await scene(db, ...TABLE);
    const { code, stdout, stderr } = await pglock(['-o', 'users']);
    const [title, first, second] = stdout.split('\n');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(cells(title)).toEqual(['pid', 'app', 'user', 'state', 'age', 'mode', 'on', 'statement']);
    expect(cells(first)).toEqual([
      String(blockerPid),
      'blocker',
      'postgres',
      'idle in transaction',
      expect.any(String),
      'ACCESS EXCLUSIVE',
      'users',
      'LOCK TABLE users IN ACCESS EXCLUSIVE MODE',
    ]);
    expect(cells(second)).toEqual([
      String(waiterPid),
      'waiter',
      'postgres',
      expect.stringMatching(/^waits/) as string,
      expect.any(String),
      'ACCESS SHARE',
      'users',
      'SELECT * FROM users',
    ]);
    expect(second?.indexOf('ACCESS SHARE')).toBe(first?.indexOf('ACCESS EXCLUSIVE'));
    expect(stdout).not.toContain('\u001b');
    await blocker.end();
    await waiting;
  });

  it('takes pids, filters, ids, columns, an order and a limit', async () => {
    const { pglock } = cliFolder(db);
    const client = await db.connect({ application_name: 'api;route=GET /orders' });
    await client.query(
      'BEGIN; LOCK TABLE users; LOCK TABLE billing.invoices IN SHARE MODE; SELECT pg_advisory_xact_lock(42)',
    );
    const pid = String(db.pidOf(client));
    const column = async (...args: string[]) => {
      const limited = args.includes('-l');
      const { stdout, code, stderr } = await pglock([pid, ...args]);
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: stdout === '' ? 'No locks match.\n' : limited ? '1 of 2, --limit for more.\n' : '',
      });
      return stdout
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.trim());
    };
    expect(await column('-a', 'relName', '-f', 'type=RELATION', '-s', 'relName')).toEqual([
      'invoices',
      'users',
    ]);
    expect(await column('-a', 'relName', '-f', 'type=RELATION', '-s', '-relName', '-l', '1')).toEqual([
      'users',
    ]);
    expect(await column('-a', 'mode', '-o', 'billing.invoices')).toEqual(['SHARE']);
    expect(await column('-a', 'advisoryId', '--id', '42')).toEqual(['42']);
    expect(await column('-a', 'activity.context', '--id', '42')).toEqual(['route=GET /orders']);
    expect(await column('-a', 'type', '-f', 'activity.duration>=1h', '-f', 'granted=true')).toEqual([]);
    expect(await column('-a', 'relName, relSchema', '-f', 'relName~inv%')).toEqual(['invoices  billing']);
    await client.end();
  });

  it('shows everything of each, expanded', async () => {
    const { pglock } = cliFolder(db);
    const client = await db.connect();
    await client.query('BEGIN; LOCK TABLE users');
    await client.query('SELECT 1\n  AS one');
    const { stdout } = await pglock(['-o', 'users', '-e', '-a', 'mode', '-a', 'activity.query']);
    expect(stdout).toBe(`${'─'.repeat(80)}\nmode: ACCESS EXCLUSIVE\nactivity.query: SELECT 1\n    AS one\n`);
    await client.end();
  });

  it('prints JSON that jq takes: everything, or what was asked for', async () => {
    const { pglock } = cliFolder(db);
    const { blocker, blockerPid, waiterPid, waiting } = await scene(db, ...TABLE);
    const { stdout } = await pglock(['--json', '--blocking']);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        activityId: waiterPid,
        blockingActivityId: blockerPid,
        relName: 'users',
        granted: false,
        activity: {
          query: 'SELECT * FROM users',
          backendStart: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        },
        blockingActivity: { state: 'idle in transaction' },
      },
    ]);
    const some = await pglock([
      '--json',
      '--blocking',
      '-a',
      'activityId,blockingActivity.state,blockingActivity.pid',
    ]);
    expect(JSON.parse(some.stdout)).toEqual([
      { activityId: waiterPid, blockingActivity: { state: 'idle in transaction', pid: blockerPid } },
    ]);
    expect(JSON.parse((await pglock(['--json', '--id', 'nothing'])).stdout)).toEqual([]);
    await blocker.end();
    await waiting;
  });

  it('ends quietly when nobody reads on', async () => {
    const client = await db.connect();
    await client.query('BEGIN; SELECT count(pg_advisory_xact_lock(i)) FROM generate_series(1, 3000) i');
    const { stderr, stdout } = spawnSync(
      'bash',
      ['-c', `"$0" "$1" -l 5000 -e | head -n 1; exit "\${PIPESTATUS[0]}"`, process.execPath, PGLOCK],
      {
        env: { ...process.env, DATABASE_URL: db.url, NODE_OPTIONS: '' },
        encoding: 'utf8',
      },
    );
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toHaveLength(2);
    await client.end();
  });

  it('does what it is told, and says how it went, where nobody reads its output or its talk', async () => {
    const closed = (...args: readonly string[]) =>
      spawnSync(
        'bash',
        ['-c', 'node "$@" 2>&1 | exec 0<&-; exit "${PIPESTATUS[0]}"', 'bash', PGLOCK, ...args],
        { env: { ...process.env, DATABASE_URL: db.url, NODE_OPTIONS: '' }, encoding: 'utf8' },
      ).status;
    const { blocker, waiting } = await scene(db, ...TABLE);
    expect(closed('--blocking', '-l', '1')).toBe(0);
    expect(closed('4711')).toBe(0);
    expect(closed('--bogus')).toBe(2);
    const ended = new Promise((resolve) => blocker.on('error', resolve));
    expect(closed('--blocking', '--terminate', '--yes')).toBe(0);
    await ended;
    await waiting;
  });

  it('says in one line that its output cannot be written', () => {
    const { status, stderr } = spawnSync(
      'bash',
      ['-c', '"$0" "$1" --json > /dev/full', process.execPath, PGLOCK],
      {
        env: { ...process.env, DATABASE_URL: db.url, NODE_OPTIONS: '' },
        encoding: 'utf8',
      },
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/^pglock: Cannot write the output: .*ENOSPC.*\n$/);
  });

  it('lists ten thousand locks in seconds on a loaded machine', async () => {
    const { pglock } = cliFolder(db);
    const client = await db.connect();
    await client.query('BEGIN; SELECT count(pg_advisory_xact_lock(i)) FROM generate_series(1, 10000) i');
    const list = async () => {
      const empty = performance.now();
      await pglock(['1', '--json']);
      const full = performance.now();
      const { stdout } = await pglock(['--json', '-l', '10000', '-f', 'type=ADVISORY']);
      expect(JSON.parse(stdout)).toHaveLength(10_000);
      return performance.now() - full - (full - empty);
    };
    expect(await quickest(8_000, list)).toBeLessThan(8_000);
    await client.end();
  });

  it('prints its version and help', async () => {
    const { pglock } = cliFolder(db);
    expect(await pglock(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
    });
    const help = await pglock(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const option of [
      '--filter',
      '--on',
      '--id',
      '--attribute',
      '--limit',
      '--expanded',
      '--blocking',
      '--config',
      '--database',
      '--cancel',
      '--terminate',
      '--yes',
      '--dry-run',
      '--json',
      'tree',
      'watch',
      'doctor',
      'run',
    ])
      expect(help.stdout).toContain(option);
    for (const command of ['tree', 'watch', 'doctor', 'run', 'key'])
      expect(await pglock([command, '--help'])).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('pglock --cancel and --terminate', () => {
  it('signal whom they find, with --yes', async () => {
    const { pglock } = cliFolder(db);
    const { blockerPid, waiting } = await scene(db, ...TABLE);
    expect(await pglock(['--blocking', '--terminate', '--yes'])).toEqual({
      code: 0,
      stdout: `${blockerPid}  terminated\n`,
      stderr: '',
    });
    expect(await waiting).toBe('done');
  });

  it('tell what became of each, in JSON too, and exit 1 when somebody is still in the way', async () => {
    const { pglock } = cliFolder(db);
    const { blocker, blockerPid, waiting } = await scene(db, ...TABLE);
    const { code, stdout } = await pglock(['--blocking', '--cancel', '-y', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual([
      { pid: blockerPid, action: 'cancel', outcome: 'stillBlocking', reason: null },
    ]);
    await blocker.query('COMMIT');
    await waiting;
  });

  it('signal nobody without --yes where nobody can be asked, nor in a dry run', async () => {
    const { pglock } = cliFolder(db);
    const { blocker, blockerPid, waiting } = await scene(db, ...TABLE);
    const refused = await pglock(['--blocking', '--terminate']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /^Terminate 1 blocking session\? .*No answer is possible here: give --yes/s,
    );
    expect(await pglock([String(blockerPid), '--terminate', '--dry-run'])).toEqual({
      code: 0,
      stdout: `${blockerPid}  dryRun\n`,
      stderr: '',
    });
    expect((await blocker.query('SELECT 1')).rowCount).toBe(1);
    await blocker.query('COMMIT');
    await waiting;
  });

  it.each([
    ['y', 0, 'terminated'],
    ['n', 1, 'Nothing was done.'],
    [undefined, 1, 'No answer is possible here'],
  ])('take an answer that comes through a pipe: %p', async (answer, code, line) => {
    const { start } = cliFolder(db);
    const { blocker, blockerPid, waiting } = await scene(db, ...TABLE);
    const command = start(['--blocking', '--terminate'], {}, 'pipe');
    await eventually(() => command.output().includes('Terminate 1 blocking session?'));
    if (answer !== undefined) command.process.stdin?.write(`${answer}\n`);
    // The pipe stays open: the command ends by itself.
    expect((await command.result).code).toBe(code);
    expect(command.output()).toContain(line);
    const there = (await db.sessions()).some(({ pid }) => pid === blockerPid);
    expect(there).toBe(code === 1);
    if (there) await blocker.query('COMMIT');
    await waiting;
  });

  it('exit 1 when nobody is found', async () => {
    const { pglock } = cliFolder(db);
    expect(await pglock(['--blocking', '--terminate', '-y'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'There is no blocking session to terminate.\n',
    });
    expect(await pglock(['-o', 'users', '--cancel', '-y'])).toMatchObject({
      code: 1,
      stderr: 'There is no session to cancel.\n',
    });
  });

  it('never mean everybody', async () => {
    const { pglock } = cliFolder(db);
    const client = await db.connect();
    await client.query('BEGIN; LOCK TABLE users');
    const { code, stderr } = await pglock(['--terminate', '--yes']);
    expect(code).toBe(2);
    expect(stderr).toContain('every session');
    expect((await client.query('SELECT 1')).rowCount).toBe(1);
    await client.end();
  });

  it('say what a role lacks, and exit 1', async () => {
    const role = await db.role('cli');
    const { pglock } = cliFolder(db);
    const { blocker, waiting } = await scene(db, ...TABLE);
    const { code, stderr } = await pglock(['--blocking', '--terminate', '-y', '-d', role.url]);
    expect(code).toBe(1);
    expect(stderr).toContain(`GRANT pg_signal_backend, pg_read_all_stats TO "${role.name}";`);
    await blocker.query('COMMIT');
    await waiting;
  });
});

describe('pglock tree', () => {
  it('draws who blocks whom', async () => {
    const { pglock } = cliFolder(db);
    const { blocker, blockerPid, waiterPid, waiting } = await scene(db, ...TABLE);
    const { code, stdout } = await pglock(['tree']);
    const [root, statement, child] = stdout.split('\n');
    expect(code).toBe(0);
    expect(root).toMatch(
      new RegExp(`^${blockerPid} \\(blocker, postgres\\) idle in transaction for .*, holds up 1`),
    );
    expect(statement).toBe('│ LOCK TABLE users IN ACCESS EXCLUSIVE MODE');
    expect(child).toMatch(
      new RegExp(`^└─ ${waiterPid} \\(waiter, postgres\\) active for .*, waits for ACCESS SHARE on users`),
    );
    expect(JSON.parse((await pglock(['tree', '--json'])).stdout)).toMatchObject([
      { activityId: blockerPid, holdsUp: { count: 1 }, blocked: [{ activityId: waiterPid }] },
    ]);
    await blocker.end();
    await waiting;
  });

  it('says when no session is blocked', async () => {
    const { pglock } = cliFolder(db);
    expect(await pglock(['tree'])).toEqual({ code: 0, stdout: '', stderr: 'No session is blocked.\n' });
    expect((await pglock(['tree', '--json'])).stdout).toBe('[]\n');
  });
});

describe('pglock doctor', () => {
  it('tells server, privileges, settings, lock table and idle transactions', async () => {
    const role = await db.role('sick');
    const { pglock } = cliFolder(db);
    const { code, stdout } = await pglock(['doctor', '--json', '-d', role.url]);
    expect(code).toBe(0);
    const findings = JSON.parse(stdout) as { check: string; level: string; text: string; remedy: string }[];
    const of = (name: string) => findings.find(({ check }) => check === name);
    expect(of('server')).toMatchObject({ text: expect.stringContaining('PostgreSQL') as string });
    expect(of('pooler')).toMatchObject({ level: 'ok' });
    expect(of('privileges')).toMatchObject({
      level: 'warning',
      remedy: `GRANT pg_signal_backend, pg_read_all_stats TO "${role.name}";`,
    });
    expect(of('lock table')?.text).toMatch(/^\d+ locks in a table made for \d+/);
    expect(of('idle transactions')).toMatchObject({ level: 'ok' });
    const plain = await pglock(['doctor']);
    expect(plain.stdout).toMatch(/^ok +privileges +role postgres is a superuser$/m);
  });
});

describe('the configuration file', () => {
  it.each([
    ['pglock.config.json', (config: object) => JSON.stringify(config)],
    ['pglock.config.mjs', (config: object) => `export default ${JSON.stringify(config)};`],
    ['pglock.config.js', (config: object) => `module.exports = ${JSON.stringify(config)};`],
    ['pglock.config.js', (config: object) => `export default ${JSON.stringify(config)};`],
    [
      'pglock.config.ts',
      (config: object) =>
        `const config: object = ${JSON.stringify(config)};\nexport default config satisfies object;`,
    ],
  ])('is read: %s', async (name, text) => {
    const folder = cliFolder(db);
    folder.write(name, text({ attributes: ['activityId'], connection: db.url }));
    folder.write('package.json', '{ "type": "commonjs" }');
    const { stdout, code, stderr } = await folder.pglock([], {
      DATABASE_URL: 'postgres://127.0.0.1:1/nowhere',
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'No locks match.\n' });
    expect(stdout).toBe('');
  });

  it('names databases and saved questions; what is typed goes first', async () => {
    const folder = cliFolder(db);
    const client = await db.connect();
    await client.query(
      'BEGIN; LOCK TABLE users; LOCK TABLE billing.invoices; SELECT pg_advisory_xact_lock(7)',
    );
    folder.write(
      'pglock.config.json',
      JSON.stringify({
        connection: 'postgres://127.0.0.1:1/nowhere',
        databases: { main: db.url, other: { connection: db.url, namespace: 'app:' } },
        names: [7],
        attributes: ['relName', 'mode'],
        configs: {
          tables: {
            filters: ['type=RELATION'],
            attributes: ['relName'],
            orderBy: 'relName',
            database: 'main',
          },
        },
      }),
    );
    const { pglock } = folder;
    expect((await pglock(['-c', 'tables'])).stdout.split('\n')).toEqual(['relName', 'invoices', 'users', '']);
    expect((await pglock(['-c', 'tables', '-f', 'relName=users'])).stdout).toBe('relName\nusers\n');
    expect((await pglock(['-c', 'tables', '-l', '1', '-a', 'mode'])).stdout).toBe('mode\nACCESS EXCLUSIVE\n');
    expect((await pglock(['-d', 'other', '-f', 'type=ADVISORY', '-a', 'advisoryId'])).stdout).toBe(
      'advisoryId\n7\n',
    );
    await client.end();
  });

  it('may be the options of the module: their columns, limit, namespace and saved questions are used', async () => {
    const folder = cliFolder(db);
    const client = await db.connect();
    await client.query('BEGIN; LOCK TABLE users');
    const { classId, objId } = advisoryKey('shop:billing');
    await client.query('SELECT pg_advisory_xact_lock($1)', [
      BigInt.asIntN(64, (BigInt(classId) << 32n) | BigInt(objId)),
    ]);
    const waiting = start(await db.connect(), 'SELECT FROM users');
    await db.waitForWaiter();
    folder.write(
      'pglock.config.mjs',
      `export default ${JSON.stringify({
        connection: 'postgres://127.0.0.1:1/the-pooler',
        ...{ sessions: { directConnection: db.url, lease: '10s' }, namespace: 'shop:' },
        ...{ advisory: { timeout: '2s' }, httpStatus: 409, jobs: { clockSkew: '1s' }, isGlobal: true },
        ...{
          attributes: ['relName', 'mode'],
          blockingAttributes: ['mode', 'blockingActivity.state'],
          limit: 1,
        },
        configs: { waits: { where: { granted: false } } },
      })}`,
    );
    const listed = await folder.pglock(['-f', 'relName=users', '-f', 'granted=true']);
    expect(listed).toMatchObject({ code: 0, stdout: 'relName  mode\nusers    ACCESS EXCLUSIVE\n' });
    const { stdout } = await folder.pglock(['--blocking']);
    expect(stdout.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['mode', 'blockingActivity.state'],
      ['ACCESS SHARE', 'idle in transaction'],
      [''],
    ]);
    expect((await folder.pglock(['-c', 'waits', '-a', 'granted'])).stdout).toBe('granted\nfalse\n');
    expect((await folder.pglock(['--id', 'billing', '-a', 'advisoryId'])).stdout).toBe(
      'advisoryId\nbilling\n',
    );
    await client.end();
    await waiting;
  });
});

describe('mistakes end in one line and the right code', () => {
  it.each([
    [['-a', 'colour'], 2, /There is no attribute "colour"\. There are: .*activity\.query/],
    [['-f', 'colour=red'], 2, /There is no attribute "colour"/],
    [['-f', 'granted>true'], 2, /granted has no operator "gt"/],
    [['-f', 'nonsense'], 2, /A filter must be ATTRIBUTE/],
    [['-s', 'colour'], 2, /to order by/],
    [['-o', 'nosuch'], 2, /no table "nosuch" in this database\. There are: users, billing\.invoices/],
    [['-f', 'type=table'], 2, /There is no type "table"\. There are: RELATION, /],
    [['-f', 'mode=STRONG'], 2, /There is no mode "STRONG"\. There are: ACCESS SHARE, /],
    [
      ['-f', 'activity.state=sleeping'],
      2,
      /There is no activity\.state "sleeping"\. There are: active, idle, /,
    ],
    [['-l', '0'], 2, /limit must be a whole number of at least 1/],
    [['-l', 'many'], 2, /limit must be a whole number of at least 1; got "many"/],
    [['-c', 'long'], 2, /There is no configuration "long"/],
    [['-d', 'reporting'], 2, /There is no database "reporting"/],
    [['-d', 'mysql://x'], 2, /must be a URL such as postgres:/],
    [['treee'], 2, /"treee" is neither a process id nor a command/],
    [['--colour'], 2, /unknown option '--colour'/],
    [['--cancel', '--terminate'], 2, /cannot be used with/],
    [['tree', '--colour'], 2, /unknown option/],
    [['watch'], 2, /watch needs a terminal/],
    [['watch', '-n', 'soon'], 2, /--interval must be/],
    [['run'], 2, /missing required argument/],
    [['run', '--timeout', 'soon', '--', 'true'], 2, /--timeout must be/],
    [['run', '--', 'no-such-command-here'], 2, /Cannot run no-such-command-here/],
    [['-d', 'postgres://127.0.0.1:1/x'], 3, /Cannot connect to --database: .*ECONNREFUSED/],
    [['tree', '-d', 'postgres://127.0.0.1:1/x'], 3, /Cannot connect/],
    [['doctor', '-d', 'postgres://127.0.0.1:1/x'], 3, /Cannot connect/],
  ])('pglock %j: %d', async (args, code, line) => {
    const result = await cliFolder(db).pglock(args);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(line);
    expect(result.stderr).not.toMatch(/\n\s+at /);
  });

  it('of access: no password is ever printed', async () => {
    const url = new URL(db.url);
    url.username = 'no_such_role';
    url.password = 'hunter2%21';
    for (const args of [['-d', url.href], ['doctor'], ['run', '--id', 'x', '--', 'true']]) {
      const { code, stdout, stderr } = await cliFolder(db).pglock(args, { DATABASE_URL: url.href });
      expect(code).toBe(3);
      expect(stderr).toMatch(/^pglock: Cannot connect to (--database|DATABASE_URL): .*no_such_role/);
      expect(stdout + stderr).not.toContain('hunter2');
    }
    const broken = await cliFolder(db).pglock([], { DATABASE_URL: 'postgres://me:hunter2@[/x' });
    expect(broken.code).toBe(2);
    expect(broken.stderr).not.toContain('hunter2');
  });

  it.each([
    ['pglock.config.json', '{ "limit": '],
    ['pglock.config.json', '{"password": geheim}'],
    ['pglock.config.mjs', 'export default {'],
    ['pglock.config.ts', 'export default { colour: 1 }'],
    ['pglock.config.json', '{"configs": {"unused": {"colour": 1}}}'],
    ['pglock.config.js', 'throw new Error("not today")'],
  ])('of %s', async (name, text) => {
    const folder = cliFolder(db);
    folder.write(name, text);
    const { code, stderr, stdout } = await folder.pglock([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^pglock: ${name} cannot be used: .+\n$`));
    expect(stderr).not.toContain('geheim');
  });
});

/** Tests in a terminal say so, and test nothing, where tmux is missing: `apt-get install tmux`. */
const inTerminal = tmuxIsInstalled
  ? it
  : (title: string, _test: () => Promise<void>) =>
      it(`${title} (not tested: tmux is missing)`, () => undefined);

/** In colours, as users see it. */
const open = (command: string) => terminal(db, command, { env: { NO_COLOR: '' } });

describe('a question', () => {
  inTerminal('is asked in a terminal, and nothing happens without a yes', async () => {
    const { blocker, blockerPid, waiting } = await scene(db, ...TABLE);
    const no = open('--blocking --terminate');
    await no.shows('Terminate 1 blocking session? (y/[n])');
    no.keys('Enter');
    await no.shows('Nothing was done.');
    await no.shows('exit 1');
    expect((await blocker.query('SELECT 1')).rowCount).toBe(1);
    no.close();
    const yes = open('--blocking --terminate');
    await yes.shows('Terminate 1 blocking session? (y/[n])');
    yes.keys('y', 'Enter');
    await yes.shows(`${blockerPid}  terminated`);
    await yes.shows('exit 0');
    await waiting;
  });
});

describe('pglock watch', () => {
  inTerminal('lists, expands, filters, sorts, marks, terminates and quits in a terminal', async () => {
    const { blocker, blockerPid, waiterPid, waiting } = await scene(db, ...TABLE);
    const { keys, shows, screen } = open('watch -n 100');
    await shows(new RegExp(`> ${blockerPid} .* ${waiterPid} .*users`));
    keys('e');
    await shows(/── blockingActivity ─[^]*query: LOCK TABLE users/);
    await shows(/── activity ─[^]*query: SELECT \* FROM users/);
    keys('e', 'v');
    await shows(/locks \(\d+\)/);
    keys('/');
    keys('-l', 'relName=users');
    keys('Enter');
    await shows(/filter relName=users/);
    await shows(/locks \(2\)/);
    keys('s');
    await shows('sorted by -waitDuration');
    keys('v');
    await shows(/tree \(1\)/);
    await shows(new RegExp(`└─ ${waiterPid}`));
    keys('v');
    await shows('blocked (1)');
    keys('Space');
    await shows('1 marked');
    keys('t');
    await shows(`${blockerPid} (blocker, postgres) idle in transaction for`);
    await shows(`Terminate backend ${blockerPid}? (y/n)`);
    keys('n');
    await shows('Nothing was done.');
    expect((await blocker.query('SELECT 1')).rowCount).toBe(1);
    keys('t');
    await shows(`Terminate backend ${blockerPid}? (y/n)`);
    keys('y');
    await shows(`${blockerPid} terminated`);
    await waiting;
    await shows('blocked (0)');
    keys('q');
    await shows('exit 0');
    expect(screen()).not.toContain('blocked (0)');
  });

  inTerminal('survives a lost connection', async () => {
    const { keys, shows } = open('watch -n 100');
    await shows('blocked (0)');
    const { blocker, waiterPid, waiting } = await scene(db, ...TABLE);
    await shows(String(waiterPid));
    await db.admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pglock:cli'`,
    );
    await blocker.query('COMMIT');
    await waiting;
    await shows('blocked (0)');
    keys('C-c');
    await shows('exit 0');
  });
});
