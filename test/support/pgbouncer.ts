import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestDatabase } from './database.js';
import { eventually } from './waiting.js';
import { freePort } from './postgres/free-port.mjs';

/** Where Debian and Homebrew put it, which need not be on the path. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin`;

/** Whether PgBouncer is installed here: `apt-get install pgbouncer`. */
export const pgBouncerIsInstalled =
  spawnSync('pgbouncer', ['--version'], { env: { ...process.env, PATH } }).status === 0;

/** `describe`, or a test that says what is missing. */
export function describeBehindPgBouncer(title: string, tests: () => void): void {
  if (pgBouncerIsInstalled) return describe(title, tests);
  it('needs pgbouncer, which is not installed here', () => {
    console.warn('PgBouncer is not installed, so nothing was tested behind it: apt-get install pgbouncer');
  });
}

/** A PgBouncer in transaction mode before one database. */
export class PgBouncer {
  /** Connection string through it. */
  readonly url: string;
  #process: ChildProcess | undefined;

  private constructor(
    private readonly scratch: string,
    database: URL,
    port: number,
  ) {
    this.url = `postgres://${database.username || 'postgres'}@127.0.0.1:${String(port)}${database.pathname}`;
  }

  /** Starts one with so many server connections before the database of a connection string. */
  static async start(database: string, poolSize: number): Promise<PgBouncer> {
    const port = await freePort();
    const scratch = await mkdtemp(join(tmpdir(), 'pglock-bouncer-'));
    await chmod(scratch, 0o755);
    const url = new URL(database);
    await writeFile(join(scratch, 'pgbouncer.ini'), settings(url, port, poolSize));
    const bouncer = new PgBouncer(scratch, url, port);
    await bouncer.#run();
    return bouncer;
  }

  /** Ends as in a crash, with all its connections, and comes back on the same port. */
  async restart(): Promise<void> {
    await this.#kill();
    await this.#run();
  }

  async stop(): Promise<void> {
    await this.#kill();
    await rm(this.scratch, { recursive: true, force: true });
  }

  async #run(): Promise<void> {
    // It refuses to run as root.
    const args = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    this.#process = spawn('pgbouncer', [...args, join(this.scratch, 'pgbouncer.ini')], {
      env: { ...process.env, PATH },
      stdio: 'ignore',
    });
    await eventually(() => answers(this.url));
  }

  async #kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running?.exitCode === null && running.kill('SIGKILL')) await once(running, 'exit');
  }
}

/** Starts a PgBouncer with so many server connections, and stops it with the database's other clean-ups. */
export async function startPgBouncer(database: TestDatabase, poolSize: number): Promise<PgBouncer> {
  const bouncer = await PgBouncer.start(database.url, poolSize);
  database.defer(() => bouncer.stop());
  return bouncer;
}

function settings(server: URL, port: number, poolSize: number): string {
  const { hostname, port: serverPort, username, password, pathname } = server;
  const login = [`user=${username}`, ...(password === '' ? [] : [`password=${password}`])].join(' ');
  const name = pathname.slice(1);
  return [
    '[databases]',
    `${name} = host=${hostname} port=${serverPort || '5432'} dbname=${name} ${login}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${String(port)}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    `default_pool_size = ${String(poolSize)}`,
    'ignore_startup_parameters = extra_float_digits,options',
    // A server that was away is asked again soon, and nobody waits for it for long.
    'server_login_retry = 1',
    'query_wait_timeout = 5',
    '',
  ].join('\n');
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  await client.end();
  return true;
}
