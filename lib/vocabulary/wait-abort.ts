/** What stops a wait: a caller's signal, or ours. @internal */
export type WaitSignal = AbortSignal | WaitAbort;

/** Stops listening. @internal */
export type StopListening = () => void;

/** Whether a signal is one of ours, also of another copy of the library in the process. @internal */
export function isWaitAbort(signal: WaitSignal | undefined): signal is WaitAbort {
  return signal !== undefined && 'listen' in signal;
}

/** The platform signal of a wait, for those who take nothing else. @internal */
export function platformSignal(signal: WaitSignal): AbortSignal;
export function platformSignal(signal: WaitSignal | undefined): AbortSignal | undefined;
export function platformSignal(signal: WaitSignal | undefined): AbortSignal | undefined {
  return isWaitAbort(signal) ? signal.signal : signal;
}

/** Those of ours who listen to a signal of a caller. */
const listenersOf = new WeakMap<AbortSignal, Listeners>();

interface Listeners {
  readonly waiting: Set<() => void>;
  /** Takes the one listener away. */
  readonly leave: () => void;
}

/**
 * Calls the listener once when the wait is to stop. However many waits share a signal, it has one listener of ours: Node
 * warns of the eleventh, and each costs more than a lock.
 *
 * @internal
 */
export function onAbort(signal: WaitSignal, listener: () => void): StopListening {
  if (isWaitAbort(signal)) return signal.listen(listener);
  const listeners = listenersOf.get(signal) ?? listenTo(signal);
  listeners.waiting.add(listener);
  return () => {
    if (listeners.waiting.delete(listener) && listeners.waiting.size === 0) listeners.leave();
  };
}

/** Listens until the last wait is over: Node keeps an `AbortSignal.any()` or `timeout()` alive for as long as one listens. */
function listenTo(signal: AbortSignal): Listeners {
  const waiting = new Set<() => void>();
  const leave = () => {
    if (listenersOf.get(signal) === listeners) listenersOf.delete(signal);
    signal.removeEventListener('abort', abort);
  };
  const abort = () => {
    leave();
    for (const listener of waiting) listener();
  };
  const listeners = { waiting, leave };
  listenersOf.set(signal, listeners);
  signal.addEventListener('abort', abort);
  return listeners;
}

/**
 * Stops a wait, as an `AbortController` does, for callers of our own who seldom do.
 *
 * A controller with its signal costs 5 µs and a kilobyte to make, which is more than the lock itself; here it is made where
 * a platform signal is asked for.
 *
 * @internal
 */
export class WaitAbort {
  private cause: { readonly reason: unknown } | undefined;
  /** Mostly there is one. */
  private first: (() => void) | undefined;
  private others: Set<() => void> | undefined;
  private controller: AbortController | undefined;

  get aborted(): boolean {
    return this.cause !== undefined;
  }

  get reason(): unknown {
    return this.cause?.reason;
  }

  /** For those who take nothing but a platform signal. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.cause !== undefined) this.controller.abort(this.cause.reason);
    }
    return this.controller.signal;
  }

  /** Stops the wait; the second time does nothing. */
  abort(reason: unknown): void {
    if (this.cause !== undefined) return;
    this.cause = { reason };
    const { first, others } = this;
    this.first = this.others = undefined;
    first?.();
    for (const listener of others ?? []) listener();
    this.controller?.abort(reason);
  }

  throwIfAborted(): void {
    if (this.cause !== undefined) throw this.cause.reason;
  }

  listen(listener: () => void): StopListening {
    if (this.first === undefined && this.others === undefined) {
      this.first = listener;
      return () => {
        if (this.first === listener) this.first = undefined;
      };
    }
    const others = (this.others ??= new Set());
    others.add(listener);
    return () => others.delete(listener);
  }
}
