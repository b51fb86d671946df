import { outsideFlows } from '../vocabulary/flow-variable.js';
import { pause } from '../vocabulary/pause.js';
import { WaitAbort, type WaitSignal } from '../vocabulary/wait-abort.js';

/** The first in the queue of an id, who asks for its permits: when one is given back, and else after a pause. @internal */
export class PermitHead {
  /** Aborts when a permit is given back after it has asked. */
  private givenBack = new WaitAbort();

  /** It asks now: only what is given back from here on is news. */
  asks(): void {
    this.givenBack = new WaitAbort();
  }

  /** A permit was given back. */
  wake(): void {
    this.givenBack.abort(undefined);
  }

  /** Resolves when a permit was given back since it asked, after so many milliseconds, or when the signal aborts. */
  pause(ms: number, signal: WaitSignal | undefined): Promise<void> {
    const signals = signal === undefined ? [this.givenBack] : [this.givenBack, signal];
    return outsideFlows(() => pause(Math.ceil(ms), ...signals));
  }
}
