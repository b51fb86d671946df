import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { advisoryKey } from 'nestjs-pglock';
import { startPostgres, type PostgresServer } from '../../../../test/support/postgres/start-postgres.mjs';
import type { Run } from './verdict.js';

/** What a bare `AdvisoryLock()` locks: class and method. */
const JOB_LOCK = advisoryKey('InvoicesService.sendDue');
const POLL_MS = 1;

/** A database of our own on the server that tests and samples use, with the table of runs. */
export class Database {
  private constructor(
    private readonly server: PostgresServer,
    private readonly admin: pg.Client,
    private readonly client: pg.Client,
    readonly url: string,
    readonly version: string,
  ) {}

  static async start(): Promise<Database> {
    const server = await startPostgres();
    const name = `pglock_sample_${randomBytes(4).toString('hex')}`;
    const admin = await connected(server.url);
    await admin.query(`CREATE DATABASE ${name}`);
    const url = new URL(server.url);
    url.pathname = name;
    const client = await connected(url.href);
    await client.query(
      `CREATE TABLE runs (tick bigint, replica text, ran_at timestamptz DEFAULT clock_timestamp())`,
    );
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return new Database(server, admin, client, url.href, rows[0]?.server_version ?? '');
  }

  /** All runs from that tick on, in the order in which they happened. */
  async runsSince(tick: number): Promise<Run[]> {
    const { rows } = await this.client.query<Run>(
      `SELECT tick::int, replica, extract(epoch FROM ran_at)::float8 * 1000 AS at FROM runs
       WHERE tick >= $1 ORDER BY ran_at`,
      [tick],
    );
    return rows;
  }

  /** The first run of a tick, as soon as there is one; undefined where there is none by then. */
  async runOf(tick: number, until: number): Promise<Run | undefined> {
    while (Date.now() < until) {
      const run = (await this.runsSince(tick)).find((one) => one.tick === tick);
      if (run !== undefined) return run;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return undefined;
  }

  /** Whether any session holds the job's lock at this moment. */
  async isJobLocked(): Promise<boolean> {
    const { rows } = await this.client.query<{ locked: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND classid = $1 AND objid = $2 AND objsubid = $3) AS locked`,
      [JOB_LOCK.classId, JOB_LOCK.objId, JOB_LOCK.objSubId],
    );
    return rows[0]!.locked;
  }

  /** Resolves to when the job's lock was seen free, in milliseconds of the Unix epoch. */
  async jobLockFree(): Promise<number> {
    while (await this.isJobLocked()) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    return Date.now();
  }

  async stop(): Promise<void> {
    const name = new URL(this.url).pathname.slice(1);
    await this.client.end();
    await this.admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await this.admin.end();
    await this.server.stop();
  }
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
