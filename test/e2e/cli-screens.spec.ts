import { Injectable, Module, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { AdvisoryLock, PgLockModule, PgLockService } from '../../lib/index.js';
import { start } from '../support/blocked-sessions.js';
import { cliFolder, type CliFolder } from '../support/cli.js';
import { eventually, useDatabase } from '../support/database.js';
import { expectGolden, normalised } from '../support/golden.js';
import { terminal, tmuxIsInstalled, type Terminal } from '../support/terminal.js';

const WIDTHS = [80, 120] as const;
/** No keys: locks on indexes would come and go. */
const SCHEMA =
  'CREATE TABLE users (id int, name text); CREATE SCHEMA billing; CREATE TABLE billing.invoices (id int)';

@Injectable()
class Invoices {
  @Cron('0 0 1 1 *')
  @UseInterceptors(AdvisoryLock('invoices'))
  send(): void {}
}

/** Locks and waits are counted in the whole server, which other tests use as well. */
function ofThisDatabase(screen: string): string {
  return screen
    .replace(
      /^\S+ +lock table +\d+ locks in a table made for \d+ .*(?:\n {20,}.*)*$/m,
      'ok lock table (of the server)',
    )
    .replace(/^\S+ +waiting +.*\n(?: +See pglock tree\.\n)?/m, 'ok waiting (in the server)\n');
}

/**
 * What the command looks like in a real terminal, 80 and 120 columns wide: compared with `test/golden/cli`, which
 * `PGLOCK_UPDATE_GOLDEN=1` writes anew.
 */
if (tmuxIsInstalled) describe.each(WIDTHS)('in a terminal of %i columns', screens);
else
  it('needs tmux, which is not installed here', () => {
    console.warn('tmux is not installed, so no screen was looked at: apt-get install tmux');
  });

function screens(columns: number): void {
  const db = useDatabase({ schema: SCHEMA });
  let runner: { readonly name: string; readonly url: string };

  beforeAll(async () => {
    runner = await db.role('runner');
  });

  const open = (
    command: string,
    options: { folder?: CliFolder; env?: Record<string, string>; lines?: number } = {},
  ) => terminal(db, command, { columns, lines: 45, ...options });

  /** The screen as it is kept; no line of it is wider than the terminal. */
  function keep(name: string, screen: string, { figures = true, wide = false } = {}): void {
    const widest = Math.max(...screen.split('\n').map((line) => Array.from(line.trimEnd()).length));
    if (!wide) expect({ name, widest }).toEqual({ name, widest: Math.min(widest, columns) });
    const { port } = new URL(db.url);
    const names = { database: db.name, port, texts: { [runner.name]: 'ROLE' }, figures };
    // How many lines are empty depends on how wide figures are, which may break a sentence.
    const filled = normalised(screen, names).replace(/\n{4,}/g, '\n\n\n\n');
    expectGolden(`cli/${name}.${columns}.txt`, filled);
  }

  /** As `keep`, once all of a screen is drawn that shows something. */
  const keepDrawn = (
    name: string,
    { shows }: Terminal,
    what: string | RegExp,
    options?: { figures: boolean },
  ) =>
    eventually(async () => {
      keep(name, await shows(what), options);
      return true;
    });

  async function ended(command: string, options?: Parameters<typeof open>[1]): Promise<string> {
    const { shows, close } = open(command, options);
    const screen = await shows(/^exit \d+$/m);
    close();
    return screen;
  }

  /** An idle transaction, a migration that waits for it, and a request that waits for that. */
  async function queue() {
    const report = await db.connect({ application_name: 'report' });
    await report.query('BEGIN');
    await report.query('SELECT FROM users');
    const migration = await db.connect({ application_name: 'db-migrate' });
    const first = start(migration, 'TRUNCATE users');
    await db.waitForWaiter(db.pidOf(migration));
    const web = await db.connect({ application_name: 'web-shop' });
    const second = start(web, 'SELECT FROM users');
    await db.waitForWaiter(db.pidOf(web));
    db.defer(async () => {
      await report.end();
      await Promise.all([first, second]);
    });
    return { report };
  }

  it('lists, shows blockers, the tree, and everything of one lock', async () => {
    const { report } = await queue();
    keep('list', await ended('-o users'));
    keep('list-limit', await ended('-o users -l 1'));
    keep('blocking', await ended('--blocking'));
    keep('tree', await ended('tree'));
    keep('expanded', await ended(`${db.pidOf(report)} -o users -e`));
    keep('dry-run', await ended('--blocking --terminate --dry-run'));
    keep('hidden', await ended(`-o users -d ${runner.url}`));
    keep('not-permitted', await ended(`--blocking --terminate -y -d ${runner.url}`));
  });

  it('lists advisory locks with who has them, and whose keys they are', async () => {
    const app = await db.connect({ application_name: 'app' });
    for (const key of ['72707369', '1074944137, 7', '42']) await app.query(`SELECT pg_advisory_lock(${key})`);
    keep('advisory', await ended('-f type=advisory -s advisoryKey'));
    keep('by-id', await ended('--id 1074944137,7'));
    keep('key', await ended('key billing.close'), { figures: false, wide: true });
    keep('key-number', await ended('key 72707369'), { figures: false });
  });

  it('asks before it signals', async () => {
    await queue();
    const { keys, shows, close } = open('--blocking --terminate');
    keep('question', await shows('(y/[n])'));
    keys('Enter');
    keep('question-no', await shows(/^exit 1$/m));
    close();
  });

  it('watches', async () => {
    await queue();
    const watch: Terminal = open('watch -n 200', { lines: 30 });
    const { keys, shows, close } = watch;
    await keepDrawn('watch-blocked', watch, /blocked \(\d\)[^]*web-shop/);
    keys('v');
    await shows(/locks \(3\)/); // until the answer is there, the rows are those of the former view
    keys('/');
    keys('-l', 'relName=users');
    await keepDrawn('watch-filter', watch, 'relName=users');
    keys('Enter');
    await keepDrawn('watch-locks', watch, /locks \(3\).*filter relName=users/);
    keys('e');
    await keepDrawn('watch-details', watch, '── activity');
    keys('e', 'v');
    await keepDrawn('watch-tree', watch, /tree \(1\)/);
    keys('t');
    await keepDrawn('watch-question', watch, '(y/n)');
    keys('n');
    await keepDrawn('watch-no', watch, 'Nothing was done.');
    keys('?');
    await keepDrawn('watch-help', watch, 'quit', { figures: false });
    keys('q', 'q');
    close();
  });

  it('examines', async () => {
    keep('doctor', ofThisDatabase(await ended('doctor')));
    keep('doctor-role', ofThisDatabase(await ended(`doctor -d ${runner.url}`)));
  });

  it('lists jobs', async () => {
    keep('jobs-none', await ended('jobs'));
    class App {}
    Module({
      imports: [ScheduleModule.forRoot(), PgLockModule.forRoot({ connection: db.url })],
      providers: [Invoices],
    })(App);
    const app = await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
    db.defer(() => app.close());
    const { jobs } = app.get(PgLockService);
    await eventually(async () => (await jobs.find()).length === 1);
    const listed = await eventually(async () => {
      const screen = await ended('jobs');
      return screen.includes('Invoices.send') && screen;
    });
    keep('jobs', listed);
  });

  it('runs a command under a lock', async () => {
    keep('run', await ended('run --id deploy -- echo deployed'));
    const holder = await db.connect({ application_name: 'deploy-job' });
    await holder.query('SELECT pg_advisory_lock(42)');
    keep('run-refused', await ended('run --id 42 -t 0 -- echo deployed'));
    const waiting = open('run --id 42 -- echo deployed');
    keep('run-waiting', await waiting.shows('waiting for'));
    await holder.end();
    keep('run-acquired', await waiting.shows(/^exit 0$/m));
    waiting.close();
    const folder = cliFolder(db);
    folder.write('go', '');
    const losing = open(`run --id deploy --on-lost stop -- sh -c 'while test -e go; do sleep 0.1; done'`, {
      folder,
    });
    const pid = await eventually(
      async () => (await db.sessions()).find(({ advisoryLocks }) => advisoryLocks.length > 0)?.pid,
    );
    await db.admin.query('SELECT pg_terminate_backend($1)', [pid]);
    keep('run-lost', await losing.shows(/^exit \d+$/m));
    losing.close();
  });

  it('clears the way for a command', async () => {
    const report = await db.connect({ application_name: 'report' });
    await report.query('BEGIN');
    await report.query('SELECT FROM users');
    const { hostname, port, username, pathname } = new URL(db.url);
    const env = { PGHOST: hostname, PGPORT: port, PGUSER: username, PGDATABASE: pathname.slice(1) };
    const migrate = `psql -qc "ALTER TABLE users ADD COLUMN IF NOT EXISTS age int"`;
    keep('run-prioritize', await ended(`run --prioritize --interval 100 -- ${migrate}`, { env }));
    await db.admin.query('ALTER TABLE users DROP COLUMN age');
  });

  it('explains', async () => {
    const folder = cliFolder(db);
    folder.write(
      'age.sql',
      'ALTER TABLE users ADD COLUMN age int;\nCREATE INDEX users_age ON users (age);\n',
    );
    const screen = await ended(`explain age.sql -y -d ${db.url}`, { folder, lines: 44 });
    expect(screen).toContain('ACCESS EXCLUSIVE');
    keep('explain', screen);
  });

  it.each([
    ['nothing', '-o billing.invoices'],
    ['no-such-table', '-o nosuch'],
    ['no-such-state', '-f activity.state=sleeping'],
    ['no-such-attribute', '-f activity.colour=red'],
    ['no-such-filter', '-f oops'],
    ['no-such-option', '--colour'],
    ['no-such-command', 'trea'],
    ['no-such-duration', 'run --id x -t soon -- true'],
    ['no-server', 'tree -d postgres://app@127.0.0.1:1/shop'],
    ['no-address', '-d shop'],
    ['no-such-program', 'run --id x -- no-such-program'],
    ['all-of-them', '--terminate -y'],
    ['help', '--help'],
    ['help-run', 'run --help'],
  ])('says of %s what there is', async (name, command) => {
    keep(
      `error-${name}`.replace('error-help', 'help').replace('error-nothing', 'nothing'),
      await ended(command, { lines: 80 }),
      { figures: false },
    );
  });
}
