import type { Client, Notification, QueryConfig, QueryResult } from 'pg';
import { LockSessionError } from '../errors/lock-session.error.js';
import { OWN_LOCKS, singleLockOp, UNLOCK_ALL, unlockCode } from '../sql/advisory-lock.js';
import { HEARTBEAT, type ServerFacts } from '../sql/lock-session.js';
import type { Statement } from '../sql/statement.js';
import { LockKey } from '../vocabulary/lock-id.js';
import { endsSession, isCancelled } from '../vocabulary/sqlstate.js';
import { LockBatches, type LockOps, type TryOp } from './lock-op.js';
import { queryNumbers } from './lock-query.js';
import type { HeldKey } from './lock-store.js';
import { cutOff } from './connector.js';
import { monotonicMs } from './monotonic.js';
import type { TextRow } from './peer-port.js';
import { Roster } from './roster.js';
import { SessionLock } from './session-lock.js';
import { AS_TEXT } from './text-types.js';

/** For how long the end of a session waits for a server that may not answer any more. */
const FAREWELL_MS = 1_000;
/** How often a statement is sent that somebody cancels whom nobody here has asked to. */
export const SENT_AT_MOST = 20;

interface Job {
  /** How long the statement may take by itself, in milliseconds. */
  readonly allowanceMs: number;
  readonly query: Statement | string;
  readonly resolve: (result: QueryResult) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One connection that holds session-level advisory locks, or waits for one.
 *
 * Its statements go one after the other; tries and releases asked for meanwhile are fused into the next statement. It is
 * *open* until `close()`, or until the connection ends or its lease runs out unconfirmed: then it is *ended*, every hold
 * on it is lost, and it is never used again.
 *
 * @internal
 */
export class LockSession {
  /** Called once when the session has ended by itself. */
  onEnded: ((error: Error, locksLost: number) => void) | undefined;
  /** Called with what arrives on a channel that the session listens to. */
  onNotification: ((notification: Notification) => void) | undefined;
  /** When somebody last asked for something, heartbeats aside, on the monotonic clock. */
  lastUsedAt = monotonicMs();

  private readonly holds = new Roster<SessionLock>();
  private readonly jobs: Job[] = [];
  private readonly batches = new LockBatches();
  private tries = 0;
  private busy = false;
  private scheduled = false;
  private reconciling = false;
  private ended: Error | undefined;
  private lastSentAt = monotonicMs();
  private trustedUntil: number;
  private answerDueAt = Infinity;

  constructor(
    private readonly client: Client,
    readonly facts: ServerFacts,
    readonly trustMs: number,
  ) {
    this.trustedUntil = monotonicMs() + trustMs;
    client.on('error', (error) => this.end(error));
    client.on('notification', (notification) => this.onNotification?.(notification));
    client.on('end', () => this.end(new LockSessionError('The connection of a lock session was closed.')));
  }

  get isOpen(): boolean {
    return this.ended === undefined;
  }

  /** Why it has ended, where it has. */
  get endedBy(): Error | undefined {
    return this.ended;
  }

  get isBusy(): boolean {
    return this.busy || !this.batches.isEmpty || this.jobs.length > 0;
  }

  /** How many keys it holds, tries under way included. */
  get holdCount(): number {
    return this.holds.size + this.tries;
  }

  /** Whether the server cannot have given our locks to others: anchored where the last answered statement was *sent*. */
  get trusted(): boolean {
    return this.ended === undefined && monotonicMs() < this.trustedUntil;
  }

  owns(hold: SessionLock): boolean {
    return this.holds.has(hold);
  }

  /** Tries once, fused with everything else of this turn. */
  tryLock(op: TryOp): void {
    if (this.ended !== undefined) return op.onError(this.ended);
    this.tries++;
    this.batches.last.tries.push(op);
    this.scheduleOps();
  }

  /** Lets go; quiet when the hold is gone already. */
  unlock(hold: SessionLock): Promise<void> {
    if (!this.owns(hold)) return Promise.resolve();
    this.holds.delete(hold);
    hold.listener = undefined;
    const batch = this.batches.last;
    batch.releases.push(hold);
    this.scheduleOps();
    return batch.released;
  }

