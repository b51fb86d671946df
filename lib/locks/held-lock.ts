import { LockLostError } from '../errors/lock-lost.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { LockWatch } from '../telemetry/lock-watch.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import type { AdvisoryKey, LockId } from '../vocabulary/lock-id.js';
import { TIMER_MAX_MS } from '../session/monotonic.js';
import { printable } from '../vocabulary/printable.js';
import type { HeldKey } from '../session/lock-store.js';
import { type Grant, type LossListener } from './grant.js';
import type { LockHandle } from './lock-handle.js';

/** What all handles of one database have in common. @internal */
export interface HeldLockHost {
  readonly fencingToken: (grant: Grant) => Promise<bigint>;
  readonly emit: EventSink;
}

/** A session-level lock in the hands of its caller: *held*, then *released* or *lost*. @internal */
export class HeldLock implements LockHandle, LossListener {
  /** Set by the first release: whoever releases again waits for the same. */
  private releasing: Promise<void> | undefined;
  private lostBy: LockLostError | undefined;
  private controller: AbortController | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    readonly id: LockId | readonly LockId[],
    readonly shared: boolean,
    private readonly grants: readonly Grant[],
    private readonly host: HeldLockHost,
    private readonly watch: LockWatch | undefined,
  ) {
    watch?.acquired(this.pid);
    for (const grant of grants) grant.tell(this);
  }

  /** Loses the lock, and frees it, after so many milliseconds. */
  expireIn(maxHoldMs: number, leftMs = maxHoldMs): void {
    const due = () =>
      leftMs > TIMER_MAX_MS ? this.expireIn(maxHoldMs, leftMs - TIMER_MAX_MS) : this.expire(maxHoldMs);
    this.timer = setTimeout(due, Math.min(leftMs, TIMER_MAX_MS));
    this.timer.unref();
  }

  get key(): AdvisoryKey {
    return this.first.queue.key.toAdvisoryKey();
  }

  get keys(): readonly AdvisoryKey[] {
    return this.grants.map((grant) => grant.queue.key.toAdvisoryKey());
  }

  /** What is held at the server: another object for each acquisition there. */
  get heldKeys(): readonly HeldKey[] {
    return this.grants.map(({ hold }) => hold);
  }

  get held(): boolean {
    return (
      this.releasing === undefined && this.lostBy === undefined && this.grants.every((grant) => grant.alive)
    );
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
    if (this.releasing !== undefined)
      throw new PgLockUsageError(
        `Advisory lock ${printable(this.id)} is released; ask for its fencing token while it is held.`,
      );
    try {
      return await this.host.fencingToken(this.first);
    } catch (error) {
      throw this.lossOr(error);
    }
  }

  release(): Promise<void> {
    this.releasing ??= this.letGo();
    return this.releasing;
  }

  /** The hold under one of the grants is gone. */
  onGrantLost(cause: Error): void {
    this.lose(cause.message, cause);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  private letGo(): Promise<void> {
    this.watch?.released();
    this.detach();
    if (this.grants.length === 1) return this.first.release();
    return Promise.all(this.grants.map((grant) => grant.release())).then(() => undefined);
  }

  private lossOr(error: unknown): unknown {
    return this.lostBy ?? error;
  }

  private get first(): Grant {
    return this.grants[0] as Grant;
  }

  private expire(maxHoldMs: number): void {
    this.lose(`It was held for maxHold, ${maxHoldMs} ms.`);
    for (const grant of this.grants) void grant.end();
  }

  private lose(why: string, cause?: Error): void {
    if (this.releasing !== undefined || this.lostBy !== undefined) return;
    const message = `Advisory lock ${printable(this.id)} is lost; whatever it guards is unguarded from now on. ${why}`;
    const error = new LockLostError(message, this.id, cause === undefined ? undefined : { cause });
    this.lostBy = error;
    this.detach();
    this.controller?.abort(error);
    this.watch?.lost(error);
    this.host.emit({ type: 'lockLost', id: this.id, pid: this.pid, error });
  }

  private detach(): void {
    clearTimeout(this.timer);
    for (const grant of this.grants) grant.forget(this);
  }
}
