import type { HeldKey } from '../session/lock-store.js';
import { currentFlow, runInFlow, type Flow } from '../vocabulary/flow-variable.js';
import type { LockContext } from './lock-context.js';
import type { SessionLockHandle } from './session-lock-handle.js';

/** A lock, and the flow that holds it: for work that its caller begins and ends by itself. @internal */
export class LockScope {
  constructor(
    readonly lock: SessionLockHandle,
    private readonly context: LockContext,
    private readonly onLeave: () => Promise<void>,
  ) {}

  /** Whether it is held, and trusted at this moment. */
  get isTrusted(): boolean {
    return this.lock.held;
  }

  /** What is held at the server. */
  get keys(): readonly HeldKey[] {
    return this.lock.heldKeys;
  }

  /** Runs work, and all that it starts, in the flow that holds the lock. @param within what else that flow has. */
  enter<Result>(work: () => Result, within: (flow: NonNullable<Flow>) => NonNullable<Flow> = same): Result {
    return runInFlow(within(this.context.flow(currentFlow())), work);
  }

  /** Releases the lock, once; never rejects. Resolves when the server has released it. */
  leave(): Promise<void> {
    return this.onLeave();
  }
}

function same<Value>(value: Value): Value {
  return value;
}
