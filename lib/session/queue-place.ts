import { LockSessionError } from '../errors/lock-session.error.js';
import {
  cancelWait,
  UNLOCK_ALL,
  waitForLock,
  waitOutcome,
  type WaitOutcome,
  type WaitStatement,
} from '../sql/advisory-lock.js';
import { HEARTBEAT } from '../sql/lock-session.js';
import { SQLSTATE, sqlStateOf } from '../vocabulary/sqlstate.js';
import { atMost } from './at-most.js';
import type { LockSession } from './lock-session.js';
import type { HeldKey } from './lock-store.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import type { SessionPool } from './session-pool.js';
import { translateError } from './translate-error.js';

/** How long a cancelled wait may take to end before its session is given up. */
const CANCEL_WITHIN_MS = 1_000;
/** How often a wait is cancelled that the server did not show yet, or not any more. */
const CANCEL_AGAIN_MS = { first: 5, most: 100 };

let waits = 0;

/**
 * One session that stands in the server's queue for a key. It is *waiting* until the server grants the lock, or `leave` is
 * called, or the session ends; then *over*, with a lock or with nothing of it left at the server.
 *
 * @internal
 */
export class QueuePlace {
  /** Since when it waits, on the monotonic clock. */
  readonly since = monotonicMs();
  /** The lock, or null when it was cancelled. Rejects when the session has ended, or the server refuses. */
  readonly outcome: Promise<HeldKey | null>;
  /** How many looks in a row the server did not show it as waiting. */
  missing = 0;

  private readonly number = ++waits;
  private isOver = false;
  private isLeaving = false;

  constructor(
    private readonly pool: SessionPool,
    readonly session: LockSession,
    private readonly wait: Pick<WaitStatement, 'key' | 'shared'>,
  ) {
    this.outcome = this.run().finally(() => (this.isOver = true));
  }

  get pid(): number {
    return this.session.facts.pid;
  }

  /** Leaves the queue; `outcome` settles when that is certain. */
  leave(): void {
    if (this.isOver || this.isLeaving) return;
    this.isLeaving = true;
    void this.cancelUntilOver();
  }

  /** The server knows nothing of this wait: its answer will never come. */
  giveUp(): void {
    this.session.destroy(
      new LockSessionError('The server has ended a wait for a lock, and its answer never came.'),
    );
  }

  private async run(): Promise<HeldKey | null> {
    const { session, wait } = this;
    let granted: WaitOutcome;
    try {
      granted = await this.ask();
      if (granted === 'no') {
        this.pool.giveBack(session);
        return null;
      }
      // The lease counts from when the wait was sent; after a long one ask again before anything relies on it.
      if (session.isStale) await session.read(HEARTBEAT);
    } catch (error) {
      return this.refused(error);
    }
    const hold = session.adopt(wait.key, wait.shared);
    if (hold === undefined) throw session.endedBy ?? new LockSessionError('The lock session has ended.');
    hold.isContended = granted === 'after others';
    this.pool.onHolding();
    return hold;
  }

  private async ask(): Promise<WaitOutcome> {
    const { number, wait, pool } = this;
    const rows = await this.session.waitFor((beginLease) =>
      waitForLock({ ...wait, number, beginLease, isCaught: pool.hasPlpgsql }),
    );
    return waitOutcome(rows[0]);
  }

  /** The statement has failed, which does not mean that nothing was granted: it held nothing before, so release it all. */
  private async refused(error: unknown): Promise<null> {
    const { session, pool } = this;
    if (!session.isOpen) throw error;
    try {
      await session.read(UNLOCK_ALL);
      pool.giveBack(session);
    } catch (cause) {
      session.destroy(
        new LockSessionError('A waiting lock session could not be brought back to a known state.', { cause }),
      );
    }
    const state = sqlStateOf(error);
    if (state === SQLSTATE.lockNotAvailable || state === SQLSTATE.queryCanceled) return null;
    if (pool.hasPlpgsql && isWithoutLanguage(state)) {
      pool.hasPlpgsql = false;
      return null;
    }
    throw translateError(error, 'an advisory lock');
  }

  private async cancelUntilOver(): Promise<void> {
    await atMost(CANCEL_WITHIN_MS, this.cancelAgainAndAgain(monotonicMs() + CANCEL_WITHIN_MS));
    if (!this.isOver)
      this.session.destroy(new LockSessionError('A wait for a lock could not be cancelled in time.'));
  }

  private async cancelAgainAndAgain(until: number): Promise<void> {
    const { pool, pid, wait, number } = this;
    let pauseMs = CANCEL_AGAIN_MS.first;
    while (!this.isOver && monotonicMs() < until) {
      const rows = await pool.openMain
        ?.read(cancelWait(pid, { key: wait.key, number }))
        .catch(() => undefined);
      // Signalled, it ends very soon; else the wait may not have reached the server yet.
      await atMost(rows?.length === 1 ? CANCEL_AGAIN_MS.most : pauseMs, this.outcome);
      pauseMs = Math.min(2 * pauseMs, CANCEL_AGAIN_MS.most);
    }
  }
}

/** Whether a role or database cannot use `plpgsql`: it was dropped there, or its use revoked. */
function isWithoutLanguage(state: string | undefined): boolean {
  return state === SQLSTATE.insufficientPrivilege || state === SQLSTATE.undefinedObject;
}
