import type { TracedPlace } from '../vocabulary/traced-place.js';

/** A transaction on a session of the module's (or lent) pool: *open*, then *ended*, wherever the end came from. @internal */
export class PooledTransaction {
  readonly #listeners: (() => void)[] = [];
  #isOpen = true;

  /**
   * @param moment when its `BEGIN` was sent.
   * @param began where, as far as it is known.
   * @param taken where its session was taken from the pool, as far as that is known.
   * @param client what its statements are sent by, where it is on a pool.
   */
  constructor(
    readonly moment: number,
    readonly began: TracedPlace | undefined,
    readonly taken?: TracedPlace,
    readonly client?: object,
  ) {}

  /** Whether the server has it open, as far as it has answered. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves when it was committed or rolled back, or its session ended. */
  get ended(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isOpen) this.#listeners.push(resolve);
      else resolve();
    });
  }

  /** It is over. */
  end(): void {
    this.#isOpen = false;
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
