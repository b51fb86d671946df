import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { isPassing } from '../session/reachability.js';
import type { NamedKey } from './lock-names.js';
import type { LockReference } from './lock-reference.js';
import { releaseInTime, type TimedCall } from './release-in-time.js';

/** Takes one key; `acquired` are those that the same call has already. @internal */
export type TakeOne = (
  named: NamedKey,
  waits: 'once' | 'until the deadline',
  acquired: readonly LockReference[],
) => Promise<LockReference>;

/** Takes several keys, all or none: when one is lost before the last is acquired, from the beginning. @internal */
export function allOrNone(
  named: readonly NamedKey[],
  call: TimedCall,
  takeOne: TakeOne,
): Promise<LockReference[]> {
  return untilAllAlive(call, () => collect(named, call, takeOne));
}

/** Takes several keys, all or none, one after the other in their order; from the beginning as {@link allOrNone}. @internal */
export function oneByOne(
  named: readonly NamedKey[],
  call: TimedCall,
  takeOne: TakeOne,
): Promise<LockReference[]> {
  return untilAllAlive(call, () => inOrder(named, call, takeOne));
}

async function untilAllAlive(
  call: TimedCall,
  take: () => Promise<LockReference[]>,
): Promise<LockReference[]> {
  for (;;) {
    const references = await take();
    if (references.every(({ alive }) => alive)) return references;
    await releaseInTime(references, call);
  }
}

/**
 * First all at once without waiting, which cannot deadlock; then one after the other in key order, as also where the server could
 * not be reached: a request that waits outlasts that.
 */
async function collect(
  named: readonly NamedKey[],
  call: TimedCall,
  takeOne: TakeOne,
): Promise<LockReference[]> {
  const tried = await Promise.allSettled(named.map((request) => takeOne(request, 'once', [])));
  const refused = tried.find((result) => result.status === 'rejected');
  const acquired = tried.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (refused === undefined) return acquired;
  await releaseInTime(acquired, call);
  if (call.timeoutMs === 0 || !isWorthWaiting(refused.reason)) throw refused.reason;
  return inOrder(named, call, takeOne);
}

function isWorthWaiting(error: unknown): boolean {
  return error instanceof LockNotAvailableError || isPassing(error);
}

async function inOrder(
  named: readonly NamedKey[],
  call: TimedCall,
  takeOne: TakeOne,
): Promise<LockReference[]> {
  const acquired: LockReference[] = [];
  try {
    for (const request of named) acquired.push(await takeOne(request, 'until the deadline', acquired));
    return acquired;
  } catch (error) {
    await releaseInTime(acquired, call);
    throw error;
  }
}
