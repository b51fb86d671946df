import type { LockKey } from '../vocabulary/lock-id.js';
import type { Grant } from './grant.js';

/** What one async flow holds, innermost first: the node of one `advisory` call inside those around it. @internal */
export class LockFlow {
  constructor(
    private readonly grants: readonly Grant[],
    private readonly outer: LockFlow | undefined,
  ) {}

  /** The grant of a key that this flow holds. */
  find(key: LockKey): Grant | undefined {
    for (const grant of this.grants) if (grant.active && grant.queue.key.equals(key)) return grant;
    return this.outer?.find(key);
  }

  /** Every grant of the flow that is still given. */
  *all(): Generator<Grant> {
    for (const grant of this.grants) if (grant.active) yield grant;
    if (this.outer !== undefined) yield* this.outer.all();
  }

  /** Whether the flow holds anything at this moment. */
  get holdsAny(): boolean {
    return this.grants.some((grant) => grant.active) || (this.outer?.holdsAny ?? false);
  }
}