  /** Notes a lock that a statement of its own has taken. */
  adopt(key: LockKey, shared: boolean): HeldKey {
    const hold = new SessionLock(this, key, shared);
    this.holds.add(hold);
    return hold;
  }

  /** Runs one statement in its turn; `allowanceMs` is how long it may take by itself. */
  run(query: Statement | string, allowanceMs = 0): Promise<QueryResult> {
    return new Promise((resolve, reject) => {
      if (this.ended !== undefined) return reject(this.ended);
      this.lastUsedAt = monotonicMs();
      this.jobs.push({ query, allowanceMs, resolve, reject });
      this.schedule();
    });
  }

  /** Runs one statement in its turn; its rows are as the server wrote them. */
  async readText({ text, values }: Statement): Promise<readonly TextRow[]> {
    const query: QueryConfig = { text, types: AS_TEXT, ...(values && { values: [...values] }) };
    const { rows } = await this.run(query as Statement);
    return rows as TextRow[];
  }

  /** Runs one statement in its turn, and again as long as somebody cancels it. */
  async insist(query: Statement | string): Promise<QueryResult> {
    for (let sent = 1; ; sent++) {
      try {
        return await this.run(query);
      } catch (error) {
        if (!isCancelled(error) || sent === SENT_AT_MOST) throw error;
      }
    }
  }

  /**
   * A statement for its own sake, when nothing else was said for a while; ends the session when the lease is over. What it
   * holds counts from the last answer, whatever was asked since: the server may have heard nothing of it.
   */
  beat(heartbeatMs: number): void {
    if (this.ended !== undefined) return;
    const now = monotonicMs();
    if (now >= (this.holds.size > 0 ? this.trustedUntil : this.busy ? this.answerDueAt : Infinity))
      return this.destroy(
        new LockSessionError('The server did not answer within the lease of the lock session.'),
      );
    if (!this.isBusy && now - this.lastSentAt >= heartbeatMs) this.send(HEARTBEAT, 0, nothing, nothing);
  }

  /** Cuts the connection at once; everything on it is lost. */
  destroy(error: Error): void {
    this.end(error);
    cutOff(this.client);
  }

  /** Lets go of everything and says goodbye to the server; cuts the connection when that does not answer in time. */
  async close(): Promise<void> {
    if (this.ended !== undefined) return;
    const impatience = setTimeout(
      () => this.destroy(new LockSessionError('The server did not answer when the lock session was closed.')),
      FAREWELL_MS,
    );
    const farewell = this.holds.size > 0 || this.isBusy ? this.run(UNLOCK_ALL) : Promise.resolve();
    this.holds.clear();
    await farewell.catch(() => undefined);
    this.onEnded = undefined;
    const gone = this.client.end();
    this.end(new LockSessionError('The lock session was closed.'));
    await gone.catch(() => undefined);
    clearTimeout(impatience);
  }

  private scheduleOps(): void {
    if (this.busy || this.scheduled) return;
    this.lastUsedAt = monotonicMs();
    this.schedule();
  }

  /** Everything asked for until the end of this turn goes into one statement. */
  private schedule(): void {
    if (this.busy || this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.pump();
    });
  }

  private pump(): void {
    if (this.busy || this.ended !== undefined) return;
    const job = this.jobs.shift();
    if (job !== undefined) return this.send(job.query, job.allowanceMs, job.resolve, job.reject);
    const batch = this.reconciling ? undefined : this.batches.takeFirst();
    if (batch !== undefined) this.sendBatch(batch);
  }

  private sendBatch(ops: LockOps): void {
    const answered = this.sending(
      0,
      (refused: readonly number[]) => this.settle(ops, refused),
      (error) => void this.reconcile(ops, error),
    );
    queryNumbers(this.client, ops.statement, answered);
  }

