import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ANSWERS_WITHIN_MS = 60_000;

/**
 * A process of its own that answers calls: see serve.mjs for its side. Candidates never share an event loop, a heap or a
 * compiler with each other, and one that crashes or hangs takes no other along.
 */
export class Remote {
  #child;
  #calls = new Map();
  #next = 0;
  #errors = '';

  /** Starts a script that calls `serve`, and waits until it listens. */
  static async start(script, { args = [], env = {}, execArgv = [], readyWithinMs } = {}) {
    const remote = new Remote(
      fork(fileURLToPath(script), args, {
        env: { ...process.env, ...env },
        execArgv,
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      }),
    );
    await remote.call('ready', undefined, readyWithinMs);
    return remote;
  }

  constructor(child) {
    this.#child = child;
    child.stderr.on('data', (chunk) => (this.#errors = (this.#errors + chunk).slice(-2_000)));
    child.on('message', ({ id, result, error }) => this.#answer(id, result, error));
    child.once('exit', () => this.#end());
  }

  /** Calls a function of the child; what it takes and gives passes through JSON. */
  call(name, argument, withinMs = ANSWERS_WITHIN_MS) {
    return new Promise((resolve, reject) => {
      if (!this.#child.connected) return reject(new Error('its process has ended'));
      const id = this.#next++;
      const timer = setTimeout(() => {
        this.#answer(id, undefined, `no answer within ${withinMs / 1000} s`);
        this.#child.kill('SIGKILL');
      }, withinMs);
      this.#calls.set(id, { resolve, reject, timer });
      return this.#child.send({ id, name, argument });
    });
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.call('stop', undefined, 10_000).catch(() => this.#child.kill('SIGKILL'));
    await exited;
  }

  #answer(id, result, error) {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    clearTimeout(call.timer);
    if (error === undefined) call.resolve(result);
    else call.reject(new Error(error));
  }

  #end() {
    const said = /^\S*error: (.*)/im.exec(this.#errors)?.[1];
    for (const id of [...this.#calls.keys()]) this.#answer(id, undefined, said ?? 'its process ended');
  }
}
