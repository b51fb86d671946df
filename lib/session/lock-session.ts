import type { Client, Notification, QueryResult } from 'pg';
import { LockSessionError } from '../errors/lock-session.error.js';
import { UNLOCK_ALL } from '../sql/advisory-lock.js';
import type { ServerFacts } from '../sql/lock-session.js';
import type { Statement } from '../sql/statement.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import { isolated } from '../vocabulary/listeners.js';
import { atMost } from './at-most.js';
import type { UnsentCommands } from './command-queue.js';
import { insistently } from './insistence.js';
import type { CommandBatch, TryOp } from './lock-command.js';
import { wakingClock } from '../vocabulary/waking-clock.js';
import type { TextRow } from './peer-port.js';
import { Recovery } from './recovery.js';
import { Roster } from './roster.js';
import { SessionLock } from './session-lock.js';
import type { SharedAnswer } from './shared-answer.js';
import { SessionWire, type SessionWireInit, type WireOwner } from './session-wire.js';
import { cutOff } from './socket.js';

/** For how long the end of a session waits for a server that may not answer any more. */
const FAREWELL_MS = 1_000;

/** The opener of the session. @internal */
export interface SessionOwner {
  /** Why it has really ended, where more is known than the error says. */
  explain(error: Error): Error;
  /** It has ended by itself, and is not used again. Called before anything else is told. */
  onEnded(session: LockSession, error: Error): void;
  /** All that it held are told. */
  onLost(session: LockSession, error: Error, locksLost: number): void;
}

/**
 * *open* until `close()`, or until the connection ends or the lease runs out unconfirmed. *reconciling* from when a batch
 * has failed until the session is known to hold what it should, when it is *open* again. *closing* from `close()` on, while
 * the server is told. *ended* for good: every lock on it is lost.
 */
type SessionState = 'open' | 'reconciling' | 'closing' | 'ended';

const MOVES: Readonly<Record<SessionState, readonly SessionState[]>> = {
  open: ['reconciling', 'closing', 'ended'],
  reconciling: ['open', 'closing', 'ended'],
  closing: ['ended'],
  ended: [],
};

/**
 * One session that holds advisory locks, or waits for one: a connection with its lease ({@link SessionWire}), a set of locks,
 * and a way back from a failed batch ({@link Recovery}).
 *
 * @internal
 */
export class LockSession implements WireOwner {
  owner: SessionOwner | undefined;
  /** Called with what arrives on a channel that the session listens to. */
  onNotification: ((notification: Notification) => void) | undefined;
  /** When something was last asked of it, heartbeats aside, on the waking clock. */
  lastUsedAt = wakingClock.now();
  readonly trustMs: number;

  private state: SessionState = 'open';
  private cause: Error | undefined;
  private readonly wire: SessionWire;
  private readonly locks = new Roster<SessionLock>();
  private tries = 0;
  private recovery: Recovery | undefined;

  constructor(
    private readonly client: Client,
    readonly facts: ServerFacts,
    init: Omit<SessionWireInit, 'version'>,
  ) {
    this.trustMs = init.trustMs;
    this.wire = new SessionWire(client, this, { ...init, version: facts.version });
    client.on('error', (error) => this.end(error));
    client.on('notification', (notification) => this.onNotification?.(notification));
    client.on('end', () => this.end(new LockSessionError('The connection of a lock session was closed.')));
    this.wire.updateReference();
  }

  get isOpen(): boolean {
    return this.state !== 'ended';
  }

  get endedBy(): Error | undefined {
    return this.cause;
  }

  get isBusy(): boolean {
    return this.wire.commands.isBusy;
  }

  /** How many keys it holds, tries under way included. */
  get holdCount(): number {
    return this.locks.size + this.tries;
  }

  /** How many keys it is known to hold. */
  get lockCount(): number {
    return this.locks.size;
  }

  /** Whether the server cannot have given the locks of this session to others. */
  get trusted(): boolean {
    return this.state !== 'ended' && this.wire.trusted;
  }

