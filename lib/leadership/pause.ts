import { setTimeout } from 'node:timers';
import { TIMER_MAX_MS } from '../session/monotonic.js';

/** Resolves after so many milliseconds, or as soon as one of the signals aborts. @internal */
export function pause(ms: number, ...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(ms, TIMER_MAX_MS));
    for (const signal of signals) signal.addEventListener('abort', done);
    if (signals.some(({ aborted }) => aborted)) done();
  });
}

/** So many milliseconds, varied by up to a half in both directions: processes that failed together try apart. @internal */
export function jittered(ms: number): number {
  return ms * (0.5 + Math.random());
}
