import type { HeldKey } from '../session/lock-store.js';
import { monotonicMs } from '../session/monotonic.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import type { GrantNode, QueueNode, RequestNode } from './lock-graph.js';

/** The queue that gave a grant, and takes it back. @internal */
export interface GrantOwner extends QueueNode {
  readonly key: LockKey;
  release(grant: Grant): Promise<void>;
}

/** Who wants to know when a grant is lost. @internal */
export interface LossListener {
  onGrantLost(error: Error): void;
}

const NOBODY: readonly LossListener[] = [];

/** A promise for those who need not wait. @internal */
export const DONE: Promise<void> = Promise.resolve();

/**
 * One key given to one flow of this process, counted like a session of PostgreSQL would: asked for again by the same
 * flow, it is given again, and it ends with the last release. It ends early when the hold under it is lost.
 *
 * @internal
 */
export class Grant implements GrantNode {
  /** What flows that hold this grant are waiting for; made when the first does. */
  waiting: Set<RequestNode> | undefined;
  /** Until when it stays given after its last release, on the monotonic clock. */
  keepUntil = 0;
  /** Asked for once, by the first who wants to know. */
  token: Promise<bigint> | undefined;

  private count = 1;
  private lostBy: Error | undefined;
  private listeners = NOBODY;

  constructor(
    readonly queue: GrantOwner,
    readonly hold: HeldKey,
  ) {}

  get shared(): boolean {
    return this.hold.shared;
  }

  /** Whether it is still given: not released as often as asked for, and not lost. */
  get active(): boolean {
    return this.count > 0;
  }

  /** Whether its lock can be trusted at this moment. */
  get alive(): boolean {
    return this.count > 0 && this.hold.alive;
  }

  /** Tells the listener, once, when the hold under the grant is lost; at once when it is lost already. */
  tell(listener: LossListener): void {
    if (this.lostBy === undefined) this.listeners = [...this.listeners, listener];
    else listener.onGrantLost(this.lostBy);
  }

  /** Tells the listener nothing any more. */
  forget(listener: LossListener): void {
    this.listeners = this.listeners.length === 1 ? NOBODY : this.listeners.filter((one) => one !== listener);
  }

  /** Stays given for so many milliseconds from now on, also after its last release. */
  keepAtLeast(ms: number): void {
    this.keepUntil = Math.max(this.keepUntil, monotonicMs() + ms);
  }

  /** Gives it once more to the flow that has it already. */
  again(): this {
    this.count++;
    return this;
  }

  /** Takes it back once. Resolves when the server has let go, where this was the last time and nobody here is next. */
  release(): Promise<void> {
    if (this.count === 0 || --this.count > 0) return DONE;
    return this.queue.release(this);
  }

  /** Ends it at once, however often it was given. */
  end(): Promise<void> {
    if (this.count === 0) return DONE;
    this.count = 0;
    this.keepUntil = 0;
    return this.queue.release(this);
  }

  /** The hold is gone. */
  lose(error: Error): void {
    this.count = 0;
    this.lostBy = error;
    const { listeners } = this;
    this.listeners = NOBODY;
    for (const listener of listeners) listener.onGrantLost(error);
  }
}
