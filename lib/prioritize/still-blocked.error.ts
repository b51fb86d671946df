import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { blockingTree, membersOf, type BlockingTreeNode } from '../inspection/blocking-tree.js';
import type { BlockedPgLock } from '../inspection/pg-lock.js';

/**
 * Prioritized work ran into its lock timeout at every attempt. `cause` is the error of the last one; `blocked` and `tree`
 * name the blockers when it was last looked.
 *
 * @publicApi
 */
export class StillBlockedError extends LockNotAvailableError {
  /** The awaited locks, each with a session at the root of its queue. */
  readonly blocked: readonly BlockedPgLock[];
  /** The same as a tree, roots first. */
  readonly tree: readonly BlockingTreeNode[];

  constructor(attempts: number, waited: number, blocked: readonly BlockedPgLock[], cause: unknown) {
    const who = blocked.map(
      ({ blockingActivityId, blockingActivity: { applicationName, state }, relName, type }) =>
        `backend ${blockingActivityId} (${[applicationName, state].filter(Boolean).join(', ')}) held ${relName ?? type.toLowerCase()}`,
    );
    super(
      `The prioritized work ran into its lock timeout at each of ${attempts} attempts. ${who.length === 0 ? 'No blocker was seen.' : `Blocked by: ${who.join('; ')}.`}`,
      { id: blocked[0]?.advisoryId ?? blocked[0]?.relName ?? null, waited },
      { cause },
    );
    this.blocked = blocked;
    this.tree = blockingTree(membersOf(blocked));
  }
}
