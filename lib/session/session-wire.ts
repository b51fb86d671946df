import type { Client, QueryConfig, QueryResult } from 'pg';
import { LockSessionError } from '../errors/lock-session.error.js';
import { changeLease, HEARTBEAT } from '../sql/lock-session.js';
import type { Statement } from '../sql/statement.js';
import { endsSession, isAnswer } from '../vocabulary/sqlstate.js';
import { CommandQueue, type CommandSink } from './command-queue.js';
import { Lease } from './lease.js';
import type { CommandBatch, StatementCommand } from './lock-command.js';
import { hasPipeline, numbersRunner, speaksProtocol, type NumbersRunner } from './lock-query.js';
import { wakingClock } from '../vocabulary/waking-clock.js';
import type { TextRow } from './peer-port.js';
import type { PipelineDepth } from './pipeline-depth.js';
import { ServerLease, type LeaseChange } from './server-lease.js';
import { SilenceError } from './silence.error.js';
import { socketOf } from './socket.js';

/** What a connection for locks is opened with. @internal */
export interface SessionWireInit {
  readonly version: number;
  /** How long the server keeps the locks of a session that says nothing, in milliseconds. */
  readonly leaseMs: number;
  /** How long a lock is trusted without an answer: less than the lease. */
  readonly trustMs: number;
  /** How many statements may be under way at once, as far as the driver can. */
  readonly depth: PipelineDepth;
}

/** The session whose connection it is. @internal */
export interface WireOwner {
  /** How many keys it holds, tries under way included. */
  readonly holdCount: number;
  /** How many it is known to hold. */
  readonly lockCount: number;
  /** Why it is over, where it is. */
  readonly endedBy: Error | undefined;
  /**
   * @param refused the places, counted from 1 and with the releases first, of what the server refused; in order.
   * @param now on the waking clock.
   */
  onAnswered(batch: CommandBatch, refused: readonly number[], now: number): void;
  onFailed(batch: CommandBatch, error: unknown): void;
  /** The session is over: the server says so, or nothing is known of it any more. */
  onOver(error: Error): void;
}

/**
 * The connection of a lock session: sends what its {@link CommandQueue} has, one statement after the other or several at
 * once, and knows by each answer for how long the locks can be trusted.
 *
 * @internal
 */
export class SessionWire implements CommandSink {
  readonly commands: CommandQueue;
  private readonly lease: Lease;
  private readonly serverLease: ServerLease;
  private readonly leaseMs: number;
  private readonly runNumbers: NumbersRunner;
  private lastSentAt = wakingClock.now();
  private keepsProcess = false;
  private isReferenced = true;

  constructor(
    private readonly client: Client,
    private readonly owner: WireOwner,
    { version, leaseMs, trustMs, depth }: SessionWireInit,
  ) {
    this.leaseMs = leaseMs;
    this.runNumbers = numbersRunner(client);
    this.lease = new Lease(trustMs, wakingClock.now());
    const toggles = speaksProtocol(client) ? 'toggled' : 'always';
    this.serverLease = new ServerLease(version >= 140_000 ? toggles : 'never');
    this.commands = new CommandQueue(this, hasPipeline(client) ? depth : undefined);
  }

  /** Whether the server cannot have given the locks of this session to others. */
  get trusted(): boolean {
    return this.lease.isTrusted(wakingClock.now());
  }

  /** The same for as long from now on. */
  isTrustedFor(ms: number): boolean {
    return this.lease.isTrusted(wakingClock.now() + ms);
  }

  run(query: StatementCommand['query'], allowanceMs: number, isUrgent: boolean): Promise<QueryResult> {
    return new Promise((resolve, reject) => {
      this.commands.run({ query, allowanceMs, resolve, reject }, isUrgent);
      this.updateReference();
    });
  }

  /**
   * Runs a statement that waits for a lock, for as long as it takes; the server's lease begins with it.
   *
   * @param textOf makes the statement, with what it has to say of the lease.
   */
  async waitFor(textOf: (beginLease: string | undefined) => string): Promise<readonly TextRow[]> {
    let change: LeaseChange;
    let mark = 0;
    // A release that goes before it may end the server's lease.
    const query = () => {
      change = this.serverLease.forTries(wakingClock.now());
      ({ mark } = this.serverLease);
      return textOf(change && changeLease(this.leaseMs));
    };
    try {
      const result: unknown = await this.run(query, Infinity, false);
      this.serverLease.answered(change, mark);
      const results = (Array.isArray(result) ? result : [result]) as QueryResult<TextRow>[];
      return results[results.length - 1]?.rows ?? [];
    } catch (error) {
      this.serverLease.failed(change);
      throw error;
    }
  }