  /** Whether that has been so for long, so that the next heartbeat may come too late for what is held from now on. */
  get isStale(): boolean {
    return this.state === 'ended' || !this.wire.isTrustedFor(this.trustMs / 2);
  }

  owns(lock: SessionLock): boolean {
    return this.locks.has(lock);
  }

  /** Keeps the process alive also while it holds nothing and nothing is asked of it. */
  keepProcess(keeps: boolean): void {
    this.wire.keepProcess(keeps);
  }

  /** Tries once, fused with everything else of this turn. */
  tryLock(op: TryOp): SharedAnswer | undefined {
    const { refusal } = this;
    if (refusal !== undefined) {
      queueMicrotask(() => op.onError(refusal));
      return undefined;
    }
    const answer = this.wire.commands.try(op);
    if (this.tries++ === 0) this.wire.updateReference(); // else it is kept already
    return answer;
  }

  /** Sends what was asked of it in this turn, without waiting for more. */
  flush(): void {
    this.wire.commands.flush();
  }

  /** Releases the lock; resolves when the server has, and at once where it is gone already. */
  unlock(lock: SessionLock): Promise<void> {
    if (!this.owns(lock)) return Promise.resolve();
    this.locks.delete(lock);
    lock.listener = undefined;
    return this.wire.commands.release(lock);
  }

  /** Notes a lock that a statement of its own has acquired; undefined where the session has ended since. */
  adopt(key: LockKey, shared: boolean): SessionLock<LockSession> | undefined {
    const lock = this.add(key, shared);
    if (lock !== undefined) this.wire.updateReference(); // its statement is answered: only the lock keeps the process alive now
    return lock;
  }

  /** Runs one statement in its turn; its rows are as the server wrote them. */
  async run(query: Statement | string): Promise<QueryResult<TextRow>> {
    this.assertUsable();
    return (await this.wire.run(query, 0, false)) as QueryResult<TextRow>;
  }

  /** Runs one statement in its turn, and again as long as it is cancelled; gives its rows. */
  async read(query: Statement | string): Promise<readonly TextRow[]> {
    const { rows } = await insistently(() => this.run(query));
    return rows;
  }

  /** Runs a statement that waits for a lock, for as long as it takes: see {@link SessionWire.waitFor}. */
  async waitFor(textOf: (beginLease: string | undefined) => string): Promise<readonly TextRow[]> {
    this.assertUsable();
    return this.wire.waitFor(textOf);
  }

  /** Shows the server that it lives, when it is time; see {@link SessionWire.beat}. */
  beat(heartbeatMs: number): void {
    if (this.state !== 'ended') this.wire.beat(heartbeatMs, this.locks.size, this.state !== 'open');
  }

  /** Cuts the connection at once; everything on it is lost. */
  destroy(error: Error): void {
    this.end(error);
    cutOff(this.client);
  }

  /** Releases everything and says goodbye to the server; cuts the connection when that does not answer in time. */
  async close(): Promise<void> {
    if (this.state === 'ended' || this.state === 'closing') return;
    const hasLocks = this.holdCount > 0 || this.isBusy;
    this.to('closing');
    this.locks.clear();
    this.owner = undefined;
    const batches = this.wire.commands.takeBatches();
    await atMost(FAREWELL_MS, this.sayGoodbye(hasLocks));
    const closed = new LockSessionError('The lock session was closed.');
    this.destroy(closed);
    this.refuseAll({ statements: [], batches }, closed);
  }

  onAnswered(batch: CommandBatch, refused: readonly number[], now: number): void {
    const { releases, tries } = batch;
    this.lastUsedAt = now;
    batch.markReleased();
    let next = 0;
    while ((refused[next] ?? Infinity) <= releases.length) next++;
    let place = releases.length;
    for (const op of tries) {
      const isRefused = refused[next] === ++place;
      if (isRefused) next++;
      this.answerTry(op, isRefused);
    }
  }

