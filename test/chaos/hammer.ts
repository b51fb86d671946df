import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { spawnChild, type Child } from '../support/child.js';
import { startPostgres, type OwnPostgresServer } from '../support/postgres/start-postgres.mjs';
import { FaultyProxy } from '../support/proxy.js';
import { now } from './cluster.js';
import { HammerHistory } from './hammer-history.js';

/** The lease of these processes, and how long they are stopped or cut off. */
export const LEASE_MS = 1_000;
const STOPPED_MS = LEASE_MS + 400;

interface Hammered {
  readonly name: string;
  readonly child: Child;
  readonly proxy: FaultyProxy;
}

/** What is done, to whom, and when; a leader that is struck leaves a gap. */
export interface Blow {
  readonly fault: Fault;
  /** From when its gap counts. */
  readonly at: number;
  /** The first moment at which a session may have ended. */
  readonly from: number;
  /** Whose sessions. */
  readonly victim: string;
}

export type Fault =
  'resigned' | 'terminated' | 'killed' | 'shut down' | 'stopped' | 'cut off' | 'server restarted';

export interface HammerOptions {
  readonly mode: 'lead' | 'permits';
  readonly permits?: number;
  readonly mutant?: string | undefined;
}

/** Five processes on a server of their own, each through a proxy of its own, that all want the same. */
export class Hammer {
  readonly blows: Blow[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'pglock-hammer-'));
  readonly #history = new HammerHistory();
  #fleet: Hammered[] = [];
  #all: Hammered[] = [];

  private constructor(
    private readonly server: OwnPostgresServer,
    private readonly options: HammerOptions,
  ) {}

  static async start(options: HammerOptions): Promise<Hammer> {
    const server = await startPostgres({ own: true, settings: { max_connections: 100 } });
    const hammer = new Hammer(server, options);
    try {
      await Promise.all(Array.from({ length: 5 }, () => hammer.spawn()));
      return hammer;
    } catch (error) {
      await hammer.end();
      throw error;
    }
  }

  history(): HammerHistory {
    return this.#history.update();
  }

  /** Does something to one of them: to the one that leads, where one does. */
  async strike(fault: Fault, random: number): Promise<void> {
    const victim = this.#victim(random);
    if (victim === undefined) return;
    const from = now();
    this.blows.push({ fault, at: from, from, victim: victim.name });
    switch (fault) {
      case 'resigned':
        victim.child.send('resign');
        return;
      case 'terminated':
        return this.#terminate(victim);
      case 'killed':
        await victim.child.kill();
        return this.#replace(victim);
      case 'shut down':
        victim.child.signal('SIGTERM');
        return this.#replace(victim);
      case 'stopped':
        victim.child.signal('SIGSTOP');
        await sleep(STOPPED_MS);
        victim.child.signal('SIGCONT');
        return;
      case 'cut off':
        victim.proxy.freeze();
        await sleep(STOPPED_MS);
        victim.proxy.thaw();
        return;
      case 'server restarted':
        await this.server.restart('fast');
        // The gap of it counts from when the server is back.
        this.blows.splice(-1, 1, { fault, at: now(), from, victim: victim.name });
    }
  }

  async end(): Promise<void> {
    for (const { child, proxy } of this.#all) {
      await child.kill();
      await proxy.close();
    }
    await this.server.stop();
  }

  /** After the end: the history is on the disk until here. */
  forget(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async spawn(): Promise<void> {
    const proxy = await new FaultyProxy(() => this.server.port).listen();
    const name = `p${String(this.#all.length + 1)}`;
    const file = join(this.#folder, `${name}-${String(Math.random()).slice(2)}.log`);
    writeFileSync(file, '');
    this.#history.add(file);
    const { mode, permits, mutant } = this.options;
    const sessions = { heartbeat: '200ms', lease: LEASE_MS };
    const database = proxy.through(this.server.url);
    const child = spawnChild(new URL('../support/children/hammered.mjs', import.meta.url), {
      env: { HAMMERED: JSON.stringify({ mode, permits, mutant, name, file, database, sessions }) },
    });
    const hammered = { name, child, proxy };
    this.#all.push(hammered);
    this.#fleet.push(hammered);
    await child.next('ready', 60_000);
  }

  /** The process that holds at this moment, as far as its history says. */
  #victim(random: number): Hammered | undefined {
    const { holder } = this.history();
    const found = this.#fleet.find(({ name }) => name === holder?.split('.')[0]);
    return this.options.mode === 'lead' ? found : this.#fleet[Math.floor(random * this.#fleet.length)];
  }

  async #replace(gone: Hammered): Promise<void> {
    this.#fleet = this.#fleet.filter((one) => one !== gone);
    await this.spawn();
  }

  async #terminate({ proxy }: Hammered): Promise<void> {
    const admin = new pg.Client({ connectionString: this.server.url });
    admin.on('error', () => undefined);
    await admin.connect();
    const text =
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE $1 AND client_port = ANY ($2)';
    await admin.query(text, ['%pglock:locks%', proxy.serverPorts]);
    await admin.end();
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
