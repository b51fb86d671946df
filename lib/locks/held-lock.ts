import { LockLostError } from '../errors/lock-lost.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import type { AdvisoryKey, LockId } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import type { Grant } from './grant.js';
import type { LockHandle } from './lock-handle.js';

/** How a handle ends by itself, and whom it tells. @internal */
export interface HeldLockInit {
  readonly id: LockId | readonly LockId[];
  readonly shared: boolean;
  readonly maxHoldMs: number | undefined;
  readonly fencingToken: (grant: Grant) => Promise<bigint>;
  readonly emit: EventSink;
}

/** A session-level lock in the hands of its caller: *held*, then *released* or *lost*. @internal */
export class HeldLock implements LockHandle {
  private released = false;
  private lostBy: LockLostError | undefined;
  private controller: AbortController | undefined;
  private readonly timer: NodeJS.Timeout | undefined;
  private readonly onLost = (cause: Error): void => this.lose(cause.message, cause);

  constructor(
    private readonly init: HeldLockInit,
    private readonly grants: readonly Grant[],
  ) {
    for (const grant of grants) grant.onLost.add(this.onLost);
    const { maxHoldMs } = init;
    if (maxHoldMs === undefined) return;
    this.timer = setTimeout(() => this.expire(maxHoldMs), Math.min(maxHoldMs, 2_147_483_647));
    this.timer.unref();
  }

  get id(): LockId | readonly LockId[] {
    return this.init.id;
  }

  get key(): AdvisoryKey {
    return this.first.queue.key.toAdvisoryKey();
  }

  get keys(): readonly AdvisoryKey[] {
    return this.grants.map((grant) => grant.queue.key.toAdvisoryKey());
  }

  get shared(): boolean {
    return this.init.shared;
  }

  get held(): boolean {
    return !this.released && this.lostBy === undefined && this.grants.every((grant) => grant.alive);
  }

  get pid(): number {
    return this.first.hold.pid;
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.lostBy !== undefined) this.controller.abort(this.lostBy);
    }
    return this.controller.signal;
  }

  async fencingToken(): Promise<bigint> {
    if (this.lostBy !== undefined) throw this.lostBy;
    if (this.released)
      throw new PgLockUsageError(`Advisory lock ${printable(this.id)} is released; ask for its fencing token while it is held.`);
    try {
      return await this.init.fencingToken(this.first);
    } catch (error) {
      throw this.lostBy ?? error;
    }
  }

  async release(): Promise<void> {
    if (this.released) return;
    this.released = true;
    await Promise.all(this.detach().map((grant) => grant.release()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  private get first(): Grant {
    return this.grants[0] as Grant;
  }

  private expire(maxHoldMs: number): void {
    this.lose(`It was held for maxHold, ${maxHoldMs} ms.`);
    for (const grant of this.grants) void grant.end();
  }

  private lose(why: string, cause?: Error): void {
    if (this.released || this.lostBy !== undefined) return;
    const message = `Advisory lock ${printable(this.id)} is lost; whatever it guards is unguarded from now on. ${why}`;
    const error = new LockLostError(message, this.id, cause === undefined ? undefined : { cause });
    this.lostBy = error;
    this.detach();
    this.controller?.abort(error);
    this.init.emit({ type: 'lockLost', id: this.id, pid: this.pid, error });
  }

  private detach(): readonly Grant[] {
    clearTimeout(this.timer);
    for (const grant of this.grants) grant.onLost.delete(this.onLost);
    return this.grants;
  }
}