  private answerTry(op: TryOp, isRefused: boolean): void {
    if (!isRefused && this.recovery !== undefined) return this.recovery.addGranted(op);
    this.tries--;
    if (isRefused) op.onUnavailable();
    else this.grant(op);
  }

  /** A batch has failed; what was under way behind it may fail, too, and is awaited first. */
  onFailed(batch: CommandBatch, error: unknown): void {
    if (this.state === 'ended') return this.refuse(batch, error);
    const running = this.recovery;
    const recovery = (this.recovery ??= new Recovery());
    recovery.addFailed(batch, error);
    if (running !== undefined) return;
    if (this.state === 'open') this.to('reconciling');
    this.wire.commands.holdBack();
    void this.reconcile(recovery);
  }

  onOver(error: Error): void {
    this.destroy(error);
  }

  /** Why nothing can be asked of it any more. */
  private get refusal(): Error | undefined {
    if (this.state === 'closing') return new LockSessionError('The lock session is being closed.');
    return this.cause;
  }

  private assertUsable(): void {
    const { refusal } = this;
    if (refusal !== undefined) throw refusal;
    this.lastUsedAt = wakingClock.now();
  }

  private add(key: LockKey, shared: boolean): SessionLock<LockSession> | undefined {
    if (this.state === 'ended') return undefined;
    const lock = new SessionLock<LockSession>(this, key, shared);
    this.locks.add(lock);
    return lock;
  }

  private grant(op: TryOp): void {
    const lock = this.add(op.key, op.shared);
    if (lock === undefined) op.onError(this.cause);
    else op.onAcquired(lock);
  }

  private async reconcile(recovery: Recovery): Promise<void> {
    try {
      await recovery.releaseStrays(
        async (query) => (await this.wire.run(query, 0, true)).rows as TextRow[],
        (key, shared) => [...this.locks].some((lock) => lock.shared === shared && lock.key.equals(key)),
      );
    } catch (cause) {
      const message = 'A lock session could not be brought back to a known state.';
      this.destroy(new LockSessionError(message, { cause }));
    }
    this.recovery = undefined;
    if (this.state === 'reconciling') this.to('open');
    if (this.cause === undefined) this.wire.commands.goOn(recovery.again);
    else for (const op of recovery.again) this.refuseTry(op, this.cause);
    recovery.report((batch, error) => this.refuse(batch, error));
    this.wire.updateReference();
  }

  private refuseAll({ statements, batches }: UnsentCommands, error: Error): void {
    for (const command of statements) command.reject(error);
    for (const batch of batches) this.refuse(batch, error);
  }

  private refuse(batch: CommandBatch, error: unknown): void {
    batch.markReleased();
    for (const op of batch.tries) this.refuseTry(op, error);
  }

  private refuseTry(op: TryOp, error: unknown): void {
    this.tries--;
    op.onError(error);
  }

  private async sayGoodbye(hasLocks: boolean): Promise<void> {
    // Behind all statements that it was asked for before.
    if (hasLocks) await this.wire.run(UNLOCK_ALL, 0, false).catch(nothing);
    await this.client.end().catch(nothing);
  }

  private to(state: SessionState): void {
    if (!MOVES[this.state].includes(state))
      throw new Error(`A lock session that is ${this.state} cannot be ${state}.`);
    this.state = state;
  }

  /** Holders are told first of all, and before the server hears of it: it frees the locks as soon as it does. */
  private end(error: Error): void {
    if (this.state === 'ended') return;
    this.to('ended');
    const cause = (this.cause = this.owner?.explain(error) ?? error);
    this.owner?.onEnded(this, cause);
    const lost = this.locks.clear();
    for (const lock of lost) isolated(() => lock.listener?.onKeyLost(lock, cause));
    this.refuseAll(this.wire.commands.takeAll(), cause);
    this.owner?.onLost(this, cause, lost.length);
    this.client.end().catch(nothing);
  }
}

function nothing(): void {}
