import { LockLostError } from '../errors/lock-lost.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { TIMER_MAX_MS } from '../vocabulary/monotonic.js';
import type { LockWatch } from '../telemetry/lock-watch.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import type { AdvisoryKey, LockId } from '../vocabulary/lock-id.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import { printable } from '../vocabulary/printable.js';
import type { HeldKey } from '../session/lock-store.js';
import { wantsEpoch, type FencingToken, type FencingTokenOptions } from './fencing-token.js';
import type { LockHandle } from './lock-handle.js';
import type { HeldBy, LockReference, LossListener } from './lock-reference.js';

/** A session-level lock in the hands of its caller: *held*, then *released* or *lost*. @internal */
export class SessionLockHandle implements LockHandle, LossListener {
  /** Called once, when it is released or lost. */
  onEnded: (() => void) | undefined;
  /** Called once, when the server has released it. */
  onReleased: (() => void) | undefined;
  permit: number | undefined;

  /** Set by the first release: a second one waits for the same. */
  private releasing: Promise<void> | undefined;
  private lostBy: LockLostError | undefined;
  private controller: AbortController | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    readonly id: LockId | readonly LockId[],
    readonly shared: boolean,
    private readonly references: readonly LockReference[],
    private readonly emit: EventSink,
    private readonly watch: LockWatch | undefined,
  ) {
    watch?.acquired(this.pid);
    for (const reference of references) reference.onLost(this);
  }

  /** Loses the lock, and frees it, after so many milliseconds. */
  expireIn(maxHoldMs: number, leftMs = maxHoldMs): void {
    const due = () =>
      leftMs > TIMER_MAX_MS ? this.expireIn(maxHoldMs, leftMs - TIMER_MAX_MS) : this.expire(maxHoldMs);
    this.timer = outsideFlows(() => setTimeout(due, Math.min(leftMs, TIMER_MAX_MS)).unref());
  }

  get key(): AdvisoryKey {
    return this.first.queue.key.toAdvisoryKey();
  }

  get keys(): readonly AdvisoryKey[] {
    return this.references.map(({ queue }) => queue.key.toAdvisoryKey());
  }

  /** What is held at the server: another object for each acquisition there. */
  get heldKeys(): readonly HeldKey[] {
    return this.references.map(({ heldBy }) => heldBy).filter(isHeldKey);
  }

  get held(): boolean {
    return (
      this.releasing === undefined && this.lostBy === undefined && this.references.every(({ alive }) => alive)
    );
  }

  get pid(): number {
    return this.first.heldBy.pid;
  }

  get pids(): readonly number[] {
    return this.references.map(({ heldBy }) => heldBy.pid);
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.lostBy !== undefined) this.controller.abort(this.lostBy);
    }
    return this.controller.signal;
  }

  fencingToken(): Promise<bigint>;
  fencingToken(options: { readonly epoch: true }): Promise<FencingToken>;
  fencingToken(options?: FencingTokenOptions): Promise<bigint | FencingToken>;
  async fencingToken(options?: FencingTokenOptions): Promise<bigint | FencingToken> {
    const withEpoch = wantsEpoch(options);
    if (this.lostBy !== undefined) throw this.lostBy;
    if (this.releasing !== undefined)
      throw new PgLockUsageError(
        `Advisory lock ${printable(this.id)} is released; ask for its fencing token while it is held.`,
      );
    try {
      const token = this.first.fencingToken();
      if (!withEpoch) return await token;
      const [epoch, number] = await Promise.all([this.first.fencingEpoch(), token]);
      return { epoch, token: number };
    } catch (error) {
      throw this.lossOr(error);
    }
  }

  release(): Promise<void> {
    this.releasing ??= this.onReleased === undefined ? this.letGo() : this.letGo().then(this.onReleased);
    return this.releasing;
  }

  /** What holds one of the keys has lost it. */
  onReferenceLost(cause: Error): void {
    this.lose(cause.message, cause);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  private letGo(): Promise<void> {
    if (this.lostBy === undefined) this.watch?.released();
    this.end();
    if (this.references.length === 1) return this.first.release();
    return Promise.all(this.references.map((reference) => reference.release())).then(() => undefined);
  }

  private lossOr(error: unknown): unknown {
    return this.lostBy ?? error;
  }

  private get first(): LockReference {
    return this.references[0] as LockReference;
  }

  private expire(maxHoldMs: number): void {
    const why = `maxHold of ${maxHoldMs} ms exceeded.`;
    this.lose(why);
    for (const reference of this.references) void reference.forceRelease(new Error(why));
  }

  /** The holder is told first; other listeners, when all holders of this turn were told. */
  private lose(why: string, cause?: Error): void {
    if (this.releasing !== undefined || this.lostBy !== undefined) return;
    const message = `Advisory lock ${printable(this.id)} was lost; the protected work may now run concurrently elsewhere. Cause: ${why}`;
    const error = new LockLostError(message, this.id, cause === undefined ? undefined : { cause });
    this.lostBy = error;
    this.end();
    outsideFlows(() => {
      this.controller?.abort(error);
      queueMicrotask(() => {
        this.watch?.lost(error);
        this.emit({ type: 'lockLost', id: this.id, pid: this.pid, error });
      });
    });
  }

  private end(): void {
    clearTimeout(this.timer);
    this.onEnded?.();
    this.onEnded = undefined;
  }
}

/** Whether it is a lock session's, and no transaction's. */
function isHeldKey(heldBy: HeldBy): heldBy is HeldKey {
  return 'listener' in heldBy;
}
