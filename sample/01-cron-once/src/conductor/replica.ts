import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../replica/main.js', import.meta.url));
const READY_WITHIN_MS = 30_000;
const STOPS_WITHIN_MS = 5_000;

export interface ReplicaInit {
  readonly name: string;
  readonly offsetMs: number;
  readonly databaseUrl: string;
  readonly locked: boolean;
  readonly onOutput: (name: string, line: string) => void;
}

type Message =
  { readonly type: 'ready'; readonly port: number } | { readonly type: 'tick'; readonly tick: number };

/** One process of the application. Starting → ready → gone. */
export class Replica {
  readonly name: string;
  readonly offsetMs: number;
  /** The tick that its timer saw last, and when that was. */
  lastTick = { tick: 0, at: 0 };
  private port: number | undefined;
  private readonly process: ChildProcess;
  private readonly gone: Promise<unknown>;

  constructor(init: ReplicaInit) {
    this.name = init.name;
    this.offsetMs = init.offsetMs;
    this.process = fork(MAIN, {
      env: {
        ...process.env,
        DATABASE_URL: init.databaseUrl,
        REPLICA: init.name,
        CLOCK_OFFSET_MS: String(init.offsetMs),
        WITHOUT_LOCK: init.locked ? '0' : '1',
      },
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true, // Ctrl-C reaches the conductor alone: it stops its replicas between two ticks.
    });
    this.gone = once(this.process, 'exit');
    this.process.on('message', (message) => this.hear(message as Message));
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => init.onOutput(init.name, text.trimEnd()));
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  get isReady(): boolean {
    return this.port !== undefined && this.isAlive;
  }

  get isAlive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  async ready(): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!this.isReady) {
      if (!this.isAlive || Date.now() > deadline) throw new Error(`Replica ${this.name} did not start.`);
      await delay(10);
    }
  }

  post(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, {
      method: 'POST',
      headers: { connection: 'close' },
    });
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.gone;
  }

  /** Asks it to finish, and waits until it has. */
  async stop(): Promise<void> {
    if (!this.isAlive) return;
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOPS_WITHIN_MS);
    await this.gone;
    clearTimeout(timer);
  }

  private hear(message: Message): void {
    if (message.type === 'ready') this.port = message.port;
    else this.lastTick = { tick: message.tick, at: Date.now() };
  }
}
