import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { DEFAULTS } from '../../lib/options/pg-lock-options.js';
import type { SessionsOptions } from '../../lib/session/session-options.js';
import { durationMs } from '../../lib/vocabulary/duration.js';
import { lockKey } from '../../lib/vocabulary/lock-id.js';
import { spawnChild, type Child, type Message } from '../support/child.js';
import { HistoryChecker, readHistory, type FaultWindow, type LoggedWrite } from '../support/history.js';
import { pgBouncerIsInstalled, PgBouncer } from '../support/pgbouncer.js';
import { startPostgres, type OwnPostgresServer } from '../support/postgres/start-postgres.mjs';
import { FaultyProxy } from '../support/proxy.js';
import { eventually } from '../support/waiting.js';

/** The PostgreSQL major under test, as test/support/postgres reads it. */
export const MAJOR = Number(process.env['PGLOCK_TEST_POSTGRES'] || 18);

/** The clock that replicas and test share. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

const SCHEMA = `
  CREATE TABLE counters (key text PRIMARY KEY, n bigint, writer text, seen bigint);
  CREATE TABLE counters_log (seq bigserial, key text, writer text, seen bigint, was bigint);
  CREATE TABLE guarded (key text PRIMARY KEY, token numeric, writer text);
  CREATE TABLE guarded_log (seq bigserial, key text, writer text, token numeric, was numeric);
  INSERT INTO counters SELECT k, 0 FROM unnest('{k1,k2,k3,hal,sticky}'::text[]) k;
  INSERT INTO guarded SELECT k, 0 FROM unnest('{k1,k2,k3,hal,sticky}'::text[]) k;
  CREATE FUNCTION log_counter() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO counters_log (key, writer, seen, was) VALUES (new.key, new.writer, new.seen, old.n); RETURN new; END';
  CREATE FUNCTION log_guarded() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO guarded_log (key, writer, token, was) VALUES (new.key, new.writer, new.token, old.token); RETURN new; END';
  CREATE TRIGGER counters_log AFTER UPDATE ON counters FOR EACH ROW EXECUTE FUNCTION log_counter();
  CREATE TRIGGER guarded_log AFTER UPDATE ON guarded FOR EACH ROW EXECUTE FUNCTION log_guarded();`;

/** Shorter than the defaults, so that a run meets many faults. */
export const SHORT_SESSIONS: SessionsOptions = { heartbeat: '300ms', lease: '2s' };

export interface ClusterOptions {
  readonly replicas: number;
  readonly seed: number;
  /** Every replica runs this broken engine. */
  readonly mutant?: string | undefined;
  /** Short ones, where left out. */
  readonly sessions?: SessionsOptions;
  /** How far away the server is, in milliseconds each way: then lock sessions have several statements under way at once. */
  readonly distanceMs?: number;
  /** How long a replica may take to answer. */
  readonly answersWithinMs?: number;
}

/** A server of the test's own, replicas as processes, a proxy before each of them, and a PgBouncer. */
export class Cluster {
  readonly replicas: Replica[] = [];
  readonly faults: FaultWindow[] = [];
  readonly #everybody: Replica[] = [];
  /** Behind it are the transaction-level locks, where it is installed. */
  bouncer: PgBouncer | undefined;
  readonly #scratch = mkdtempSync(join(tmpdir(), 'pglock-chaos-'));
  #admin: pg.Client | undefined;
  #count = 0;

  private constructor(
    readonly server: OwnPostgresServer,
    readonly options: ClusterOptions,
  ) {}