  private send(
    query: Statement | string,
    allowanceMs: number,
    done: (result: QueryResult) => void,
    fail: (error: unknown) => void,
  ): void {
    const answered = this.sending(allowanceMs, done, fail);
    this.client.query(query as QueryConfig, answered as (error: Error, result: QueryResult) => void);
  }

  /** Notes that a statement is being sent; what it returns is to be called with the answer. */
  private sending<Result>(
    allowanceMs: number,
    done: (result: Result) => void,
    fail: (error: unknown) => void,
  ): (error: Error | null, result: Result) => void {
    this.busy = true;
    const sentAt = (this.lastSentAt = monotonicMs());
    this.answerDueAt = sentAt + allowanceMs + this.trustMs;
    return (error, result) => {
      if (error && endsSession(error)) this.end(error);
      if (error) fail(error);
      else if (this.confirm(sentAt, allowanceMs)) done(result);
      else fail(this.ended);
      this.busy = false;
      if (this.isBusy) this.schedule();
    };
  }

  /** An answer proves the lease from when its question was sent; one that slept in a buffer for too long proves nothing. */
  private confirm(sentAt: number, allowanceMs: number): boolean {
    if (this.ended !== undefined) return false;
    this.trustedUntil = sentAt + this.trustMs;
    if (allowanceMs > 0 || monotonicMs() < this.trustedUntil) return true;
    this.destroy(
      new LockSessionError('The answer of the server came later than the lease of the lock session allows.'),
    );
    return false;
  }

  /** @param refused the places, counted from 1 and with the releases first, of what the server refused; in order. */
  private settle(ops: LockOps, refused: readonly number[]): void {
    const { releases, tries } = ops;
    ops.markReleased();
    this.tries -= tries.length;
    let next = 0;
    while ((refused[next] ?? Infinity) <= releases.length) next++;
    tries.forEach((op, index) => {
      const isRefused = refused[next] === releases.length + index + 1;
      if (!isRefused) return op.onAcquired(this.adopt(op.key, op.shared));
      next++;
      op.onUnavailable();
    });
  }

  /**
   * A failed batch may have done some of its operations all the same. Looks at what the session really holds, lets go of
   * what nobody was given, and only then reports the error; cuts the connection when it cannot be known.
   */
  private async reconcile(ops: LockOps, error: unknown): Promise<void> {
    this.reconciling = true;
    try {
      if (this.ended === undefined) await this.releaseStrays(ops);
    } catch (cause) {
      this.destroy(
        new LockSessionError('A lock session could not be brought back to a known state.', { cause }),
      );
    }
    this.reconciling = false;
    if (this.isBusy) this.schedule();
    this.refuse(ops, error);
  }

  private refuse(ops: LockOps, error: unknown): void {
    this.tries -= ops.tries.length;
    ops.markReleased();
    for (const op of ops.tries) op.onError(error);
  }

  private async releaseStrays({ releases, tries }: LockOps): Promise<void> {
    const touched = new Set([...releases, ...tries].map((op) => op.key.text));
    const { rows } = await this.insist(OWN_LOCKS);
    const held = new Set(Array.from(this.holds, (hold) => hold.key.text));
    for (const row of rows as { classId: string; objId: string; objSubId: 1 | 2; shared: boolean }[]) {
      const key = LockKey.ofAdvisoryKey({
        classId: Number(row.classId),
        objId: Number(row.objId),
        objSubId: row.objSubId,
      });
      if (!touched.has(key.text) || held.has(key.text)) continue;
      await this.insist(singleLockOp({ key, code: unlockCode(key, row.shared) }));
    }
  }

  private end(error: Error): void {
    if (this.ended !== undefined) return;
    this.ended = error;
    for (const job of this.jobs.splice(0)) job.reject(error);
    for (const ops of this.batches.takeAll()) this.refuse(ops, error);
    const lost = this.holds.clear();
    this.onEnded?.(error, lost.length);
    for (const hold of lost) hold.listener?.onKeyLost(hold, error);
    // Last: the server frees the locks as soon as it hears of it, and their holders are to know before.
    this.client.end().catch(() => undefined);
  }
}

function nothing(): void {}
