const NOBODY: readonly (() => void)[] = [];

/**
 * Stops a wait, as an `AbortController` does, for callers of our own who seldom do.
 *
 * A controller with its signal costs 5 µs and a kilobyte to make, which is more than the lock itself; this is what those
 * who wait use of a signal, and nothing else.
 *
 * @internal
 */
export class Canceller implements Pick<AbortSignal, 'aborted' | 'reason' | 'throwIfAborted'> {
  aborted = false;
  reason: unknown;
  private listeners: readonly (() => void)[] = NOBODY;

  /** Where a signal is asked for. */
  get signal(): AbortSignal {
    return this as unknown as AbortSignal;
  }

  cancel(reason: Error): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of this.listeners) listener();
    this.listeners = NOBODY;
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.listeners = [...this.listeners, listener];
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.listeners = this.listeners.filter((one) => one !== listener);
  }
}
