import type { LockId } from '../vocabulary/lock-id.js';
import { monotonicMs, TIMER_MAX_MS } from '../session/monotonic.js';
import type { PidScope } from '../session/flow-pids.js';
import { DeadlockError } from '../errors/deadlock.error.js';
import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { printable } from '../vocabulary/printable.js';
import type { Grant } from './grant.js';
import type { QueueNode, RequestNode } from './lock-graph.js';
import type { LockFlow } from './lock-flow.js';

/** What one flow asks of one key. @internal */
export interface LockRequestInit {
  readonly id: LockId;
  readonly shared: boolean;
  /** Whether the process keeps the key once this request was granted. */
  readonly sticky: boolean;
  /** Milliseconds; 0 tries once, `null` waits for ever, left out follows the server's `lock_timeout`. */
  readonly timeoutMs: number | null | undefined;
  readonly signal: AbortSignal | undefined;
  readonly flow: LockFlow | undefined;
  readonly pids: PidScope | undefined;
}

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
export class LockRequest implements RequestNode {
  readonly startedAt = monotonicMs();
  /** When to give up, on the monotonic clock; `null` for never, or not known yet. */
  deadline: number | null = null;
  /** Whether it was told once already that it has to wait. */
  contended = false;
  /** The queue that it stands in, which it leaves when time is up, or the caller's signal aborts. */
  waitsIn: RequestQueue | undefined;

  private timer: NodeJS.Timeout | undefined;
  private readonly abort: (() => void) | undefined;

  constructor(
    readonly init: LockRequestInit,
    private readonly resolve: (grant: Grant) => void,
    private readonly rejectWith: (error: unknown) => void,
  ) {
    const { signal, timeoutMs } = init;
    if (typeof timeoutMs === 'number' && timeoutMs > 0) this.expireIn(timeoutMs);
    if (signal === undefined) return;
    this.abort = () => void this.waitsIn?.leave(this, signal.reason);
    signal.addEventListener('abort', this.abort, { once: true });
  }

  /** What the asking flow holds meanwhile. */
  get flowHolds(): Iterable<Grant> {
    return this.init.flow?.all() ?? [];
  }

  get shared(): boolean {
    return this.init.shared;
  }

  /** Whether it tries once, and never waits. */
  get once(): boolean {
    return this.init.timeoutMs === 0;
  }

  get expired(): boolean {
    return this.deadline !== null && monotonicMs() >= this.deadline;
  }

  /** Gives up after so many milliseconds from the start of the request. */
  expireIn(timeoutMs: number): void {
    this.deadline = this.startedAt + timeoutMs;
    const left = Math.max(0, this.deadline - monotonicMs());
    this.timer = setTimeout(
      () => {
        if (this.expired) void this.waitsIn?.leave(this, this.contention(this.contended));
        else this.expireIn(timeoutMs);
      },
      Math.min(Math.ceil(left), TIMER_MAX_MS),
    );
  }

  grant(grant: Grant): void {
    this.settle();
    this.resolve(grant);
  }

  reject(error: unknown): void {
    this.settle();
    this.rejectWith(error);
  }

  /** The error that says that somebody else has it, or that nobody has told. */
  contention(isHeld = true): LockNotAvailableError {
    const { id } = this.init;
    const why = isHeld ? 'is held by somebody else' : 'was not had, for the server has not answered';
    const waited = this.once ? 0 : Math.round(monotonicMs() - this.startedAt);
    const how = this.once ? 'it was tried once' : `it was waited for ${waited} ms`;
    return new LockNotAvailableError(
      `Advisory lock ${printable(id)} ${why}; ${how}. Wait longer (\`timeout\`), skip (\`onContention\`), or try later.`,
      { id, waited },
    );
  }

  /** The error that says that waiting could never end. */
  deadlock(): DeadlockError {
    return new DeadlockError(
      `Waiting for advisory lock ${printable(this.init.id)} could never end: who holds it waits for a lock that this flow holds. ` +
        'Take locks in one order everywhere, or ask for all of them in one call.',
    );
  }

  private settle(): void {
    clearTimeout(this.timer);
    if (this.abort !== undefined) this.init.signal?.removeEventListener('abort', this.abort);
    if (this.contended) for (const grant of this.flowHolds) grant.waiting?.delete(this);
  }

  /** Notes that the request has to wait, where those who look for deadlocks find it. */
  markContended(): void {
    if (this.contended) return;
    this.contended = true;
    for (const grant of this.flowHolds) (grant.waiting ??= new Set()).add(this);
  }
}

/** When the last of several requests gives up; `null` when one of them never does. @internal */
export function lastDeadline(requests: readonly LockRequest[]): number | null {
  let last = 0;
  for (const { deadline } of requests) {
    if (deadline === null) return null;
    last = Math.max(last, deadline);
  }
  return last;
}

/** Counts a backend into the prioritized flows of all requests, until the function that it returns is called. @internal */
export function enterAll(requests: readonly LockRequest[], pid: number): () => void {
  const leaves = requests.map(({ init }) => init.pids?.enter(pid));
  return () => {
    for (const leave of leaves) leave?.();
  };
}
