import { DeadlockError } from '../errors/deadlock.error.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import type { LockId } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import { placesIn, trace, type CallPlaces } from './call-places.js';
import type { LockContext } from './lock-context.js';
import type { LockReference } from './lock-reference.js';

/** A wait that stands behind a lock of its own flow. @internal */
export interface SelfWaiting {
  readonly id: LockId | readonly LockId[];
  readonly context: LockContext | undefined;
  /** The lock that it stands behind. */
  readonly selfHeld: LockReference | undefined;
  /** Whether it ends by itself, in time. */
  readonly hasLimit: boolean;
  /** Where the lock is asked for. */
  readonly trace: { readonly stack: string } | undefined;
  /** Called once, when it was granted or refused. */
  onSettled: (() => void) | undefined;
  /** Ends it. */
  giveUp(error: Error): void;
}

/** After how long a wait that may never end is told. */
const WARN_MS = 1_000;

/**
 * Waits without a limit that stand behind a lock of their own flow: told after a second, and refused after `advisory.selfWait`,
 * since a flow that waits for its own end never gets there. Whether the flow really does (and is no listener, timer or queue
 * that inherited its async context) cannot be known.
 *
 * @internal
 */
export class SelfWaits {
  /** @param limitMs how long such a wait may last; `null` has no limit. */
  constructor(
    private readonly limitMs: number | null,
    private readonly emit: EventSink,
  ) {}

  /** Looks after a wait that has begun. */
  watch(waiting: SelfWaiting): void {
    if (waiting.hasLimit) return;
    const wait = new SelfWait(waiting, waiting.trace ?? trace());
    outsideFlows(() => {
      wait.after(Math.min(WARN_MS, this.limitMs ?? WARN_MS), () => this.warn(wait));
    });
  }

  private warn(wait: SelfWait): void {
    if (this.limitMs !== null && this.limitMs <= wait.elapsedMs) return this.refuse(wait);
    const { id } = wait.waiting;
    this.emit({ type: 'selfWait', id, ...wait.places, message: wait.message });
    if (this.limitMs !== null) wait.after(this.limitMs - wait.elapsedMs, () => this.refuse(wait));
  }

  private refuse({ waiting, message }: SelfWait): void {
    waiting.giveUp(new DeadlockError(message));
  }
}

type SelfWaitPlaces = Omit<CallPlaces, 'outermost'>;

/** One such wait: over when it is granted or refused, or stands behind its own flow no more. */
class SelfWait {
  private readonly startedAt = monotonicMs();
  private found: SelfWaitPlaces | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    readonly waiting: SelfWaiting,
    private readonly at: { readonly stack: string },
  ) {
    waiting.onSettled = () => clearTimeout(this.timer);
  }

  get elapsedMs(): number {
    return monotonicMs() - this.startedAt;
  }

  get places(): SelfWaitPlaces {
    if (this.found !== undefined) return this.found;
    const { asked, held } = placesIn(this.at);
    const { context, id, selfHeld } = this.waiting;
    return (this.found = {
      asked: asked ?? `an unknown place, for ${printable(id)}`,
      held: held ?? (selfHeld && context?.nameOf(selfHeld)) ?? 'an unknown place',
    });
  }

  get message(): string {
    const { asked, held } = this.places;
    return (
      `The async flow that holds advisory lock ${printable(this.waiting.id)} also waits for it, so the wait may never end. ` +
      `Requested at ${asked}; held by ${held}. ` +
      'Pass `reentrant: true` to run under the lock that is held; start code that merely inherits the flow (queued tasks, ' +
      'timers, listeners) with `pglock.detached(fn)`; or set a `timeout`.'
    );
  }

  /** Calls back later, where it still stands behind its own flow by then, without a limit. */
  after(ms: number, then: () => void): void {
    this.timer = setTimeout(() => {
      const { selfHeld, hasLimit } = this.waiting;
      if (selfHeld?.isHeld === true && !hasLimit) then();
    }, Math.ceil(ms));
  }
}
