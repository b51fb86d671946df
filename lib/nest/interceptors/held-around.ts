import { AsyncResource } from 'node:async_hooks';
import type { Held } from './held-handler.js';

/**
 * Holds what a function holds while it runs work, where the work is a handler that does not end with a promise.
 *
 * @returns nothing where the function resolved without having run its work; rejects where it failed instead.
 * @internal
 */
export function heldAround(
  around: (work: () => Promise<void>) => Promise<unknown>,
): Promise<Held | undefined> {
  return new Promise((resolve, reject) => {
    const running = around(
      () =>
        new Promise<void>((end, fail) => {
          const inside = new AsyncResource('PGLOCK_HELD');
          resolve({
            enter: (work) => inside.runInAsyncScope(work),
            leave: (failure) => {
              if (failure === undefined) end();
              else fail(failure.error);
              return running;
            },
          });
        }),
    );
    running.then(() => resolve(undefined), reject);
  });
}
