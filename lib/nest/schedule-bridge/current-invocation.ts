import type { JobInvocation } from '../../jobs/job-definition.js';
import type { JobTick } from '../../jobs/job-tick.js';
import type { EnhancerInfo } from '../enhancer-mark.js';
import { FlowVariable } from '../../vocabulary/flow-variable.js';

/** One run of a scheduled method, on its way to where its lock is taken. @internal */
export interface CurrentInvocation {
  readonly invocation: JobInvocation;
  readonly instance: object;
  readonly method: string | symbol;
  /** The lock that keeps the ticks of the job apart; undefined where it has none. */
  readonly tickLock: EnhancerInfo | undefined;
}

const current = FlowVariable.shared<CurrentInvocation>('job-invocation');

/** Runs what leads to a scheduled method. @internal */
export function withInvocation<Result>(invocation: CurrentInvocation, work: () => Result): Result {
  return current.run(invocation, work);
}

/** The run of this very method that is on its way, if one is. @internal */
export function invocationOf(instance: object, method: string | symbol): CurrentInvocation | undefined {
  const found = current.getStore();
  return found?.instance === instance && found.method === method ? found : undefined;
}

/** The tick for which the running code runs. @internal */
export function currentTick(): JobTick | undefined {
  return current.getStore()?.invocation.tick;
}
