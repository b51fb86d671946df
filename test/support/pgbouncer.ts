import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { eventually, type TestDatabase } from './database.js';

/** Where Debian and Homebrew put it, which need not be on the path. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin`;

/** Whether PgBouncer is installed here: `apt-get install pgbouncer`. */
export const pgBouncerIsInstalled =
  spawnSync('pgbouncer', ['--version'], { env: { ...process.env, PATH } }).status === 0;

/** A PgBouncer in transaction mode before one database. */
export interface PgBouncer {
  /** Connection string through it. */
  readonly url: string;
}

/** Starts a PgBouncer with so many server connections, and stops it with the database's other clean-ups. */
export async function startPgBouncer(database: TestDatabase, poolSize: number): Promise<PgBouncer> {
  const port = await freePort();
  const scratch = await mkdtemp(join(tmpdir(), 'pglock-bouncer-'));
  await chmod(scratch, 0o755);
  const config = join(scratch, 'pgbouncer.ini');
  await writeFile(config, settings(new URL(database.url), port, poolSize));
  // It refuses to run as root.
  const args = [...(process.getuid?.() === 0 ? ['-u', 'nobody'] : []), config];
  const bouncer = spawn('pgbouncer', args, { env: { ...process.env, PATH }, stdio: 'ignore' });
  database.defer(async () => {
    if (bouncer.exitCode === null && bouncer.kill('SIGKILL')) await once(bouncer, 'exit');
    await rm(scratch, { recursive: true, force: true });
  });
  const url = `postgres://postgres@127.0.0.1:${String(port)}/${database.name}`;
  await eventually(() => answers(url));
  return { url };
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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
