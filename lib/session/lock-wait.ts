import { HEARTBEAT, cancelBackend } from '../sql/lock-session.js';
import { UNLOCK_ALL, waitForLock } from '../sql/advisory-lock.js';
import { LockSessionError } from '../errors/lock-session.error.js';
import { PgLockError } from '../errors/pg-lock.error.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import { SQLSTATE, sqlStateOf } from '../vocabulary/sqlstate.js';
import type { LockSession } from './lock-session.js';
import type { HeldKey, LockWait, TryLockCallbacks, WaitOptions } from './lock-store.js';
import { monotonicMs } from './monotonic.js';
import type { SessionPool } from './session-pool.js';
import { translateError } from './translate-error.js';

/** How often a wait without a session tries again: soon at first, more seldom when it has lasted. */
const POLL_MS = { first: 25, later: 100, laterAfter: 2_000 };
/** How much longer than `deadlock_timeout` one slice is, so that the server's own detector gets its turn. */
const SLICE_BEYOND_MS = 300;
const SLICE_MOST_MS = 3_000;
/** A slice that ends by itself this soon is not worth a cancel. */
const NEARLY_OVER_MS = 25;
const CANCEL_GRACE_MS = 1_000;
/** For how long a wait outlives a server that cannot be reached. */
const UNREACHABLE_MS = 30_000;

/** What a wait asks of the store that it belongs to. @internal */
export interface WaitHost {
  readonly pool: SessionPool;
  tryLock(key: LockKey, shared: boolean, trier: TryLockCallbacks): void;
  unlock(hold: HeldKey): Promise<void>;
}

/**
 * One wait for one key, on behalf of everybody in this process who wants it.
 *
 * Where a session is free it *stands in the server's queue*, in slices, because a blocked statement holds a snapshot that
 * hangs `CREATE INDEX CONCURRENTLY` elsewhere; the end of each slice is verified, because a lock may be granted as the
 * timer fires. Where the bound on sessions is reached it *tries again and again* on the main session until one is free.
 *
 * @internal
 */
export class SessionLockWait implements LockWait {
  /** Since when it waits, in milliseconds of the Unix epoch: what deadlock detectors of all processes compare. */
  readonly since = Date.now();
  /** The same on the monotonic clock. */
  readonly startedAt = monotonicMs();
  readonly outcome: Promise<HeldKey | null>;

  private cancelled = false;
  private wake: (() => void) | undefined;
  private slice: { readonly session: LockSession; readonly endsAt: number } | undefined;

  constructor(
    private readonly host: WaitHost,
    readonly key: LockKey,
    readonly shared: boolean,
    readonly options: WaitOptions,
  ) {
    this.outcome = this.run();
  }

  /** The backend that stands in the server's queue for this wait, where one does. */
  get pid(): number | undefined {
    return this.slice?.session.facts.pid;
  }

  cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.wake?.();
    if (this.slice !== undefined) this.cut(this.slice.session, this.slice.endsAt);
  }

  private isOver(): boolean {
    const deadline = this.options.deadline();
    return this.cancelled || (deadline !== null && monotonicMs() >= deadline);
  }

  private get pollMs(): number {
    return monotonicMs() - this.startedAt < POLL_MS.laterAfter ? POLL_MS.first : POLL_MS.later;
  }

  private async run(): Promise<HeldKey | null> {
    let reachedAt = monotonicMs();
    while (!this.isOver()) {
      try {
        const hold = await this.once();
        if (hold !== null && !this.cancelled) return hold;
        if (hold !== null) await this.host.unlock(hold);
        reachedAt = monotonicMs();
      } catch (error) {
        if (!isConnectionFailure(error) || monotonicMs() - reachedAt > UNREACHABLE_MS) throw error;
        await this.pause(this.pollMs);
      }
    }
    return null;
  }

  private async once(): Promise<HeldKey | null> {
    const session = await this.host.pool.takeWaiter();
    if (session !== undefined) return this.stand(session);
    return this.tryAgainAndAgain();
  }

  /** Until a session is given back, or may be opened again after one has ended or could not be had. */
  private async tryAgainAndAgain(): Promise<HeldKey | null> {
    const ticket = this.host.pool.lineUp(() => this.wake?.());
    const goesOn = () => !this.isOver() && !ticket.isReady();
    try {
      do {
        const hold = await this.tryOnce();
        if (hold !== null) return hold;
        if (goesOn()) await this.pause(this.pollMs);
      } while (goesOn() && !this.host.pool.mayOpen());
      const session = this.host.pool.redeem(ticket);
      return session === undefined ? null : await this.stand(session);
    } finally {
      this.host.pool.leave(ticket);
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

  /** One slice in the server's queue. */
  private async stand(session: LockSession): Promise<HeldKey | null> {
    const deadline = this.options.deadline();
    const slice =
      Math.min(session.facts.deadlockTimeout + SLICE_BEYOND_MS, SLICE_MOST_MS) * (0.9 + Math.random() / 5);
    const timeoutMs = Math.max(
      1,
      Math.ceil(Math.min(slice, deadline === null ? slice : deadline - monotonicMs())),
    );
    if (this.cancelled) {
      this.host.pool.giveBack(session);
      return null;
    }
    this.slice = { session, endsAt: monotonicMs() + timeoutMs };
    const stopped = this.options.onWaiting(session.facts.pid);
    try {
      const note = { since: this.since, holds: this.options.holds() };
      await session.run(waitForLock(this.key, this.shared, timeoutMs, note), timeoutMs);
      // The lease counts from when the wait was sent; after a long one ask again before anybody relies on it.
      if (!session.trusted) await session.insist(HEARTBEAT);
    } catch (error) {
      return await this.refused(session, error);
    } finally {
      this.slice = undefined;
      stopped();
    }
    return session.adopt(this.key, this.shared);
  }

  /** The server gave up, which does not mean that it did not grant: the session held nothing before, so drop it all. */
  private async refused(session: LockSession, error: unknown): Promise<null> {
    if (!session.isOpen) throw error;
    try {
      await session.insist(UNLOCK_ALL);
      this.host.pool.giveBack(session);
    } catch (cause) {
      session.destroy(
        new LockSessionError('A waiting lock session could not be brought back to a known state.', { cause }),
      );
    }
    const state = sqlStateOf(error);
    if (state === SQLSTATE.lockNotAvailable || state === SQLSTATE.queryCanceled) return null;
    throw translateError(error, 'an advisory lock');
  }

  private cut(session: LockSession, endsAt: number): void {
    if (endsAt - monotonicMs() > NEARLY_OVER_MS)
      this.host.pool.openMain?.run(cancelBackend(session.facts.pid)).catch(() => undefined);
    const grace = setTimeout(() => {
      if (this.slice?.session === session)
        session.destroy(new LockSessionError('A wait for a lock could not be cancelled in time.'));
    }, CANCEL_GRACE_MS);
    grace.unref();
    const stop = () => clearTimeout(grace);
    this.outcome.then(stop, stop);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const TRANSIENT = ['08', '57P', '53300'];

/** Whether an error says that the server cannot be reached now, rather than that it refused. */
function isConnectionFailure(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined && /^[0-9A-D][0-9A-Z]{4}$/.test(state))
    return TRANSIENT.some((prefix) => state.startsWith(prefix));
  return error instanceof Error && !(error instanceof PgLockError);
}
