import { setTimeout } from 'node:timers';
import { onAbort } from '../vocabulary/wait-abort.js';

/** How often names for which no connection is left are tried. */
const POLL_MS = 250;

/** One timer for all names that this process can follow by asking only: what is tried in one turn is one statement. @internal */
export class SharedPoll {
  private waiting = new Set<() => void>();
  private timer: NodeJS.Timeout | undefined;

  /** Resolves when it is time to try; at once when the signal aborts. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        stopListening();
        this.waiting.delete(done);
        resolve();
      };
      if (signal.aborted) return resolve();
      const stopListening = onAbort(signal, done);
      this.waiting.add(done);
      this.timer ??= setTimeout(() => this.wake(), POLL_MS * (0.9 + Math.random() / 5));
    });
  }

  /** It is time now. */
  wake(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const done of [...this.waiting]) done();
  }
}
