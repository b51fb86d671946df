import { LockSessionError } from '../errors/lock-session.error.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import type { Connector } from './connector.js';
import type { LockSession } from './lock-session.js';
import { MainSession } from './main-session.js';
import { monotonicMs } from './monotonic.js';
import { openLockSession } from './open-lock-session.js';
import type { ResolvedSessionsOptions } from './session-options.js';

const IDLE_MS = 60_000;
const BACK_OFF_MS = { first: 50, most: 1_000 };

/** A place in the line for a session that may wait. @internal */
export class SessionTicket {
  /** The session, once it is this ticket's turn; whoever takes it gives it back. */
  session: LockSession | undefined;

  /** @param wake called when the ticket has got a session. */
  constructor(readonly wake: () => void) {}

  isReady(): boolean {
    return this.session !== undefined;
  }
}

/**
 * The few lock connections of one process to one database: the *main* one, on which all tries are made, and others that
 * wait in the server's queue, each for one key. A session that waits holds nothing else; one that got its lock holds it
 * until it is released, and waits again only then. None is opened before it is needed, and idle ones are closed.
 *
 * @internal
 */
export class SessionPool {
  /** Called again and again while any session is open. */
  onTick: (() => void) | undefined;

  /** The main session, and what others need of it. */
  readonly main = new MainSession({
    pids: () => this.pids,
    leaseMs: () => this.options.leaseMs,
    open: () => this.open(),
    isClosed: () => this.closed,
  });

  private readonly sessions = new Set<LockSession>();
  private readonly idle: LockSession[] = [];
  private readonly line: SessionTicket[] = [];
  private opening = 0;
  private failures = 0;
  private retryAt = 0;
  private ticker: NodeJS.Timeout | undefined;
  private readonly closing = new AbortController();

  constructor(
    private readonly connector: Connector,
    private readonly options: ResolvedSessionsOptions,
    private readonly emit: EventSink,
  ) {}

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

  /** A session that may wait: idle or new; `undefined` when the bound is reached, or no further one can be had. */
  async takeWaiter(): Promise<LockSession | undefined> {
    const session = this.idle.pop();
    if (session !== undefined) return session;
    return this.mayOpen() ? this.open().catch(() => undefined) : undefined;
  }

  /** Whether one more session may be opened now: below the bound, and not right after opening one has failed. */
  mayOpen(): boolean {
    const reserved = this.main.open === undefined ? 1 : 0;
    return this.sessions.size + this.opening + reserved < this.options.max && monotonicMs() >= this.retryAt;
  }

  /** Gives back what `takeWaiter` or a ticket gave: to the next in line, or to rest. */
  giveBack(session: LockSession): void {
    if (!session.isOpen || this.closed) return;
    const next = this.line.shift();
    if (next === undefined) this.idle.push(session);
    else {
      next.session = session;
      next.wake();
    }
  }

  /** Stands in line for a session; `wake` is called when the ticket has one. */
  lineUp(wake: () => void): SessionTicket {
    const ticket = new SessionTicket(wake);
    this.line.push(ticket);
    return ticket;
  }

  /** Takes the session that a ticket has got. */
  redeem(ticket: SessionTicket): LockSession | undefined {
    const { session } = ticket;
    ticket.session = undefined;
    return session;
  }

  /** Leaves the line, and gives back what came meanwhile. */
  leave(ticket: SessionTicket): void {
    const index = this.line.indexOf(ticket);
    if (index >= 0) this.line.splice(index, 1);
    if (ticket.session !== undefined) this.giveBack(ticket.session);
    ticket.session = undefined;
  }

  /** Opens no more connections, and gives up those that are being opened. */
  stopOpening(): void {
    this.closing.abort(new LockSessionError('The lock sessions of this module are being closed.'));
  }

  /** Lets go of everything and closes every connection, also one that is being opened. */
  async close(): Promise<void> {
    this.stopOpening();
    clearInterval(this.ticker);
    await Promise.all([...this.sessions].map((session) => session.close()));
    await this.main.settled();
    await Promise.all([...this.sessions].map((session) => session.close()));
    this.sessions.clear();
  }

  private get closed(): boolean {
    return this.closing.signal.aborted;
  }

  private async open(): Promise<LockSession> {
    const { signal } = this.closing;
    this.opening++;
    try {
      signal.throwIfAborted();
      const early = this.retryAt - monotonicMs();
      if (early > 0) await pause(early, signal);
      const session = await openLockSession(this.connector, this.options, signal);
      this.failures = 0;
      return await this.admit(session);
    } catch (error) {
      this.retryAt = monotonicMs() + Math.min(BACK_OFF_MS.first * 2 ** this.failures++, BACK_OFF_MS.most);
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
    this.main.pidsChanged();
    session.onEnded = (error, locksLost) => {
      this.forget(session, error);
      this.emit({ type: 'sessionEnded', pid: session.facts.pid, locksLost, error });
    };
    if (this.ticker === undefined) {
      this.ticker = setInterval(
        () => this.tick(),
        Math.min(this.options.heartbeatMs, this.options.leaseMs / 10),
      );
      this.ticker.unref();
    }
    return session;
  }

  private forget(session: LockSession, error: Error): void {
    this.sessions.delete(session);
    const index = this.idle.indexOf(session);
    if (index >= 0) this.idle.splice(index, 1);
    if (this.sessions.size === 0) {
      clearInterval(this.ticker);
      this.ticker = undefined;
    }
    if (this.main.open === session) this.main.forget(error);
    this.main.pidsChanged();
  }

  private isUnused(session: LockSession): boolean {
    if (session.isBusy || session.holdCount > 0) return false;
    if (session !== this.main.open) return this.idle.includes(session);
    return !this.main.isKept && this.sessions.size === 1;
  }

  private tick(): void {
    const rest = monotonicMs() - IDLE_MS;
    for (const session of this.sessions) {
      session.beat(this.options.heartbeatMs);
      if (!this.isUnused(session) || session.lastUsedAt > rest) continue;
      this.forget(session, new LockSessionError('The lock session was closed, since it was not needed.'));
      void session.close();
    }
    this.onTick?.();
  }
}

/** Resolves after so many milliseconds, or at once when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
