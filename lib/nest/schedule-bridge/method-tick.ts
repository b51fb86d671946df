import type { LockDatabase } from '../../core/lock-database.js';
import type { TakenLock } from '../../jobs/job-definition.js';
import type { LockIds } from '../../pg-lock.service.js';
import { platformSignal } from '../../vocabulary/wait-abort.js';
import { withCurrentLock } from '../current-lock.js';
import type { EnhancerInfo } from '../enhancer-mark.js';
import { lockOptions, type AdvisoryLockHandlerOptions } from '../handler-options.js';
import { heldUnderHandle } from '../interceptors/held-around.js';
import type { Failure, Held } from '../interceptors/held-handler.js';
import type { CurrentInvocation } from './current-invocation.js';
import { takeTick, withWait } from './take-tick.js';

/** A run of a scheduled method that locks by its own decorator. @internal */
export interface MethodTick extends CurrentInvocation {
  readonly ids: LockIds;
  readonly info: EnhancerInfo;
  readonly options: AdvisoryLockHandlerOptions;
  /** `Class.method`. */
  readonly name: string;
}

/** Runs a scheduled method under the lock of its decorator, as `AdvisoryLock` does: a tick decides whether it runs. @internal */
export async function underJobLock(
  { invocation, tickLock, ids, info, options, name }: MethodTick,
  core: LockDatabase,
  work: () => Promise<unknown>,
): Promise<unknown> {
  const read = lockOptions(options, invocation.kind !== 'run');
  const given = { options: read, resolved: core.advisory.resolve(read) };
  const isTickLock = tickLock === info;
  const take = (wanted: typeof given) => taken(core, ids, wanted, name);
  const held =
    invocation.kind === 'tick'
      ? await takeTick(
          invocation,
          isTickLock,
          { given: given.resolved, id: ids, signal: undefined },
          (wait) => take(withWait(given, wait)),
        )
      : await take(given);
  if (held === undefined) return undefined;
  if (isTickLock || tickLock === undefined) invocation.took(held.keys);
  invocation.began();
  let failure: Failure | undefined;
  try {
    return await run(held, work);
  } catch (error) {
    failure = { error };
    throw error;
  } finally {
    await held.leave(failure);
  }
}

function run(held: Held, work: () => Promise<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const begin = () => void work().then(resolve, reject);
    held.enter(() => {
      if (held.lock === undefined) begin();
      else withCurrentLock(held.lock, begin);
    });
  });
}

function taken(
  { advisory, service }: LockDatabase,
  ids: LockIds,
  { options, resolved }: Parameters<typeof withWait>[0],
  name: string,
): Promise<(Held & TakenLock) | undefined> {
  if (options.xact !== true) return advisory.hold(ids, resolved, 'throw', name);
  const signal = platformSignal(resolved.signal);
  return heldUnderHandle((inside) =>
    service.advisory(ids, { ...options, signal }, (lock) => withCurrentLock(lock, () => inside(lock))),
  );
}