  static async start(options: ClusterOptions): Promise<Cluster> {
    const server = await startPostgres({
      own: true,
      settings: {
        ...{ max_connections: 100, max_locks_per_transaction: 10, max_prepared_transactions: 0 },
        ...{ synchronous_commit: 'on', deadlock_timeout: '300ms', superuser_reserved_connections: 3 },
        track_activity_query_size: 200,
        // What a commit did not flush is lost in a crash.
        wal_writer_delay: '10s',
      },
    });
    const cluster = new Cluster(server, options);
    try {
      const admin = await cluster.admin();
      await admin.query(SCHEMA);
      await admin.query(`CREATE ROLE app LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
        GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app`);
      if (pgBouncerIsInstalled) cluster.bouncer = await PgBouncer.start(cluster.url, 8);
      await Promise.all(Array.from({ length: options.replicas }, () => cluster.spawn()));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get sessions(): SessionsOptions {
    return this.options.sessions ?? SHORT_SESSIONS;
  }

  get leaseMs(): number {
    return durationMs(this.sessions.lease ?? DEFAULTS.sessions.lease, 'lease');
  }

  /** How the application connects: not as a superuser, so that reserved connections stay the test's own. */
  get url(): string {
    return this.server.url.replace('//postgres@', '//app@');
  }

  /** A superuser's connection; a new one where the server ended the last. */
  async admin(): Promise<pg.Client> {
    if (this.#admin !== undefined) return this.#admin;
    const admin = new pg.Client({ connectionString: this.server.url, application_name: 'chaos-admin' });
    const gone = () => {
      if (this.#admin === admin) this.#admin = undefined;
    };
    admin.on('error', gone).on('end', gone);
    await admin.connect();
    return (this.#admin = admin);
  }

  async spawn(): Promise<Replica> {
    const number = ++this.#count;
    const name = `r${String(number)}`;
    await this.#role(name);
    const proxy = await new FaultyProxy(() => this.server.port).listen();
    proxy.distanceMs = this.options.distanceMs ?? 0;
    const config = {
      name,
      seed: this.options.seed * 1_000 + number,
      file: join(this.#scratch, `${name}.jsonl`),
      database: proxy.through(this.url.replace('//app@', `//app_${name}@`)),
      direct: this.url,
      bouncer: this.bouncer?.url ?? null,
      sessions: this.sessions,
      lendPool: number % 2 === 0,
      mutant: this.options.mutant ?? null,
    };
    const script = new URL('../support/children/replica-under-faults.mjs', import.meta.url);
    const child = spawnChild(script, { env: { REPLICA: JSON.stringify(config) } });
    const { answersWithinMs = 30_000 } = this.options;
    const replica = new Replica({
      name,
      lendsPool: config.lendPool,
      proxy,
      file: config.file,
      child,
      answersWithinMs,
    });
    this.#everybody.push(replica);
    await replica.child.next('ready', 60_000);
    this.replicas.push(replica);
    return replica;
  }

  /** Each replica connects as a role of its own, which sees of the others' sessions what any role sees. */
  async #role(name: string): Promise<void> {
    const admin = await this.admin();
    await admin.query(`CREATE ROLE app_${name} LOGIN IN ROLE app`);
  }

  /** Takes a replica that is dead out, and another one in. */
  async replace(dead: Replica): Promise<Replica> {
    this.replicas.splice(this.replicas.indexOf(dead), 1);
    await dead.proxy.close();
    return this.spawn();
  }

  /** Advisory locks that somebody holds or waits for, those of the given ids aside, once they have had time to go. */
  async leftovers(ids: readonly string[] = []): Promise<string[]> {
    const expected = new Set(ids.map((id) => String(lockKey(id).objId)));
    const left = async () => {
      const admin = await this.admin();
      const { rows } = await admin.query<{ pid: number; objId: string; query: string }>(
        `SELECT pid, objid::int8::text AS "objId", query FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory'`,
      );
      return rows.filter(({ objId }) => !expected.has(objId)).map((row) => JSON.stringify(row));
    };
    await eventually(async () => (await left()).length === 0, { timeout: 5_000 }).catch(() => undefined);
    return left();
  }

  /** The backend that waits for an id. */
  async waitForWaiter(id: string, timeout = 20_000): Promise<number> {
    return eventually(
      async () => {
        const admin = await this.admin();
        const { rows } = await admin.query<{ pid: number }>(
          `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid::int8 = $1`,
          [lockKey(id).objId],
        );
        return rows[0]?.pid;
      },
      { timeout },
    );
  }

  /** Every process shuts down; what is said of those that do not. */
  async leave(): Promise<string[]> {
    const ended = await Promise.allSettled(
      this.replicas.map(async (replica) => {
        await replica.ask('leave');
        await replica.child.exit;
      }),
    );
    return ended.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []));
  }

  async judge(): Promise<HistoryChecker> {
    const admin = await this.admin();
    const read = async (table: string, columns: string) =>
      (
        await admin.query<LoggedWrite>(
          `SELECT seq, key, writer, ${columns}, was::float8 AS was FROM ${table} ORDER BY seq`,
        )
      ).rows;
    const counters = await read('counters_log', 'seen::float8 AS seen');
    const guarded = await read('guarded_log', 'token::text AS token');
    return new HistoryChecker(readHistory(this.#everybody.map(({ file }) => file)), this.faults).check({
      counters,
      guarded,
    });
  }

  async stop(): Promise<void> {
    for (const { child, proxy } of this.#everybody) {
      if (isAlive(child)) child.signal('SIGCONT');
      await child.kill();
      await proxy.close();
    }
    await this.bouncer?.stop();
    await this.#admin?.end().catch(() => undefined);
    await this.server.stop();
    rmSync(this.#scratch, { recursive: true, force: true });
  }
}

function isAlive(child: Child): boolean {
  try {
    return process.kill(child.pid, 0);
  } catch {
    return false;
  }
}

interface ReplicaInit {
  readonly name: string;
  /** Whether its application lends its pool, of two connections. */
  readonly lendsPool: boolean;
  readonly proxy: FaultyProxy;
  readonly file: string;
  readonly child: Child;
  readonly answersWithinMs: number;
}

/** One process of the application. */
export class Replica {
  readonly name: string;
  readonly lendsPool: boolean;
  readonly proxy: FaultyProxy;
  readonly file: string;
  readonly child: Child;
  #questions = 0;

  constructor(private readonly init: ReplicaInit) {
    ({
      name: this.name,
      lendsPool: this.lendsPool,
      proxy: this.proxy,
      file: this.file,
      child: this.child,
    } = init);
  }

  async ask(verb: string, data: Record<string, unknown> = {}): Promise<Message> {
    const n = ++this.#questions;
    if (!isAlive(this.child)) throw new Error(`${this.name} has ended:\n${this.child.output}`);
    this.child.send('do', { n, verb, ...data });
    const answer = await this.child.next(`done:${String(n)}`, this.init.answersWithinMs);
    if (typeof answer['failed'] === 'string') throw new Error(`${this.name} ${verb}: ${answer['failed']}`);
    return answer;
  }
}
