import { monotonicMs } from '../vocabulary/monotonic.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import type { HolderNode, QueueNode, RequestNode } from './lock-graph.js';

/** What holds a key for this process: a lock session, or a transaction. @internal */
export interface HeldBy {
  /** The backend that holds it. */
  readonly pid: number;
  /** Whether that can be trusted at this moment. */
  readonly alive: boolean;
  /**
   * Makes sure of it, where the end is not told: asked before further work runs under it.
   *
   * @throws {LockNotAvailableError} when another session has the key by now.
   */
  readonly confirm?: (asked: Confirmation) => Promise<void>;
}

/** How to make sure of a lock. @internal */
export interface Confirmation {
  /** How long it may be waited for; left out is what the transaction says. */
  readonly timeoutMs: number | null | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The queue that gave a reference, and takes it back. @internal */
export interface ReferenceOwner extends QueueNode {
  readonly key: LockKey;
  /** The reference of the outer lock, in a queue of nested works. */
  readonly outer: LockReference | undefined;
  /** Takes it back. Resolves when the server has released the key, or at once where a flow here still needs it. */
  release(reference: LockReference): Promise<void>;
  /** A number that grows from holder to holder. */
  fencingToken(reference: LockReference): Promise<bigint>;
  /** The server's timeline. */
  fencingEpoch(reference: LockReference): Promise<bigint>;
}

/** Hears of the loss of a reference. @internal */
export interface LossListener {
  onReferenceLost(error: Error): void;
}

/** The works that run, or want to run, under an outer one. @internal */
export interface NestedWorks {
  readonly holders: readonly LockReference[];
  /** Those that want to run ask as any other caller does from now on. */
  moveOut(): void;
  /** Those that run have lost the lock. */
  lose(error: Error): void;
}

/** A promise for those who need not wait. @internal */
export const DONE: Promise<void> = Promise.resolve();

/**
 * One key given to one work, or to one handle.
 *
 * It is *active* until `release`, or until it is *lost* with what holds the key. Works that enter the lock again stand in its
 * queue of nested works; those that run when it is released keep the key for themselves until they end.
 *
 * @internal
 */
export class LockReference implements HolderNode {
  /** What flows that hold it are waiting for; made when the first does. */
  waiting: Set<RequestNode> | undefined;
  /** Its index among the holders of its queue. */
  index = 0;
  /** Until when the key stays here after the release, on the monotonic clock. */
  keepUntil = 0;

  /** Made when the first work enters the lock again. */
  nested: NestedWorks | undefined;

  private isActive = true;
  private cause: Error | undefined;
  private listener: LossListener | undefined;
  private token: Promise<bigint> | undefined;

  constructor(
    readonly queue: ReferenceOwner,
    readonly heldBy: HeldBy,
    readonly shared: boolean,
  ) {}

  /** The reference under which it is nested. */
  get outer(): LockReference | undefined {
    return this.queue.outer;
  }

  /** Whether it was neither released nor lost. */
  get active(): boolean {
    return this.isActive;
  }

  /** Whether it is active, and its lock can be trusted at this moment. */
  get alive(): boolean {
    return this.isActive && this.heldBy.alive;
  }

  /** Whether its key stays here for its work, or for a work nested in it that outlived it. */
  get isHeld(): boolean {
    return this.cause === undefined && (this.isActive || this.isNeeded);
  }

  /** Why it was lost. */
  get lostBy(): Error | undefined {
    return this.cause;
  }

  /** Whether works that were nested in it still run, so that its key is needed. */
  get isNeeded(): boolean {
    return this.nested !== undefined && this.nested.holders.length > 0;
  }

  /** Tells the listener, once, when it is lost; at once when it is lost already. */
  onLost(listener: LossListener): void {
    if (this.cause === undefined) this.listener = listener;
    else listener.onReferenceLost(this.cause);
  }

  /** Keeps the key here for so many milliseconds from now on, also after the release. */
  keepAtLeast(ms: number): void {
    if (this.outer !== undefined) this.outer.keepAtLeast(ms);
    else this.keepUntil = Math.max(this.keepUntil, monotonicMs() + ms);
  }

  /** One number for all works under one lock. */
  fencingToken(): Promise<bigint> {
    this.token ??= this.queue.fencingToken(this).catch((error: unknown) => {
      this.token = undefined;
      throw error;
    });
    return this.token;
  }

  /** The timeline of the server that holds it. */
  fencingEpoch(): Promise<bigint> {
    return this.queue.fencingEpoch(this);
  }

  /** Its work is over. Resolves as {@link ReferenceOwner.release} does. */
  release(): Promise<void> {
    if (!this.isActive) return DONE;
    this.end();
    return this.isNeeded ? DONE : this.queue.release(this);
  }

  /** Ends it at once, and tells the works nested in it. Resolves as {@link ReferenceOwner.release} does. */
  forceRelease(error: Error): Promise<void> {
    if (!this.isActive && !this.isNeeded) return DONE;
    this.keepUntil = 0;
    this.cause = error;
    this.end();
    this.nested?.lose(error);
    return this.queue.release(this);
  }

  /** What holds the key has lost it. */
  lose(error: Error): void {
    this.isActive = false;
    this.cause = error;
    const { listener } = this;
    this.listener = undefined;
    listener?.onReferenceLost(error);
    this.nested?.lose(error);
    this.nested?.moveOut();
  }

  /** The last nested work that outlived it is over. */
  onNotNeeded(): Promise<void> {
    return this.isActive || this.cause !== undefined ? DONE : this.queue.release(this);
  }

  private end(): void {
    this.isActive = false;
    this.listener = undefined;
    this.nested?.moveOut();
  }
}
