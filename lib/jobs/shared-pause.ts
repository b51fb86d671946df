import { outsideFlows } from '../vocabulary/flow-variable.js';
import { onAbort, type WaitSignal } from '../vocabulary/wait-abort.js';

/** Pauses end at whole multiples of this, so that those of one moment end in one turn. */
const GRID_MS = 25;

interface Ending {
  readonly timer: NodeJS.Timeout;
  readonly waiting: Set<() => void>;
}

const endings = new Map<number, Ending>();

/**
 * Resolves after so many milliseconds or a little later, together with all other pauses that end about then: what many jobs ask
 * of the server after a pause travels in one statement. At once when the signal aborts. What has arrived by then is read first:
 * where the event loop was busy, timers come before the news that they were to wait for.
 *
 * @internal
 */
export function sharedPause(ms: number, signal: WaitSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const at = Math.ceil((performance.now() + ms) / GRID_MS) * GRID_MS;
    const ending = endings.get(at) ?? begin(at);
    const done = () => {
      stopListening();
      ending.waiting.delete(done);
      if (ending.waiting.size === 0) over(at, ending);
      resolve();
    };
    ending.waiting.add(done);
    const stopListening = onAbort(signal, done);
  });
}

function begin(at: number): Ending {
  const waiting = new Set<() => void>();
  const end = () => {
    for (const done of [...waiting]) done();
  };
  const timer = outsideFlows(() => setTimeout(() => setImmediate(end), at - performance.now()));
  const ending = { timer, waiting };
  endings.set(at, ending);
  return ending;
}

function over(at: number, { timer }: Ending): void {
  clearTimeout(timer);
  endings.delete(at);
}
