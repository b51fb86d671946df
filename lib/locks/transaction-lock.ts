import type { LockKey } from '../vocabulary/lock-id.js';
import type { HolderNode, RequestNode } from './lock-graph.js';
import {
  DONE,
  LockReference,
  type Confirmation,
  type HeldBy,
  type ReferenceOwner,
} from './lock-reference.js';
import { noEpoch, type XactLockHandle } from './xact-lock-handle.js';

/**
 * One key held in a transaction, as a lock of the flow whose work runs there. Its reference ends with the work; the key stays
 * until the transaction ends.
 *
 * @internal
 */
export class TransactionLock implements ReferenceOwner, HeldBy {
  readonly outer = undefined;
  readonly requests: readonly RequestNode[] = [];
  readonly reference: LockReference;

  constructor(
    readonly domain: object,
    readonly key: LockKey,
    private readonly handle: XactLockHandle,
  ) {
    this.reference = new LockReference(this, this, handle.shared);
  }

  get holders(): readonly HolderNode[] {
    return this.alive ? [this.reference] : [];
  }

  get pid(): number {
    return this.handle.pid;
  }

  get alive(): boolean {
    return this.handle.held;
  }

  /** Rolling back to a savepoint releases locks that were taken after it, and it is not told: asks the server again. */
  readonly confirm = (asked: Confirmation): Promise<void> => this.handle.lockAgain(this.key, asked);

  /** The transaction that holds it. */
  get transaction(): object {
    return this.handle.client;
  }

  /** The transaction has ended, or was lost: what was nested in it is held no more. */
  end(lostBy: Error | undefined): void {
    if (lostBy !== undefined) return this.reference.lose(lostBy);
    this.reference.nested?.lose(new Error('the transaction that held it has ended.'));
    void this.reference.release();
  }

  release(): Promise<void> {
    return DONE;
  }

  fencingToken(): Promise<bigint> {
    return this.handle.fencingToken();
  }

  fencingEpoch(): Promise<bigint> {
    return Promise.reject(noEpoch(this.handle.id));
  }
}
