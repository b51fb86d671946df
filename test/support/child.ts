import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deferred } from './waiting.js';

const ANSWERS_WITHIN_MS = 60_000;

export interface SpawnOptions {
  readonly args?: readonly string[];
  /** On top of the environment of the test. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What the two sides tell each other: a type and whatever goes with it, as far as JSON can say it. */
export type Message = { readonly type: string } & Record<string, unknown>;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<Child>();

// Imports come before the spec's own hooks, so the children are dead before the leak check looks.
afterEach(async () => {
  await Promise.all([...running].map((child) => child.kill()));
});

/**
 * Runs a plain `.mjs` script as a process of its own, which talks through `test/support/child-process.mjs` and
 * imports the built package as `nestjs-pglock`. Whatever happens, it is killed after the test.
 */
export function spawnChild(script: URL, { args = [], env = {} }: SpawnOptions = {}): Child {
  return new Child(
    fork(fileURLToPath(script), args, {
      env: { ...process.env, ...env },
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    }),
  );
}

interface Listener {
  readonly type: string;
  readonly hear: (message: Message) => void;
  readonly fail: (reason: Error) => void;
}

/** Running → exited. Messages that nobody has asked for yet are kept, in order. */
export class Child {
  /** Resolves when the process has ended, in whatever way. */
  readonly exit: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #inbox: Message[] = [];
  readonly #listeners = new Set<Listener>();
  #output = '';

  constructor(child: ChildProcess) {
    this.#process = child;
    running.add(this);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    }
    child.on('message', (message) => {
      this.#receive(message as Message);
    });
    const ended = deferred<Exit>();
    this.exit = ended.promise;
    child.once('close', (code, signal) => {
      running.delete(this);
      this.#failListeners(`exited with ${signal ?? `code ${String(code)}`}`);
      ended.resolve({ code, signal });
    });
    child.once('error', (error) => {
      this.#output += String(error);
    });
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error(`the child did not start:\n${this.#output}`);
    return this.#process.pid;
  }

  /** What it printed so far, stdout and stderr together. */
  get output(): string {
    return this.#output;
  }

  send(type: string, data: Record<string, unknown> = {}): void {
    this.#process.send({ type, ...data });
  }

  /** The next message of that type, also one that has already come. Rejects when the child ends without it. */
  async next(type: string, timeout = ANSWERS_WITHIN_MS): Promise<Message> {
    const index = this.#inbox.findIndex((message) => message.type === type);
    const [earlier] = index < 0 ? [] : this.#inbox.splice(index, 1);
    if (earlier) return earlier;
    const { promise, resolve, reject } = deferred<Message>();
    const listener = { type, hear: resolve, fail: reject };
    this.#listeners.add(listener);
    if (!running.has(this)) this.#failListeners('had already ended');
    const timer = setTimeout(() => {
      reject(this.#failure(type, `did not say so for ${String(timeout)} ms`));
    }, timeout);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#listeners.delete(listener);
    }
  }

  /** Sends a signal and goes on, such as SIGSTOP and SIGCONT. */
  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Sends a signal and waits for the end. */
  async kill(name: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    if (running.has(this)) this.#process.kill(name);
    return this.exit;
  }

  #receive(message: Message): void {
    const listener = [...this.#listeners].find(({ type }) => type === message.type);
    if (!listener) {
      this.#inbox.push(message);
      return;
    }
    this.#listeners.delete(listener);
    listener.hear(message);
  }

  #failListeners(why: string): void {
    for (const { type, fail } of this.#listeners) fail(this.#failure(type, why));
  }

  #failure(type: string, why: string): Error {
    return new Error(`awaited "${type}", but the child ${why}. Its output:\n${this.#output}`);
  }
}
