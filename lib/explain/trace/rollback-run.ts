import { setTimeout as delay } from 'node:timers/promises';
import { waitsAmong } from '../../sql/rollback-session.js';
import type { ExplainSession } from '../run/explain-session.js';

const LOOK_MS = 500;

/** What the connections share of a command whose work is rolled back: which of them writes, and why the run ended early. @internal */
export class RollbackRun {
  readonly #watcher: ExplainSession;
  readonly #abort = new AbortController();
  readonly #open = new Set<number>();
  #writer: number | undefined;
  #refusal: string | undefined;

  constructor(watcher: ExplainSession) {
    this.#watcher = watcher;
  }

  /** Aborted when the command has to end. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Why the command had to end. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  opened(pid: number): void {
    this.#open.add(pid);
  }

  closed(pid: number): void {
    this.#open.delete(pid);
  }

  /** A connection has written: the first one may. */
  wrote(pid: number): void {
    this.#writer ??= pid;
    if (this.#writer !== pid)
      this.refuse('a second connection writes, which cannot see what the first has not committed');
  }

  refuse(reason: string): void {
    if (this.#refusal !== undefined) return;
    this.#refusal = reason;
    this.#abort.abort(new Error(reason));
  }

  /** Ends the command when one of its connections waits for another, which would keep its locks to the end. @returns what stops it. */
  watch(): () => Promise<void> {
    const stopping = new AbortController();
    const loop = this.#watch(stopping.signal);
    return async () => {
      stopping.abort();
      await loop;
    };
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
      if (this.#open.size < 2) continue;
      const waiting = await this.#watcher.query(waitsAmong([...this.#open])).catch(() => []);
      if (waiting.length > 0) this.refuse('a second connection waits for what the first has locked');
    }
  }
}
