import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { closedError } from '../vocabulary/closed-error.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import type { LockId } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import type { KeyQueue } from './key-queue.js';
import type { LockContext } from './lock-context.js';
import type { LockRequest } from './lock-request.js';

/**
 * *Open* until the shutdown begins; *draining* while what runs under a lock, or in a request that was accepted before, may still
 * acquire; *late* when no wait is waited for any longer, and only what runs under a lock may acquire; *closed* for good.
 */
type Phase = 'open' | 'draining' | 'late' | 'closed';

/** What the shutdown refuses of one module's locks, and when. @internal */
export class LockShutdown {
  private phase: Phase = 'open';
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly queues: Iterable<KeyQueue>) {}

  get hasBegun(): boolean {
    return this.phase !== 'open';
  }

  /** The error of what may not be asked for any more in a flow; undefined where it may. */
  refusalOf(id: LockId | readonly LockId[], context: LockContext | undefined): Error | undefined {
    if (this.phase === 'open') return undefined;
    if (this.phase === 'closed') return closedError();
    const mayGoOn = this.phase === 'late' ? context?.holdsAny : context?.mayGoOn;
    return mayGoOn === true ? undefined : refusal(id);
  }

  /** Refuses what waits and would begin anew. @param waitsMs when every wait is refused. */
  begin(waitsMs: number | undefined): void {
    if (this.phase === 'open') this.phase = 'draining';
    this.refuseWaiting(({ context }) => context?.mayGoOn !== true);
    for (const queue of [...this.queues]) void queue.unstick();
    if (waitsMs === undefined || this.phase !== 'draining') return;
    clearTimeout(this.timer);
    this.timer = outsideFlows(() => setTimeout(() => this.end('late'), waitsMs));
    this.timer.unref();
  }

  /** Refuses every wait, and whatever is asked for from now on. */
  close(): void {
    this.end('closed');
  }

  private end(phase: 'late' | 'closed'): void {
    clearTimeout(this.timer);
    this.phase = phase;
    this.refuseWaiting();
  }

  private refuseWaiting(meant?: (request: LockRequest) => boolean): void {
    for (const queue of [...this.queues]) queue.rejectAll(({ id }) => refusal(id), meant);
  }
}

function refusal(id: LockId | readonly LockId[]): LockNotAvailableError {
  return new LockNotAvailableError(
    `Advisory lock ${printable(id)} was not taken: the application is shutting down.`,
    { id, waited: 0 },
  );
}
