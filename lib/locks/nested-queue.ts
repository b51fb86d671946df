import type { LockKey } from '../vocabulary/lock-id.js';
import { LocalQueue, type QueueHost } from './local-queue.js';
import { DONE, type LockReference, type NestedWorks } from './lock-reference.js';
import type { LockRequest } from './lock-request.js';

/**
 * The works that enter an outer lock again: they run under it, and exclude each other as any works do. It is open as long as
 * the outer work runs and its lock is alive; then those who still want to run ask as any other caller does.
 *
 * @internal
 */
export class NestedQueue extends LocalQueue implements NestedWorks {
  /**
   * @param outer the lock that is entered again.
   * @param elsewhere where one asks as any other caller does.
   */
  constructor(
    host: QueueHost,
    override readonly outer: LockReference,
    private readonly elsewhere: () => LocalQueue,
  ) {
    super(host);
  }

  get key(): LockKey {
    return this.outer.queue.key;
  }

  override submit(request: LockRequest): void {
    if (this.outer.alive) super.submit(request);
    else this.elsewhere().submit(request);
  }

  override release(reference: LockReference): Promise<void> {
    const done = super.release(reference);
    return this.holders.length === 0 ? this.outer.onNotNeeded() : done;
  }

  fencingToken(): Promise<bigint> {
    return this.outer.fencingToken();
  }

  fencingEpoch(): Promise<bigint> {
    return this.outer.fencingEpoch();
  }

  moveOut(): void {
    for (const request of [...this.requests]) {
      this.requests.remove(request);
      request.unmarkContended();
      this.elsewhere().submit(request);
    }
  }

  lose(error: Error): void {
    for (const reference of this.takeHolders()) reference.lose(error);
  }

  protected mustWait(request: LockRequest): boolean {
    return this.requests.size > 0 || !this.admits(request);
  }

  protected advance(): Promise<void> {
    if (!this.outer.alive) this.moveOut();
    for (let head = this.requests.first; head !== undefined; head = this.requests.first) {
      if (!this.admits(head)) {
        this.markWaiting();
        break;
      }
      this.grantFirst(head, this.outer.heldBy, head.shared);
    }
    return DONE;
  }

  private get isShared(): boolean {
    return this.holders[0]?.shared ?? true;
  }

  private admits(request: LockRequest): boolean {
    return this.holders.length === 0 || (request.shared && this.isShared);
  }
}

/**
 * The queue of the works that enter a lock again.
 *
 * @param elsewhere where one asks as any other caller does, when that lock is over.
 * @internal
 */
export function nestedQueueOf(
  outer: LockReference,
  host: QueueHost,
  elsewhere: () => LocalQueue,
): LocalQueue {
  outer.nested ??= new NestedQueue(
    host,
    outer,
    outer.queue instanceof LocalQueue ? () => outer.queue as LocalQueue : elsewhere,
  );
  return outer.nested as NestedQueue;
}
