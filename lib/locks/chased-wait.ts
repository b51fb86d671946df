import { DeadlockError } from '../errors/deadlock.error.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import { printable } from '../vocabulary/printable.js';
import type { FlowWaitGraph, RefusableRequest } from './flow-wait-graph.js';
import type { LockContext } from './lock-context.js';
import type { QueueNode } from './lock-graph.js';
import type { LockReference } from './lock-reference.js';
import type { XactLockRequest } from './xact-lock-options.js';

/** What a chase sees of the wait of a transaction for one of its keys. */
class KeyWait implements RefusableRequest {
  readonly startedAt = monotonicMs();
  readonly behindItself = false;
  readonly waitsIn: QueueNode;

  constructor(
    domain: object,
    key: QueueNode['key'],
    readonly flowHolds: readonly LockReference[],
    readonly refuse: () => void,
  ) {
    this.waitsIn = { key, domain, outer: undefined, holders: [], requests: [] };
  }
}

/**
 * Waits in a transaction at the server while the flow holds something besides, which the server's own detector does not see: chased
 * for cycles through other sessions, and refused where it stands in one.
 *
 * @internal
 */
export async function waitChased<T>(
  graph: FlowWaitGraph,
  domain: object,
  context: LockContext | undefined,
  { id, keys, signal }: XactLockRequest,
  wait: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  const holds = [...(context?.all() ?? [])];
  if (holds.length === 0) return wait(signal);
  const controller = new AbortController();
  const refuse = () =>
    controller.abort(
      new DeadlockError(
        `Waiting for advisory lock ${printable(id)} could never end: its holder waits for a lock that this flow holds. ` +
          'Take locks in the same order everywhere, or request all of them in one call.',
      ),
    );
  const stops = keys.map((key) => graph.addWait(new KeyWait(domain, key, holds, refuse), holds));
  try {
    return await wait(
      signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]),
    );
  } finally {
    for (const stop of stops) stop();
  }
}
