import { atMost } from '../session/at-most.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import type { LockReference } from './lock-reference.js';

/** How long a call may wait. @internal */
export interface TimedCall {
  /** Milliseconds from `startedAt`; 0 tries once, `null` and left out have no limit of their own. */
  readonly timeoutMs: number | null | undefined;
  /** On the monotonic clock. */
  readonly startedAt: number;
}

/** For how long a call whose time is up waits until the server has provably nothing of it, in milliseconds. @internal */
export const QUIET_MS = 50;

/**
 * Gives back what a call has acquired on its way. Resolves when the server has released it, or when the time of the call is up and a
 * little more has passed: a server that does not answer must not keep a call beyond its timeout.
 *
 * @internal
 */
export async function releaseInTime(
  references: readonly LockReference[],
  { timeoutMs, startedAt }: TimedCall,
): Promise<void> {
  const released = Promise.all(references.map((reference) => reference.release()));
  if (typeof timeoutMs !== 'number' || timeoutMs === 0) await released;
  else await atMost(Math.max(QUIET_MS, timeoutMs - (monotonicMs() - startedAt)), released);
}
