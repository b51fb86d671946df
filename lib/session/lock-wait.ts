import type { LockKey } from '../vocabulary/lock-id.js';
import type { LockSession } from './lock-session.js';
import type { HeldKey, LockWait, TryLockCallbacks, WaitOptions } from './lock-store.js';
import { monotonicMs, TIMER_MAX_MS } from '../vocabulary/monotonic.js';
import type { PollPort } from './poll-port.js';
import { QueuePlace } from './queue-place.js';
import { isPassing, unreachable } from './reachability.js';
import type { SessionPool } from './session-pool.js';

/** How often a wait without a session tries again: soon at first, more seldom when it has lasted. */
const POLL_MS = { first: 25, later: 100, laterAfter: 2_000 };

/** What a wait asks of the store that it belongs to. @internal */
export interface WaitHost {
  readonly pool: SessionPool;
  readonly connectTimeoutMs: number | null;
  readonly polls: PollPort | undefined;
  /** For how long those who poll for the key elsewhere go first, in milliseconds. */
  yieldsMs(key: LockKey): number;
  /** Resolves when a release of the key that is under way is over. */
  whenReleased(key: LockKey): Promise<void> | undefined;
  /** Takes over the session on which the key is being released, if there is one that may wait. */
  takeReleasing(key: LockKey): LockSession | undefined;
  tryLock(key: LockKey, shared: boolean, callbacks: TryLockCallbacks): unknown;
  unlock(hold: HeldKey): Promise<void>;
}

/**
 * One wait for one key, on behalf of all requests of this process for it.
 *
 * Where a session is free it *waits in the server's queue* and keeps its place there. It *changes sessions* when the snapshot
 * of its statement holds up others or has grown old: where another session is free, that lines up before the first
 * leaves. Where the bound on sessions is reached it *polls* on the main session until one is free; where the server cannot
 * be reached, it tries to connect.
 *
 * @internal
 */
export class SessionLockWait implements LockWait {
  /** Since when it waits, on the monotonic clock. */
  readonly startedAt = monotonicMs();
  readonly outcome: Promise<HeldKey | null>;
  /** The sessions that stand in the server's queue for it: one, and two while it changes. */
  readonly places = new Set<QueuePlace>();

  private isCancelled = false;
  /** Ends the pause between two polls. */
  private endPause: (() => void) | undefined;
  /** What the places report to, until one of them has the lock. */
  private answer:
    | { readonly resolve: (hold: HeldKey | null) => void; readonly reject: (error: unknown) => void }
    | undefined;
  private timer: NodeJS.Timeout | undefined;
  private awaySince: number | undefined;
  private hasToldAway = false;

  constructor(
    private readonly host: WaitHost,
    readonly key: LockKey,
    readonly shared: boolean,
    readonly options: WaitOptions,
  ) {
    this.watchDeadline();
    this.outcome = this.run().finally(() => clearTimeout(this.timer));
  }

  /** The backend that stands in the server's queue for this wait, where one does. */
  get pid(): number | undefined {
    const [first] = this.places;
    return first?.pid;
  }

  cancel(): void {
    if (this.isCancelled) return;
    this.isCancelled = true;
    this.endPause?.();
    for (const place of this.places) place.leave();
  }

  /** Tries at once, where it polls. */
  wake(): void {
    this.endPause?.();
  }

  /** The snapshot of a place holds up others: another session takes over, or the same one begins anew. */
  async changePlace(place: QueuePlace): Promise<void> {
    if (this.places.size > 1 || this.isOver()) return;
    const session = await this.host.pool.takeWaiter();
    if (session === undefined) place.leave();
    else if (this.isOver() || !this.places.has(place)) this.host.pool.giveBack(session);
    else this.enter(session);
  }

  private isOver(): boolean {
    const deadline = this.options.deadline();
    return this.isCancelled || (deadline !== null && monotonicMs() >= deadline);
  }

  private get pollMs(): number {
    return monotonicMs() - this.startedAt < POLL_MS.laterAfter ? POLL_MS.first : POLL_MS.later;
  }

  private watchDeadline(): void {
    const deadline = this.options.deadline();
    const leftMs = deadline === null ? TIMER_MAX_MS : deadline - monotonicMs();
    if (leftMs <= 0) return this.cancel();
    // The requests behind it have timers of their own; this one alone must not keep a process alive.
    const again = () => this.watchDeadline();
    this.timer = setTimeout(again, Math.min(Math.ceil(leftMs), TIMER_MAX_MS)).unref();
  }

