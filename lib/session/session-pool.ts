import { LockSessionError } from '../errors/lock-session.error.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import { isolated } from '../vocabulary/listeners.js';
import { wakingClock } from '../vocabulary/waking-clock.js';
import { atMost } from './at-most.js';
import type { Connector } from './connector.js';
import type { LockSession, SessionOwner } from './lock-session.js';
import { MainSession } from './main-session.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import { openLockSession, TRUST_SHARE } from './open-lock-session.js';
import { pause } from '../vocabulary/pause.js';
import { firstFailure, unreachable } from './reachability.js';
import { reconnectPauseMs } from './reconnect-pause.js';
import type { ResolvedSessionsOptions } from './session-options.js';
import { SessionReservation } from './session-reservation.js';
import { SilenceError } from './silence.error.js';
import { cpuTimeMs, StallClock } from './stall-clock.js';

const IDLE_MS = 60_000;
/** Of a server that could not be reached, callers that wait for nothing else hear within this time. */
const SOON_MS = 80;
/** A driver that does not end must not keep the module from it. */
const CLOSE_WITHIN_MS = 3_000;
/** Sessions that hold what they have waited for come on top of the bound; all together are at most so many times it. */
const CEILING = 4;

/**
 * The few lock connections of one process to one database: the *main* one, on which all tries are made, and others that
 * wait in the server's queue, each for one key. A session that waits holds nothing else. One that got its lock holds it until
 * that is released, and does not count towards the bound meanwhile. None is opened before it is needed, and idle ones are
 * closed.
 *
 * @internal
 */
export class SessionPool implements SessionOwner {
  /** Called again and again while any session is open. */
  onTick: (() => void) | undefined;
  /** Whether waits can be caught in `plpgsql`; false once the server has said otherwise. */
  hasPlpgsql = true;
  /** The main session, and what others need of it. */
  readonly main = new MainSession({
    pids: () => this.pids,
    leaseMs: () => this.options.leaseMs,
    open: () => this.open(),
    isClosed: () => this.closed,
  });

  private readonly sessions = new Set<LockSession>();
  private readonly idle: LockSession[] = [];
  private readonly line: SessionReservation[] = [];
  private readonly stalls: StallClock;
  private readonly tickMs: number;
  private opening = 0;
  /** Since when no connection could be opened. */
  private awaySince: number | undefined;
  private hasConnected = false;
  private lastFailure: unknown;
  private retryAt = 0;
  private ticker: NodeJS.Timeout | undefined;
  private readonly closing = new AbortController();

  constructor(
    private readonly connector: Connector,
    private readonly options: ResolvedSessionsOptions,
    private readonly emit: EventSink,
  ) {
    this.tickMs = Math.min(options.heartbeatMs, options.leaseMs / 10);
    this.stalls = new StallClock(this.tickMs);
  }

  /** The main session where it is open already. */
  get openMain(): LockSession | undefined {
    return this.main.open;
  }

  /** The process ids of all our lock backends. */
  get pids(): number[] {
    return [...this.sessions].map((session) => session.facts.pid);
  }

  /** How many sessions are open. */
  get size(): number {
    return this.sessions.size;
  }

  /** How many locks the sessions hold together. */
  get holdCount(): number {
    let count = 0;
    for (const session of this.sessions) count += session.holdCount;
    return count;
  }

  /** The main session; opened, after a growing pause where opening failed before. */
  openedMain(): Promise<LockSession> {
    return this.main.whenOpen();
  }

  /** The main session, for who does not wait for a server that is known to be away: then rejects soon. */
  async mainAtOnce(): Promise<LockSession> {
    const opened = this.openedMain();
    if (this.awaySince !== undefined && !(await atMost(SOON_MS, opened))) {
      opened.catch(() => undefined);
      throw unreachable(this.lastFailure);
    }
    return opened.catch((error: unknown) => {
      throw unreachable(error);
    });
  }

  /** A session that may wait: idle or new; `undefined` when the bound is reached, or no further one can be opened. */
  async takeWaiter(): Promise<LockSession | undefined> {
    const session = this.idle.pop();
    if (session !== undefined) return session;
    return this.mayOpen() ? this.open().catch(() => undefined) : undefined;
  }

  /** Whether one more session may be opened now: below the bounds, and not right after opening one has failed. */
  mayOpen(): boolean {
    const coming = this.opening + (this.main.open === undefined ? 1 : 0);
    const { max } = this.options;
    const isBelow = this.boundedCount + coming < max && this.sessions.size + coming < CEILING * max;
    return isBelow && monotonicMs() >= this.retryAt;
  }

  /** Whether there is a session for a wait that could do without: none stands in line for it. */
  maySpare(): boolean {
    return this.line.length === 0 && (this.idle.length > 0 || this.mayOpen());
  }

  /** Gives back what `takeWaiter` or a reservation gave: to the next in line, or to rest; or closes what is too many. */
  giveBack(session: LockSession): void {
    if (!session.isOpen || this.closed || this.idle.includes(session)) return;
    if (this.boundedCount > this.options.max) return this.dismiss(session);
    const next = this.line.shift();
    if (next === undefined) this.idle.push(session);
    else next.fulfil(session);
  }

  /** Whether a session that gives up its lock may wait again at once: no other is to have it, and there are not too many. */
  mayKeep(session: LockSession): boolean {
    const isFree = session.isOpen && session.holdCount === 0 && !this.closed;
    return isFree && this.line.length === 0 && this.boundedCount <= this.options.max;
  }

