import type { LockKey } from '../vocabulary/lock-id.js';
import { closesCycle } from './lock-graph.js';
import { DONE, LockReference, type HeldBy, type ReferenceOwner } from './lock-reference.js';
import type { LockRequest, RequestQueue } from './lock-request.js';
import { RequestList } from './request-list.js';

/** What queues of one module have in common. @internal */
export interface QueueHost {
  /** The locks of one module. */
  readonly domain: object;
  /** A request waits behind a lock of its own flow. */
  onSelfWait(request: LockRequest): void;
}

/**
 * Which works of this process hold one key, and which want it, in order of arrival: a writer that waits goes before readers
 * that came later. What is above the key (a server, or an outer lock) is the subclass's matter, which grants in `advance()`.
 *
 * @internal
 */
export abstract class LocalQueue implements ReferenceOwner, RequestQueue {
  abstract readonly key: LockKey;
  abstract readonly outer: LockReference | undefined;

  readonly requests = new RequestList();
  // Made with one element where there is one: `push` on an empty array makes room for seventeen.
  holders: LockReference[] = [];

  constructor(protected readonly host: QueueHost) {}

  get domain(): object {
    return this.host.domain;
  }

  /** Whether a request that may not wait could not be granted now, whatever is above. */
  protected abstract mustWait(request: LockRequest): boolean;
  /** Does whatever can be done now. Called after every change. Resolves when the server has released the key, if it has to. */
  protected abstract advance(): Promise<void>;
  abstract fencingToken(reference: LockReference): Promise<bigint>;
  abstract fencingEpoch(reference: LockReference): Promise<bigint>;

  /** Lines a request up; it is granted or refused through itself. */
  submit(request: LockRequest): void {
    if (request.once && this.mustWait(request)) return request.reject(request.contention());
    request.waitsIn = this;
    this.requests.add(request);
    void this.advance();
  }

  /** A request gives up; its caller is told when nothing of it is left at the server, or very soon. */
  async leave(request: LockRequest, error: unknown): Promise<void> {
    if (request.waitsIn !== this) return;
    this.takeOut(request);
    void this.advance();
    if (this.requests.size === 0) await this.untilQuiet();
    request.reject(error);
  }

  release(reference: LockReference): Promise<void> {
    if (!this.removeHolder(reference)) return DONE;
    return this.advance();
  }

  /** Rejects every request that waits here and is meant. */
  rejectAll(error: (request: LockRequest) => unknown, meant = (_: LockRequest) => true): void {
    for (const request of [...this.requests]) if (meant(request)) void this.leave(request, error(request));
  }

  /** Until nothing of a request that was the last can be granted any more. */
  protected untilQuiet(): Promise<void> {
    return DONE;
  }

  /** Gives the key to the first request. */
  protected grantFirst(request: LockRequest, heldBy: HeldBy, shared: boolean): void {
    this.takeOut(request);
    const reference = new LockReference(this, heldBy, shared);
    reference.index = this.holders.length;
    if (reference.index === 0) this.holders = [reference];
    else this.holders.push(reference);
    request.grant(reference);
  }

  protected drop(request: LockRequest, error: unknown): void {
    this.takeOut(request);
    request.reject(error);
  }

  /** All holders at once, which hold nothing any more. */
  protected takeHolders(): readonly LockReference[] {
    const { holders } = this;
    this.holders = [];
    return holders;
  }

  /** Those who came last wait from now on; one that would wait for itself is refused at once. */
  protected markWaiting(): void {
    for (let request = this.requests.last; request !== undefined && !request.contended;) {
      const { before } = request;
      this.mark(request);
      request = before;
    }
  }

  protected mark(request: LockRequest): void {
    request.markContended();
    const cycle = closesCycle(request, this);
    if (cycle === 'cycle') void this.leave(request, request.deadlock());
    else if (cycle !== undefined) {
      request.selfHeld = cycle;
      this.host.onSelfWait(request);
    }
  }

  protected takeOut(request: LockRequest): void {
    this.requests.remove(request);
    request.waitsIn = undefined;
  }

  private removeHolder(reference: LockReference): boolean {
    if (this.holders[reference.index] !== reference) return false;
    const last = this.holders.pop() as LockReference;
    if (last !== reference) {
      this.holders[reference.index] = last;
      last.index = reference.index;
    }
    return true;
  }
}
