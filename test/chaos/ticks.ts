import pg from 'pg';
import { spawnChild, type Child } from '../support/child.js';
import { startPostgres, type OwnPostgresServer } from '../support/postgres/start-postgres.mjs';
import { FaultyProxy } from '../support/proxy.js';

const SCHEMA = `CREATE TABLE runs (id serial PRIMARY KEY, tick bigint, replica text, late bigint, skipped int,
  ended boolean NOT NULL DEFAULT false, at timestamptz NOT NULL DEFAULT clock_timestamp())`;

export interface FleetOptions {
  readonly periodSeconds: number;
  /** How far each replica's clock is behind, in milliseconds. */
  readonly behindMs: readonly number[];
  readonly moduleOptions?: object;
  readonly lockOptions?: object;
  readonly mutant?: string | undefined;
  /** Whose timers and modules: the version of Nest. */
  readonly nest?: '11' | '12';
  /** How long a run takes. */
  readonly workMs?: number;
}

/** One row of what happened. */
export interface TickRow {
  readonly tick: number;
  readonly replica: string;
  readonly late: number;
  readonly ended: boolean;
}

/** What is wrong with a range of ticks. */
export interface TickVerdict {
  readonly ticks: number;
  readonly lost: readonly number[];
  readonly twice: readonly number[];
  /** The longest that one was late, in milliseconds. */
  readonly latest: number;
}

/** One process with the job, through a proxy of its own. */
export class JobReplica {
  /** The ticks whose run it has begun. */
  readonly ran = new Set<unknown>();

  constructor(
    readonly name: string,
    readonly behindMs: number,
    readonly child: Child,
    readonly proxy: FaultyProxy,
  ) {
    void this.#listen();
  }

  async #listen(): Promise<void> {
    try {
      for (;;) this.ran.add((await this.child.next('ran', 2 ** 31 - 1))['tick']);
    } catch {
      // It has ended.
    }
  }

  /** Keeps its event loop busy from now on; resolves at once. */
  block(ms: number): void {
    this.child.send('do', { verb: 'block', ms });
  }

  stop(): void {
    this.child.signal('SIGSTOP');
  }

  goOn(): void {
    this.child.signal('SIGCONT');
  }
}

/** Replicas of one application with one cron job, on a server of their own. */
export class TickFleet {
  readonly replicas: JobReplica[] = [];
  /** The longest lease of a fleet of these tests. */
  readonly leaseMs = 2_000;
  readonly #all: JobReplica[] = [];
  #count = 0;

  private constructor(
    readonly server: OwnPostgresServer,
    readonly options: FleetOptions,
  ) {}

  static async start(options: FleetOptions): Promise<TickFleet> {
    const server = await startPostgres({ own: true, settings: { max_connections: 60 } });
    const fleet = new TickFleet(server, options);
    try {
      await fleet.onServer((admin) => admin.query(SCHEMA));
      await Promise.all(options.behindMs.map((behindMs) => fleet.spawn(behindMs)));
      return fleet;
    } catch (error) {
      await fleet.end();
      throw error;
    }
  }

  get periodMs(): number {
    return this.options.periodSeconds * 1_000;
  }

  async spawn(behindMs: number): Promise<JobReplica> {
    const replica = await this.load(behindMs);
    await this.boot(replica);
    return replica;
  }

  /** A process that has only to boot. */
  async load(behindMs: number): Promise<JobReplica> {
    const proxy = await new FaultyProxy(() => this.server.port).listen();
    const name = `r${String(++this.#count)}`;
    const { periodSeconds, moduleOptions, lockOptions, mutant, workMs, nest = '12' } = this.options;
    const child = spawnChild(new URL('../support/children/job-replica.mjs', import.meta.url), {
      env: {
        NAME: name,
        CLOCK_OFFSET_MS: String(-behindMs),
        DATABASE_URL: proxy.through(this.server.url),
        WORK_URL: this.server.url,
        CRON: `*/${String(periodSeconds)} * * * * *`,
        MODULE_OPTIONS: JSON.stringify(moduleOptions ?? {}),
        LOCK_OPTIONS: JSON.stringify(lockOptions ?? {}),
        NEST: nest === '12' ? '' : `nest-${nest}`,
        ...(mutant === undefined ? {} : { MUTANT: mutant }),
        ...(workMs === undefined ? {} : { WORK_MS: String(workMs) }),
      },
    });
    const replica = new JobReplica(name, behindMs, child, proxy);
    this.#all.push(replica);
    await child.next('loaded', 60_000);
    return replica;
  }

  /** Becomes one of the fleet. */
  async boot(replica: JobReplica): Promise<void> {
    this.replicas.push(replica);
    replica.child.send('boot');
    await replica.child.next('ready', 60_000);
  }

  /** It is not one of the fleet any more. */
  remove(replica: JobReplica): void {
    const index = this.replicas.indexOf(replica);
    if (index >= 0) this.replicas.splice(index, 1);
  }

  /** The first tick at least so many milliseconds from now, by the clock that is right. */
  tickAfter(ms: number): number {
    return Math.ceil((Date.now() + ms) / this.periodMs) * this.periodMs;
  }

  /** Resolves at a moment relative to a tick. */
  async until(at: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - Date.now())));
  }

  /** The replica that ran the last tick. */
  async holder(): Promise<JobReplica> {
    const [last] = (await this.rows()).toSorted((a, b) => b.tick - a.tick);
    const found = this.replicas.find(({ name }) => name === last?.replica) ?? this.replicas[0];
    if (found === undefined) throw new Error('There are no replicas.');
    return found;
  }

  rows(): Promise<TickRow[]> {
    return this.onServer(async (admin) => {
      const { rows } = await admin.query<TickRow>(
        'SELECT tick::float8 AS tick, replica, late::float8 AS late, ended FROM runs WHERE tick IS NOT NULL ORDER BY id',
      );
      return rows;
    });
  }

  /** All lock backends of a replica, or of all. */
  async terminateLockSessions(replica: JobReplica): Promise<void> {
    await this.onServer((admin) =>
      admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%pglock:locks%'
         AND client_port = ANY ($1)`,
        [replica.proxy.serverPorts],
      ),
    );
  }

  /** Each tick from one on, up to another, exactly once? */
  async judge(from: number, to: number): Promise<TickVerdict> {
    const rows = (await this.rows()).filter(({ tick }) => tick >= from && tick <= to);
    const counts = new Map<number, number>();
    for (const { tick } of rows) counts.set(tick, (counts.get(tick) ?? 0) + 1);
    const ticks = Array.from({ length: (to - from) / this.periodMs + 1 }, (_, i) => from + i * this.periodMs);
    return {
      ticks: ticks.length,
      lost: ticks.filter((tick) => !counts.has(tick)),
      twice: [...counts].filter(([, count]) => count > 1).map(([tick]) => tick),
      latest: Math.max(0, ...rows.map(({ late }) => late)),
    };
  }

  /** What all processes have printed. */
  get output(): string {
    return this.#all.map(({ name, child }) => `--- ${name}\n${child.output}`).join('\n');
  }

  async onServer<Result>(work: (admin: pg.Client) => Promise<Result>): Promise<Result> {
    const admin = new pg.Client({ connectionString: this.server.url, application_name: 'ticks-admin' });
    admin.on('error', () => undefined);
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.end();
    }
  }

  async end(): Promise<void> {
    for (const { child, proxy } of this.#all) {
      await child.kill();
      await proxy.close();
    }
    await this.server.stop();
  }
}
