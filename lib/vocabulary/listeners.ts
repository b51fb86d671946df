/** Called with something that happened. @internal */
export type Listener<Args extends unknown[]> = (...args: Args) => void;

/**
 * Callbacks that want to be told of something. An error of one keeps none of the others untold; see {@link isolated}.
 *
 * @internal
 */
export class Listeners<Args extends unknown[]> {
  private listeners: readonly Listener<Args>[] = [];

  get isEmpty(): boolean {
    return this.listeners.length === 0;
  }

  /** Adds a listener; the function that it returns takes it out again. */
  add(listener: Listener<Args>): () => void {
    const own: Listener<Args> = (...args) => listener(...args); // the same function may be added twice
    this.listeners = [...this.listeners, own];
    return () => {
      this.listeners = this.listeners.filter((one) => one !== own);
    };
  }

  tell(...args: Args): void {
    for (const listener of this.listeners) isolated(() => listener(...args));
  }
}

const reported = new WeakSet<object>();

/**
 * Runs a callback that is not ours, in the midst of work that has to go on. What it throws is reported as a warning of the
 * process, once for each error, and goes no further.
 *
 * @internal
 */
export function isolated(callback: () => unknown): void {
  try {
    const result = callback();
    if (result instanceof Promise) result.catch(report);
  } catch (error) {
    report(error);
  }
}

function report(error: unknown): void {
  if (typeof error === 'object' && error !== null) {
    if (reported.has(error)) return;
    reported.add(error);
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`A listener of nestjs-pglock failed: ${detail}`, 'PgLockWarning');
}
