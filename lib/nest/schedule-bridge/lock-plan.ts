import type { LockIds } from '../../pg-lock.service.js';
import type { EnhancerInfo } from '../enhancer-mark.js';
import type { AdvisoryLockHandlerOptions } from '../handler-options.js';

/** An `AdvisoryLock(…)` or `@WithAdvisoryLock(…)` around a scheduled method. @internal */
export interface LockPlan extends EnhancerInfo {
  readonly lock: AdvisoryLockHandlerOptions;
}

/** Whether an enhancer takes an advisory lock. @internal */
export function isLockPlan(info: EnhancerInfo | undefined): info is LockPlan {
  return info?.lock !== undefined;
}

/** The ids that a plan locks at every call; undefined where each call finds its own. @internal */
export function fixedIds({ ids }: LockPlan, defaultId: string): LockIds | undefined {
  if (ids === undefined) return defaultId;
  return typeof ids === 'function' ? undefined : (ids as LockIds);
}

/** Why a lock cannot keep ticks apart; undefined where it can. @internal */
export function whyWithoutTicks({ ids, lock }: LockPlan): string | undefined {
  if (typeof ids === 'function') return 'its id is found anew for each call';
  if (lock.shared === true) return 'its lock is shared';
  return (lock as { readonly permits?: unknown }).permits === undefined ? undefined : 'its lock has permits';
}
