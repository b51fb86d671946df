import { lockLabel } from '../../../lib/dashboard/lock-label.js';
import type { Lock } from '../wire.js';

type Labelled = Parameters<typeof lockLabel>[0];

/** What a lock is on, as the server calls it too. */
export function targetOf(lock: Omit<Lock, 'activity'>): string {
  return lockLabel(lock as unknown as Labelled).name;
}

export function keyOf(lock: Omit<Lock, 'activity'>): string {
  return lockLabel(lock as unknown as Labelled).key;
}

export function kindOf(lock: Omit<Lock, 'activity'>): ReturnType<typeof lockLabel>['kind'] {
  return lockLabel(lock as unknown as Labelled).kind;
}
