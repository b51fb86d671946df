import { DeadlockError } from '../errors/deadlock.error.js';
import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import type { PidScope } from '../session/flow-pids.js';
import type { SharedAnswer } from '../session/shared-answer.js';
import { monotonicMs, TIMER_MAX_MS } from '../vocabulary/monotonic.js';
import type { LockId } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import { onAbort, type StopListening, type WaitSignal } from '../vocabulary/wait-abort.js';
import type { Asked } from './asked.js';
import type { LockContext } from './lock-context.js';
import type { QueueNode, RequestNode } from './lock-graph.js';
import type { LockReference } from './lock-reference.js';
import type { SelfWaiting } from './self-waits.js';

/** What one call of a flow asks for, of one key or of several. @internal */
export interface LockCall {
  readonly options: {
    readonly shared: boolean;
    /** Whether the process keeps the key once it was granted. */
    readonly sticky: boolean;
    readonly signal?: WaitSignal | undefined;
  };
  /** Milliseconds from `startedAt`; 0 tries once, `null` has no limit, left out follows the server's `lock_timeout`. */
  readonly timeoutMs: number | null | undefined;
  /** On the monotonic clock. */
  readonly startedAt: number;
  readonly context: LockContext | undefined;
  readonly pids: PidScope | undefined;
}

const NONE: readonly LockReference[] = Object.freeze([]);

/** Why a request was not granted. */
class Refusal {
  constructor(readonly error: unknown) {}
}

type LockOutcome = LockReference | Refusal;

/** Where a request stands. @internal */
export interface RequestQueue extends QueueNode {
  /** A request gives up; nothing happens where it does not stand here any more. */
  leave(request: LockRequest, error: unknown): Promise<void>;
}

/**
 * One request for one key, from when it is asked until it is *granted*, *refused* (not in time) or *given up* (aborted,
 * deadlocked, failed).
 *
 * @internal
 */
export class LockRequest implements Asked, RequestNode, SelfWaiting {
  /** Its neighbours in the queue; kept by `RequestList`. */
  before: LockRequest | undefined;
  after: LockRequest | undefined;
  /** When to give up, on the monotonic clock; `null` for never, or not known yet. */
  deadline: number | null = null;
  /** Under which number peers know that it waits; 0 for none. */
  told = 0;
  /** Whether it was told once already that it has to wait. */
  contended = false;
  /** The lock of its own flow that it stands behind. */
  selfHeld: LockReference | undefined;
  /** The queue that it stands in, which it leaves when time is up, or the caller's signal aborts. */
  waitsIn: RequestQueue | undefined;
  /** Called once, when it was granted or refused. */
  onSettled: (() => void) | undefined;
  /** Where it was made, where its flow holds the key already. */
  trace: { readonly stack: string } | undefined;

  /** Of the first try: one answer of the server tells this request and others. */
  private answer: SharedAnswer | undefined;
  private outcome: LockOutcome | undefined;
  private onOutcome: ((outcome: LockOutcome) => void) | undefined;
  /** Where it noted that it waits. */
  private stands = NONE;
  private timer: NodeJS.Timeout | undefined;
  private readonly stopListening: StopListening | undefined;

  /** @param isOneOfSeveral of several keys none is kept before all are held. */
  constructor(
    readonly id: LockId,
    readonly call: LockCall,
    readonly isOneOfSeveral = false,
  ) {
    const { timeoutMs, options } = call;
    const { signal } = options;
    if (typeof timeoutMs === 'number' && timeoutMs > 0) this.expireIn(timeoutMs);
    if (signal !== undefined)
      this.stopListening = onAbort(signal, () => void this.waitsIn?.leave(this, signal.reason));
  }

  /** What the asking flow holds in the meantime. */
  get flowHolds(): Iterable<LockReference> {
    return this.call.context?.all() ?? [];
  }

  get behindItself(): boolean {
    return this.selfHeld?.isHeld === true;
  }

  get context(): LockContext | undefined {
    return this.call.context;
  }

  get hasLimit(): boolean {
    return this.deadline !== null;
  }

  /** When it began, on the monotonic clock. */
  get startedAt(): number {
    return this.call.startedAt;
  }

  get shared(): boolean {
    return this.call.options.shared;
  }

