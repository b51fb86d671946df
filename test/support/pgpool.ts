import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from './postgres/free-port.mjs';
import { eventually } from './waiting.js';

/** Where Debian puts it, which need not be on the path. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin`;

/** Whether pgpool-II is installed here: `apt-get install pgpool2`. */
export const pgpoolIsInstalled =
  spawnSync('pgpool', ['--version'], { env: { ...process.env, PATH } }).status === 0;

/** How a pgpool-II balances, on top of the settings of {@link Pgpool.start}. */
export type PgpoolSettings = Readonly<Record<string, string | number>>;

/** A pgpool-II before a primary and its hot standby. */
export class Pgpool {
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(
    private readonly scratch: string,
    port: number,
  ) {
    this.url = `postgres://postgres@127.0.0.1:${String(port)}/postgres`;
    const args = ['-n', '-f', join(scratch, 'pgpool.conf'), '-F', join(scratch, 'pcp.conf')];
    this.#process = spawn('pgpool', args, {
      cwd: scratch,
      env: { ...process.env, PATH },
      stdio: ['ignore', 'ignore', 'ignore'],
    });
  }

  /** Starts one that gives every session the standby to read from, as far as `settings` let it. */
  static async start(
    primary: { readonly port: number },
    standby: { readonly port: number },
    settings: PgpoolSettings = {},
  ): Promise<Pgpool> {
    const port = await freePort();
    const scratch = await mkdtemp(join(tmpdir(), 'pglock-pgpool-'));
    await chmod(scratch, 0o755);
    const lines = {
      listen_addresses: '127.0.0.1',
      port,
      pcp_listen_addresses: '127.0.0.1',
      pcp_port: await freePort(),
      socket_dir: scratch,
      pcp_socket_dir: scratch,
      pid_file_name: join(scratch, 'pgpool.pid'),
      logdir: scratch,
      backend_clustering_mode: 'streaming_replication',
      ...backend(0, primary.port, 0),
      ...backend(1, standby.port, 1),
      load_balance_mode: 'on',
      num_init_children: 12,
      max_pool: 1,
      enable_pool_hba: 'off',
      pool_passwd: '',
      failover_on_backend_error: 'off',
      sr_check_period: 1,
      sr_check_user: 'postgres',
      sr_check_database: 'postgres',
      delay_threshold: 0,
      ...settings,
    };
    await writeFile(join(scratch, 'pcp.conf'), '');
    await writeFile(
      join(scratch, 'pgpool.conf'),
      Object.entries(lines)
        .map(([name, value]) => `${name} = '${String(value)}'\n`)
        .join(''),
    );
    const pool = new Pgpool(scratch, port);
    await eventually(() => pool.#balances());
    return pool;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.kill('SIGINT')) await once(this.#process, 'exit');
    await rm(this.scratch, { recursive: true, force: true });
  }

  /** It answers, and has found out which of its nodes is the standby. */
  async #balances(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      const { rows } = await client.query<{ role: string; status: string }>('SHOW pool_nodes');
      return rows.length === 2 && rows.every(({ status }) => status === 'up') && rows[1]?.role === 'standby';
    } finally {
      await client.end();
    }
  }
}

function backend(node: number, port: number, weight: number): PgpoolSettings {
  return {
    [`backend_hostname${node}`]: '127.0.0.1',
    [`backend_port${node}`]: port,
    [`backend_weight${node}`]: weight,
    [`backend_flag${node}`]: 'DISALLOW_TO_FAILOVER',
  };
}
