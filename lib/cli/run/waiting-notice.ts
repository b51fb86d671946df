import { holderText } from '../../inspection/holder-text.js';
import type { LockId } from '../../vocabulary/lock-id.js';
import { idText } from '../../vocabulary/lock-key-text.js';
import { lineOf } from '../exit.js';
import { say, type Io } from '../io.js';
import type { CliInspection } from '../open-inspection.js';
import { spanText } from '../../vocabulary/span-text.js';

const FIRST_MS = 500;
const AGAIN_MS = 30_000;

/** Says for whom a command waits, and again every half minute, until it is told that the wait is over. @internal */
export class WaitingNotice {
  readonly #began = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #told = false;

  constructor(
    private readonly io: Io,
    private readonly inspection: CliInspection,
    private readonly ids: readonly LockId[],
  ) {
    this.#timer = setTimeout(() => this.#tell(), FIRST_MS).unref();
  }

  /** The lock was acquired. */
  acquired(): void {
    if (this.#told) say(this.io, `pglock: acquired ${this.#what()} after ${this.#waited()}.`);
    this.end();
  }

  /** Why the command does not run. */
  async refusal(timeoutMs: number): Promise<string> {
    const holders = await this.#holders();
    const within = timeoutMs === 0 ? 'at once' : `within ${spanText(timeoutMs)}`;
    return `Could not acquire ${this.#what()} ${within}: ${holders} Wait for longer with --timeout, or without a limit by leaving that out.`;
  }

  /** Whichever way the wait ended. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tell(): void {
    this.#timer = setTimeout(() => this.#tell(), AGAIN_MS).unref();
    void this.#holders().then((holders) => {
      if (this.#timer === undefined) return;
      this.#told = true;
      say(this.io, `pglock: waiting for ${this.#what()} for ${this.#waited()}: ${holders}`);
    });
  }

  async #holders(): Promise<string> {
    try {
      const held = await this.inspection.locks.find({ ids: this.ids, where: { granted: true } });
      return held.length === 0
        ? 'no session holds it at this moment.'
        : `held by ${held.map(holderText).join('; ')}.`;
    } catch (error) {
      return `looking for its holder failed: ${lineOf(error)}`;
    }
  }

  #what(): string {
    return this.ids.map((id) => JSON.stringify(idText(id))).join(', ');
  }

  #waited(): string {
    return spanText(performance.now() - this.#began);
  }
}