  /** Whether it tries once, and never waits. */
  get once(): boolean {
    return this.call.timeoutMs === 0;
  }

  get expired(): boolean {
    return this.deadline !== null && monotonicMs() >= this.deadline;
  }

  /** Gives up after so many milliseconds from the start of the request. */
  expireIn(timeoutMs: number): void {
    if (this.outcome !== undefined) return;
    this.deadline = this.call.startedAt + timeoutMs;
    const left = Math.max(0, this.deadline - monotonicMs());
    this.timer = setTimeout(
      () => {
        if (this.expired) void this.waitsIn?.leave(this, this.contention(this.contended));
        else this.expireIn(timeoutMs);
      },
      Math.min(Math.ceil(left), TIMER_MAX_MS),
    );
  }

  giveUp(error: Error): void {
    void this.waitsIn?.leave(this, error);
  }

  /** A try is under way. Only the first counts, since that is what the caller awaits. */
  isTried(answer: SharedAnswer | undefined): void {
    this.answer ??= answer;
  }

  get answered(): Promise<void> | undefined {
    return this.answer?.arrived;
  }

  taken(): readonly [LockReference] | undefined {
    const { outcome } = this;
    if (outcome instanceof Refusal) throw outcome.error;
    return outcome && [outcome];
  }

  settled(): Promise<readonly [LockReference]> {
    return new Promise((resolve, reject) => {
      this.onOutcome = (outcome) => (outcome instanceof Refusal ? reject(outcome.error) : resolve([outcome]));
      if (this.outcome !== undefined) this.onOutcome(this.outcome);
    });
  }

  grant(reference: LockReference): void {
    this.settle(reference);
  }

  reject(error: unknown): void {
    this.settle(new Refusal(error));
  }

  /** The error that says that another holder has it, or that the server has not answered. */
  contention(isHeld = true): LockNotAvailableError {
    const { id } = this;
    const waited = this.once ? 0 : Math.round(monotonicMs() - this.startedAt);
    const within = this.once ? 'at once' : `within ${waited} ms`;
    const why = isHeld ? 'held by another session or flow' : 'no answer from the server';
    return new LockNotAvailableError(
      `Could not acquire advisory lock ${printable(id)} ${within}: ${why}. ` +
        "Increase `timeout`, set `onContention: 'skip'`, or retry.",
      { id, waited },
    );
  }

  /** The error that says that waiting could never end. */
  deadlock(): DeadlockError {
    return new DeadlockError(
      `Waiting for advisory lock ${printable(this.id)} could never end: its holder waits for a lock that this flow holds. ` +
        'Take locks in the same order everywhere, or request all of them in one call.',
    );
  }

  /** Ends the wait, which stands in a cycle with flows of other processes. */
  refuse(): void {
    void this.waitsIn?.leave(this, this.deadlock());
  }

  /** Notes that the request has to wait, where those who look for deadlocks find it. */
  markContended(): void {
    if (this.contended) return;
    this.contended = true;
    this.stands = [...this.flowHolds];
    for (const reference of this.stands) (reference.waiting ??= new Set()).add(this);
  }

  /** It waits no longer, or goes on to wait in another queue. */
  unmarkContended(): void {
    if (!this.contended) return;
    this.contended = false;
    this.selfHeld = undefined;
    for (const reference of this.stands) reference.waiting?.delete(this);
    this.stands = NONE;
  }

  private settle(outcome: LockOutcome): void {
    this.outcome = outcome;
    clearTimeout(this.timer);
    this.stopListening?.();
    this.unmarkContended();
    this.onSettled?.();
    this.answer?.arrive();
    this.onOutcome?.(outcome);
  }
}

/** When the last of several requests gives up; `null` when one of them never does. @internal */
export function lastDeadline(requests: Iterable<LockRequest>): number | null {
  let last = 0;
  for (const { deadline } of requests) {
    if (deadline === null) return null;
    last = Math.max(last, deadline);
  }
  return last;
}

/** Counts a backend into the prioritized flows of all requests, until the function that it returns is called. @internal */
export function enterAll(requests: Iterable<LockRequest>, pid: number): () => void {
  const leaves = Array.from(requests, ({ call }) => call.pids?.enter(pid));
  return () => {
    for (const leave of leaves) leave?.();
  };
}
