import { monotonicMs } from '../vocabulary/monotonic.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import type { KeyQueue } from './key-queue.js';

/** A key that this process holds. @internal */
export interface HeldLockStatus {
  readonly key: LockKey;
  /** The backend that holds it. */
  readonly pid: number;
  readonly since: Date;
  /** How many calls of this process wait for it. */
  readonly waiting: number;
}

/** The keys that the process holds at the server, of all queues. @internal */
export function heldLocks(queues: Iterable<KeyQueue>): HeldLockStatus[] {
  const now = monotonicMs();
  return [...queues].flatMap(({ key, held, requests }) => {
    if (held === undefined) return [];
    const since = new Date(Date.now() - (now - held.since));
    return [{ key, pid: held.pid, since, waiting: requests.size }];
  });
}
