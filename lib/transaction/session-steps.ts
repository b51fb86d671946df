import { CompletedSteps } from './completed-steps.js';
import { statusOf } from './transaction-status.js';
import type { TransactionStep } from './transaction-steps.js';

/** @internal */
export interface StepListener {
  /** The server has carried it out. */
  step(step: TransactionStep): unknown;
  /** The server has answered, and is in this state: `I` idle, `T` in a transaction, `E` in a failed one; undefined where the session is no more. */
  ready(status: string | undefined): void;
}

const WATCHED = new WeakMap<object, SessionSteps>();

/**
 * What the server has done to the transactions of one `pg` client, told to all who listen: its statements are overheard once a
 * client. The steps of an answer come before the state in which it leaves the session.
 *
 * @internal
 */
export class SessionSteps {
  readonly #listeners = new Set<StepListener>();

  /** Undefined where nothing tells of the client's transactions. */
  static of(client: object): SessionSteps | undefined {
    const known = WATCHED.get(client);
    if (known !== undefined) return known;
    const watchStatus = statusOf(client);
    if (watchStatus === undefined) return undefined;
    const one = new SessionSteps();
    const steps = new CompletedSteps(client, (step) => one.#tell((listener) => listener.step(step)));
    watchStatus((status) => {
      steps.ready(status === 'E');
      one.#tell((listener) => listener.ready(status));
    });
    WATCHED.set(client, one);
    return one;
  }

  private constructor() {}

  /** @returns a function that listens no more. */
  listen(listener: StepListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tell(tell: (listener: StepListener) => void): void {
    for (const listener of [...this.#listeners]) tell(listener);
  }
}
