import type { FencingToken, FencingTokenOptions } from './fencing-token.js';
import type { AdvisoryKey, LockId } from '../vocabulary/lock-id.js';
import type { SessionLockHandle } from './session-lock-handle.js';
import type { TransactionLockHandle } from './xact-lock-handle.js';

/**
 * A lock that the flow holds already, entered again by work in a transaction: it ends with the work, and is released quietly;
 * the lock itself stays the outer work's.
 *
 * @internal
 */
export class EnteredLockHandle implements TransactionLockHandle {
  constructor(
    readonly client: object,
    private readonly lock: SessionLockHandle,
  ) {}

  get id(): LockId | readonly LockId[] {
    return this.lock.id;
  }

  get key(): AdvisoryKey {
    return this.lock.key;
  }

  get keys(): readonly AdvisoryKey[] {
    return this.lock.keys;
  }

  get shared(): boolean {
    return this.lock.shared;
  }

  get held(): boolean {
    return this.lock.held;
  }

  get pid(): number {
    return this.lock.pid;
  }

  get pids(): readonly number[] {
    return this.lock.pids;
  }

  get signal(): AbortSignal {
    return this.lock.signal;
  }

  fencingToken(): Promise<bigint>;
  fencingToken(options: { readonly epoch: true }): Promise<FencingToken>;
  fencingToken(options?: FencingTokenOptions): Promise<bigint | FencingToken>;
  fencingToken(options?: FencingTokenOptions): Promise<bigint | FencingToken> {
    return this.lock.fencingToken(options);
  }

  release(): Promise<never> {
    // The type says what holds of every other lock in a transaction; this one is another's.
    return this.lock.release() as Promise<never>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lock.release();
  }
}