  /** A session that waited holds its lock now, so that another may be opened to wait. */
  onHolding(): void {
    this.line[0]?.wake();
  }

  /** Stands in line for a session; `wake` is called when it is there, or might be opened. */
  enqueue(wake: () => void): SessionReservation {
    const reservation = new SessionReservation(wake);
    this.line.push(reservation);
    return reservation;
  }

  /** Takes the session that a reservation has got. */
  take(reservation: SessionReservation): LockSession | undefined {
    return reservation.take();
  }

  /** Leaves the line, and gives back what came since. */
  leave(reservation: SessionReservation): void {
    const index = this.line.indexOf(reservation);
    if (index >= 0) this.line.splice(index, 1);
    const session = reservation.take();
    if (session !== undefined) this.giveBack(session);
  }

  /** Opens no more connections, and gives up those that are being opened. */
  stopOpening(): void {
    this.closing.abort(new LockSessionError('The lock sessions of this module are being closed.'));
  }

  /** Releases everything and closes every connection, also one that is being opened. Takes a few seconds at the most. */
  async close(): Promise<void> {
    this.stopOpening();
    this.stopTicking();
    await atMost(CLOSE_WITHIN_MS, this.closeAll());
    for (const session of this.sessions)
      session.destroy(new LockSessionError('The lock session was closed.'));
    this.sessions.clear();
  }

  explain(error: Error): Error {
    const toleratedMs = (this.options.leaseMs * TRUST_SHARE) / 2;
    return this.stalls.explain(error, toleratedMs, monotonicMs(), cpuTimeMs());
  }

  onEnded(session: LockSession, error: Error): void {
    this.remove(session);
    if (session === this.main.open) this.main.absent();
    if (!(error instanceof SilenceError)) return;
    // Until a connection stands again, all that is known of the server is that it is away.
    this.awaySince ??= monotonicMs();
    this.lastFailure = error;
  }

  onLost(session: LockSession, error: Error, locksLost: number): void {
    isolated(() => this.emit({ type: 'sessionEnded', pid: session.facts.pid, locksLost, error }));
    this.main.ended(session, error);
  }

  /** Sessions that hold what they have waited for do not count towards the bound. */
  private get boundedCount(): number {
    let count = 0;
    for (const session of this.sessions) if (session === this.main.open || session.holdCount === 0) count++;
    return count;
  }

  private get closed(): boolean {
    return this.closing.signal.aborted;
  }

  private async closeAll(): Promise<void> {
    await Promise.all([...this.sessions].map((session) => session.close()));
    await this.main.settled();
    await Promise.all([...this.sessions].map((session) => session.close()));
  }

  private async open(): Promise<LockSession> {
    const { signal } = this.closing;
    this.opening++;
    try {
      signal.throwIfAborted();
      const early = this.retryAt - monotonicMs();
      if (early > 0) await pause(early, signal);
      const session = await openLockSession(this.connector, this.options, signal);
      this.awaySince = undefined;
      this.hasConnected = true;
      return await this.admit(session);
    } catch (cause) {
      const error = this.hasConnected ? cause : firstFailure(cause);
      this.lastFailure = error;
      const now = monotonicMs();
      this.awaySince ??= now;
      this.retryAt = now + reconnectPauseMs(now - this.awaySince);
      throw error;
    } finally {
      this.opening--;
    }
  }

  private async admit(session: LockSession): Promise<LockSession> {
    if (this.closed) {
      await session.close();
      throw new LockSessionError('The lock sessions of this module were closed meanwhile.');
    }
    this.sessions.add(session);
    session.owner = this;
    this.main.pidsChanged();
    this.startTicking();
    return session;
  }

  /** Closes a session that is not needed. */
  private dismiss(session: LockSession): void {
    const isMain = session === this.main.open;
    this.remove(session);
    void session.close();
    if (!isMain) return;
    this.main.absent();
    this.main.ended(session, new LockSessionError('The lock session was closed, since it was not needed.'));
  }

  private remove(session: LockSession): void {
    this.sessions.delete(session);
    const index = this.idle.indexOf(session);
    if (index >= 0) this.idle.splice(index, 1);
    if (this.sessions.size === 0) this.stopTicking();
    this.main.pidsChanged();
  }

  private startTicking(): void {
    if (this.ticker !== undefined) return;
    wakingClock.notice();
    this.stalls.tick(monotonicMs(), cpuTimeMs());
    this.ticker = setInterval(() => this.tick(), this.tickMs).unref();
  }

  private stopTicking(): void {
    clearInterval(this.ticker);
    this.ticker = undefined;
    this.stalls.stop();
  }

  private isUnused(session: LockSession): boolean {
    if (session.isBusy || session.holdCount > 0) return false;
    if (session !== this.main.open) return this.idle.includes(session);
    return !this.main.isKept && this.sessions.size === 1;
  }

  private tick(): void {
    wakingClock.notice();
    this.onTick?.(); // what is asked there is a heartbeat as well
    const unusedSince = wakingClock.now() - IDLE_MS;
    for (const session of [...this.sessions]) {
      session.beat(this.options.heartbeatMs);
      if (this.isUnused(session) && session.lastUsedAt <= unusedSince) this.dismiss(session);
    }
    this.stalls.tick(monotonicMs(), cpuTimeMs());
  }
}