  private async run(): Promise<HeldKey | null> {
    while (!this.isOver()) {
      try {
        const hold = await this.once();
        if (hold !== null && !this.isCancelled) return hold;
        if (hold !== null) await this.host.unlock(hold);
        this.awaySince = undefined;
        this.hasToldAway = false;
      } catch (error) {
        await this.outlast(error);
      }
    }
    return null;
  }

  private async once(): Promise<HeldKey | null> {
    // Where the server cannot be reached, this says so; and waits are cancelled over it.
    await this.host.pool.openedMain();
    if (this.options.isBehindOwn?.() === true) return this.onceBehindOwn();
    const yieldsMs = this.host.yieldsMs(this.key);
    if (yieldsMs > 0) await this.pause(yieldsMs);
    const releasing = this.host.takeReleasing(this.key);
    if (releasing !== undefined) return this.waitInServerQueue(releasing);
    await this.host.whenReleased(this.key); // whose session is then free to wait
    // The locks of before are gone as well: free, it needs no further session.
    const hold = this.awaySince === undefined ? null : await this.tryOnce();
    if (hold !== null) return hold;
    const session = await this.host.pool.takeWaiter();
    return session === undefined ? this.poll() : this.waitInServerQueue(session);
  }

  /** A try would be granted beside what is held. */
  private async onceBehindOwn(): Promise<HeldKey | null> {
    const session = await this.host.pool.takeWaiter();
    if (session !== undefined) return this.waitInServerQueue(session);
    await this.pause(this.pollMs);
    return null;
  }

  /** The server cannot be reached: goes on, for as long as that makes sense. */
  private async outlast(error: unknown): Promise<void> {
    if (!isPassing(error)) throw error;
    const now = monotonicMs();
    this.awaySince ??= now;
    const { connectTimeoutMs } = this.host;
    if (connectTimeoutMs !== null && now - this.awaySince >= connectTimeoutMs && !this.hasToldAway) {
      this.hasToldAway = true;
      if (this.options.onUnreachable === undefined) throw unreachable(error);
      this.options.onUnreachable(unreachable(error) as Error);
    }
    if (!this.isOver()) await this.pause(this.pollMs);
  }

  /** Until a session is given back, or may be opened again after one has ended or could not be obtained. */
  private async poll(): Promise<HeldKey | null> {
    const { pool } = this.host;
    const reservation = pool.enqueue(() => this.endPause?.());
    const goesOn = () => !this.isOver() && !reservation.isReady();
    const polled = this.host.polls?.poll(this.key.text);
    try {
      do {
        const hold = await this.tryOnce();
        if (hold !== null) return hold;
        if (goesOn()) await this.pause(this.pollMs);
      } while (goesOn() && !pool.mayOpen());
      const session = pool.take(reservation);
      return session === undefined ? null : await this.waitInServerQueue(session);
    } finally {
      polled?.();
      pool.leave(reservation);
    }
  }

  private tryOnce(): Promise<HeldKey | null> {
    return new Promise((onAcquired, onError) => {
      this.host.tryLock(this.key, this.shared, {
        onAcquired,
        onUnavailable: () => onAcquired(null),
        onError,
      });
    });
  }

  private waitInServerQueue(session: LockSession): Promise<HeldKey | null> {
    if (this.isCancelled) {
      this.host.pool.giveBack(session);
      return Promise.resolve(null);
    }
    return new Promise((resolve, reject) => {
      this.answer = { resolve, reject };
      this.enter(session);
    });
  }

  private enter(session: LockSession): void {
    const place = new QueuePlace(this.host.pool, session, { key: this.key, shared: this.shared });
    const stopped = this.options.onWaiting(place.pid);
    this.places.add(place);
    const left = () => {
      this.places.delete(place);
      stopped();
    };
    place.outcome.then(
      (hold) => {
        left();
        if (hold === null) this.placeLeft();
        else this.placeGranted(hold);
      },
      (error: unknown) => {
        left();
        if (this.places.size === 0) this.answer?.reject(error);
      },
    );
  }

  private placeLeft(): void {
    if (this.places.size === 0) this.answer?.resolve(null);
  }

  private placeGranted(hold: HeldKey): void {
    const { answer } = this;
    this.answer = undefined;
    for (const other of this.places) other.leave();
    if (answer === undefined) void this.host.unlock(hold);
    else answer.resolve(hold);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
