import { setTimeout } from 'node:timers';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import { onAbort, type WaitSignal } from '../vocabulary/wait-abort.js';

/** The first in the queue of an id, who asks for its permits: when one is given back, and else after a pause. @internal */
export class PermitHead {
  private isDue = false;
  private endPause: (() => void) | undefined;

  /** It asks now: only what is given back from here on is news. */
  asks(): void {
    this.isDue = false;
  }

  /** A permit was given back. */
  wake(): void {
    this.isDue = true;
    this.endPause?.();
  }

  /** Resolves when a permit was given back since it asked, after so many milliseconds, or when the signal aborts. */
  pause(ms: number, signal: WaitSignal | undefined): Promise<void> {
    if (this.isDue) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        stop?.();
        this.endPause = undefined;
        resolve();
      };
      const timer = outsideFlows(() => setTimeout(done, Math.ceil(ms)));
      this.endPause = done;
      const stop = signal === undefined ? undefined : onAbort(signal, done);
    });
  }
}