  /**
   * Says something to the server when nothing else was said for a while and something is held; gives the session up when
   * the lease is over.
   *
   * @param isQuiet whether nothing may be sent now.
   */
  beat(heartbeatMs: number, locksHeld: number, isQuiet: boolean): void {
    const now = wakingClock.now();
    const { first } = this.commands;
    const dueAt = first && this.lease.dueAt(first.sentAt, first.allowanceMs);
    if (this.lease.isExpired(now, locksHeld > 0, dueAt)) return this.owner.onOver(new SilenceError());
    if (isQuiet || this.commands.isBusy || now - this.lastSentAt < heartbeatMs) return;
    if (locksHeld > 0) return this.say(HEARTBEAT);
    if (!this.serverLease.mayEnd) return;
    this.say(this.serverLease.forIdling() === undefined ? HEARTBEAT : { text: changeLease(0) });
  }

  sendStatement({ query, allowanceMs, resolve, reject }: StatementCommand): void {
    const sentAt = this.sending(allowanceMs, 1);
    const sent = typeof query === 'function' ? query() : query;
    this.client.query(sent as QueryConfig, (error: Error | null, result: QueryResult) => {
      const now = wakingClock.now();
      const failure = this.failureOf(error, sentAt, allowanceMs, now);
      if (failure === undefined) resolve(result);
      else reject(failure.error);
      this.answered(now);
    });
  }

  sendBatch(batch: CommandBatch): void {
    const sentAt = this.sending(0, batch.size);
    const change = this.leaseChangeFor(batch, sentAt);
    const { mark } = this.serverLease;
    const answered = (error: Error | null, refused: readonly number[]): void => {
      const now = wakingClock.now();
      const failure = this.failureOf(error, sentAt, 0, now);
      if (failure === undefined) {
        this.serverLease.answered(change, mark);
        this.owner.onAnswered(batch, refused, now);
      } else {
        this.serverLease.failed(change);
        this.owner.onFailed(batch, failure.error);
      }
      this.answered(now);
    };
    const lease = change && { text: changeLease(change === 'begin' ? this.leaseMs : 0) };
    this.runNumbers(batch.statement, answered, lease);
  }

  /** Keeps the process alive also while nothing is held and nothing asked for. */
  keepProcess(keeps: boolean): void {
    this.keepsProcess = keeps;
    this.updateReference();
  }

  /** Only what is held or asked for keeps the process alive. */
  updateReference(): void {
    const isNeeded = this.keepsProcess || this.owner.holdCount > 0 || this.commands.isBusy;
    if (isNeeded === this.isReferenced) return;
    this.isReferenced = isNeeded;
    const socket = socketOf(this.client);
    if (isNeeded) socket?.ref();
    else socket?.unref();
  }

  private leaseChangeFor({ tries }: CommandBatch, now: number): LeaseChange {
    if (tries.length > 0) return this.serverLease.forTries(now);
    return this.owner.holdCount === 0 ? this.serverLease.forLastRelease(now) : undefined;
  }

  /** A statement for its own sake. */
  private say(query: Statement): void {
    this.run(query, 0, false).catch(() => undefined); // how it fails is seen by what follows
  }

  /** Notes that a statement is being sent; gives when. */
  private sending(allowanceMs: number, size: number): number {
    this.lastSentAt = wakingClock.now();
    this.commands.sent(this.lastSentAt, allowanceMs, size);
    return this.lastSentAt;
  }

  /** Reads an answer: why it does not count as one, or undefined where it does. */
  private failureOf(
    error: Error | null,
    sentAt: number,
    allowanceMs: number,
    now: number,
  ): { readonly error: unknown } | undefined {
    if (error && endsSession(error)) this.owner.onOver(error);
    // A statement that was cancelled, or waited for too long, is answered: the server has heard of the session as by any other.
    if (error && !isAnswer(error)) return { error: this.owner.endedBy ?? error };
    if (!this.confirm(sentAt, allowanceMs, now)) return { error: this.owner.endedBy };
    return error ? { error } : undefined;
  }

  /** The first statement under way was answered, and whoever asked for it was told. */
  private answered(now: number): void {
    this.commands.answered(now);
    this.updateReference();
  }

  /**
   * An answer that slept in a buffer for too long proves nothing, and ends the session. So does one that comes when locks could
   * not be trusted any more: code that looked meanwhile knows them as lost.
   */
  private confirm(sentAt: number, allowanceMs: number, now: number): boolean {
    if (this.owner.endedBy !== undefined) return false;
    const isLost = this.owner.lockCount > 0 && !this.lease.isTrusted(now);
    if (this.lease.answered(sentAt, allowanceMs, now) && !isLost) return true;
    const late = 'The answer of the server came later than the lease of the lock session allows.';
    this.owner.onOver(new LockSessionError(late));
    return false;
  }
}
