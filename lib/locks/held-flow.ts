import type { HeldKey } from '../session/lock-store.js';
import type { FlowVariable } from '../vocabulary/flow-variable.js';
import type { HeldLock } from './held-lock.js';
import type { LockFlow } from './lock-flow.js';

/** A lock, and the flow that holds it: for work that its caller begins and ends by itself. @internal */
export class HeldFlow {
  constructor(
    readonly lock: HeldLock,
    private readonly flow: LockFlow,
    private readonly flows: FlowVariable<LockFlow>,
  ) {}

  /** Whether it is held, and trusted at this moment. */
  get isTrusted(): boolean {
    return this.lock.held;
  }

  /** The keys at the server. */
  get keys(): readonly HeldKey[] {
    return this.lock.heldKeys;
  }

  /** Runs work, and all that it starts, in the flow that holds the lock. */
  enter<Result>(work: () => Result): Result {
    return this.flows.run(this.flow, work);
  }

  /** Lets go; never rejects. Resolves when the server has let go. */
  leave(): Promise<void> {
    return this.lock.release();
  }
}
