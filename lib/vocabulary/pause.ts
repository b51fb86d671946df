import { setTimeout } from 'node:timers';
import { onAbort, type WaitSignal } from './wait-abort.js';
import { TIMER_MAX_MS } from './monotonic.js';

/** Resolves after so many milliseconds, or as soon as one of the signals aborts. @internal */
export function pause(ms: number, ...signals: readonly WaitSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      for (const stopListening of listening) stopListening();
      resolve();
    };
    const timer = setTimeout(done, Math.min(ms, TIMER_MAX_MS));
    const listening = signals.map((signal) => onAbort(signal, done));
  });
}
