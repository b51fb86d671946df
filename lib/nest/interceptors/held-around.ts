import { AsyncResource } from 'node:async_hooks';
import type { TakenLock } from '../../jobs/job-definition.js';
import type { LockHandle } from '../../locks/lock-handle.js';
import { currentFlow, runInFlow } from '../../vocabulary/flow-variable.js';
import type { Failure, Held } from './held-handler.js';

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
            enter: (work, within) =>
              inside.runInAsyncScope(
                within === undefined ? work : () => runInFlow(within(currentFlow()), work),
              ),
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

/** Like {@link heldAround}, of what gives its work a handle. Its keys are not known: it counts as taken anew each time. @internal */
export async function heldUnderHandle(
  around: (work: (lock: LockHandle) => Promise<void>) => Promise<unknown>,
): Promise<(Held & TakenLock) | undefined> {
  let handle: LockHandle | undefined;
  const held = await heldAround((run) =>
    around((lock) => {
      handle = lock;
      return run();
    }),
  );
  if (held === undefined) return undefined;
  return {
    enter: (work, within) => held.enter(work, within),
    leave: (failure?: Failure) => held.leave(failure),
    keys: [],
    get isTrusted() {
      return handle?.held ?? false;
    },
  };
}
