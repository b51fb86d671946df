import { LockNotAvailableError } from '../../errors/lock-not-available.error.js';
import type { JobInvocation, TakeLock, TakenLock, TakeOptions } from '../../jobs/job-definition.js';
import type { AdvisoryLockOptions } from '../../locks/advisory-options.js';
import type { ResolvedAdvisoryOptions } from '../../locks/resolve-advisory-options.js';
import { onAbort, type WaitSignal } from '../../vocabulary/wait-abort.js';

/** How a lock was asked for, and which caller may leave meanwhile. @internal */
export interface TickRequest {
  readonly given: ResolvedAdvisoryOptions;
  readonly id: unknown;
  readonly signal: WaitSignal | undefined;
}

/**
 * Takes the lock of a tick, or one around it; `undefined` where the tick is not run here. Under `onContention: 'throw'` a tick
 * that was missed, since others had the lock until its time was over, is an error.
 *
 * @throws {LockNotAvailableError}
 * @internal
 */
export async function takeTick<Taken extends TakenLock>(
  invocation: JobInvocation,
  isTickLock: boolean,
  { given, id, signal }: TickRequest,
  takeLock: TakeLock<Taken>,
): Promise<Taken | undefined> {
  const stopListening = signal && onAbort(signal, () => invocation.stop());
  const taken = await (isTickLock ? invocation.take(takeLock) : invocation.takeOuter(takeLock));
  stopListening?.();
  if (taken !== undefined || !invocation.isMissed || given.onContention !== 'throw') return taken;
  throw new LockNotAvailableError('The tick was missed: its lock was taken until its time was over.', {
    id,
    waited: 0,
  });
}

/** The options of a lock, with the wait that a tick asks for; what stops it stands in those that were read. @internal */
export function withWait(
  {
    options,
    resolved,
  }: { readonly options: AdvisoryLockOptions; readonly resolved: ResolvedAdvisoryOptions },
  { timeoutMs, signal }: TakeOptions,
): { readonly options: AdvisoryLockOptions; readonly resolved: ResolvedAdvisoryOptions } {
  const onContention = 'skip';
  return {
    options: { ...options, timeout: timeoutMs, onContention },
    resolved: { ...resolved, timeoutMs, signal, onContention },
  };
}
