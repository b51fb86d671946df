import type { LockId } from '../vocabulary/lock-id.js';
import { trace } from './call-places.js';
import type { HeldLocks } from './held-locks.js';
import { LockContext } from './lock-context.js';
import type { LockReference } from './lock-reference.js';
import type { SelfWaiting } from './self-waits.js';
import type { XactLockRequest } from './xact-lock-options.js';

/** A wait of a transaction, at the server, behind a lock that its own flow holds elsewhere. @internal */
export class TransactionWait implements SelfWaiting {
  readonly id: LockId | readonly LockId[];
  readonly context = LockContext.current;
  readonly trace = trace();
  onSettled: (() => void) | undefined;
  private readonly controller = new AbortController();
  private readonly signal: AbortSignal;

  constructor(
    { id, signal }: XactLockRequest,
    readonly selfHeld: LockReference,
    private readonly timeoutMs: number | null | undefined,
  ) {
    this.id = id;
    const own = this.controller.signal;
    this.signal = signal === undefined ? own : AbortSignal.any([signal, own]);
  }

  get hasLimit(): boolean {
    return typeof this.timeoutMs === 'number';
  }

  giveUp(error: Error): void {
    this.controller.abort(error);
  }

  /** Waits, and gives up when it was told to. */
  async run<T>(held: HeldLocks, wait: (signal: AbortSignal) => Promise<T>): Promise<T> {
    held.onSelfWait(this);
    try {
      return await wait(this.signal);
    } finally {
      this.onSettled?.();
    }
  }
}
