import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { monotonicMs } from '../session/monotonic.js';
import type { Grant } from './grant.js';
import type { NamedKey } from './lock-names.js';

/** Takes one key; `had` are those that the same call has already. @internal */
export type TakeOne = (
  named: NamedKey,
  timeoutMs: number | null | undefined,
  had: readonly Grant[],
) => Promise<Grant>;

/** Takes several keys, all or none: when one is lost before the last is had, from the beginning. @internal */
export async function allOrNone(
  named: readonly NamedKey[],
  timeoutMs: number | null | undefined,
  takeOne: TakeOne,
): Promise<Grant[]> {
  const startedAt = monotonicMs();
  for (;;) {
    const grants = await collect(named, timeoutMs, startedAt, takeOne);
    if (grants.every((grant) => grant.active)) return grants;
    await Promise.all(grants.map((grant) => grant.release()));
  }
}

/** First all at once without waiting, which cannot deadlock; then one after the other in key order. */
async function collect(
  named: readonly NamedKey[],
  timeoutMs: number | null | undefined,
  startedAt: number,
  takeOne: TakeOne,
): Promise<Grant[]> {
  const tried = await Promise.allSettled(named.map((one) => takeOne(one, 0, [])));
  const refused = tried.find((result) => result.status === 'rejected');
  const had = tried.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (refused === undefined) return had;
  await Promise.all(had.map((grant) => grant.release()));
  if (!(refused.reason instanceof LockNotAvailableError) || timeoutMs === 0) throw refused.reason;
  return inOrder(named, timeoutMs, startedAt, takeOne);
}

async function inOrder(
  named: readonly NamedKey[],
  timeoutMs: number | null | undefined,
  startedAt: number,
  takeOne: TakeOne,
): Promise<Grant[]> {
  const grants: Grant[] = [];
  try {
    for (const one of named) {
      const left =
        typeof timeoutMs === 'number' ? Math.max(1, timeoutMs - (monotonicMs() - startedAt)) : timeoutMs;
      grants.push(await takeOne(one, left, grants));
    }
    return grants;
  } catch (error) {
    await Promise.all(grants.map((grant) => grant.release()));
    throw error;
  }
}
