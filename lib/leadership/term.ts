import type { LockHandle } from '../locks/lock-handle.js';
import { FlowVariable } from '../vocabulary/flow-variable.js';
import type { Leadership } from './leadership.js';

/** Which term the running flow works for. */
const working = new FlowVariable<Term>();

/**
 * One term of a leader, from its election on: *led*, then *resigned* or *lost*, then *over* when the work has ended and the
 * lock is released.
 *
 * @internal
 */
export class Term implements Leadership {
  readonly since = new Date();
  private readonly controller = new AbortController();
  private readonly stopHearing: () => void;
  private state: 'led' | 'resigned' | 'lost' | 'over' = 'led';
  private ending: Promise<void> | undefined;
  private onOver: () => void = nothing;
  private readonly whenOver = new Promise<void>((resolve) => (this.onOver = resolve));

  constructor(
    readonly name: string,
    readonly term: bigint,
    private readonly lock: LockHandle,
    private readonly onLost: (term: Term, error: Error) => void,
  ) {
    const lost = () => this.lose(lock.signal.reason as Error);
    lock.signal.addEventListener('abort', lost, { once: true });
    this.stopHearing = () => lock.signal.removeEventListener('abort', lost);
    if (lock.signal.aborted) lost();
  }

  get pid(): number {
    return this.lock.pid;
  }

  get held(): boolean {
    return this.state === 'led' && this.lock.held;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get isLost(): boolean {
    return this.state === 'lost';
  }

  /** Whether it was resigned while it was led. */
  get isResigned(): boolean {
    return this.state === 'resigned';
  }

  resign(): Promise<void> {
    if (this.state === 'led') {
      this.state = 'resigned';
      this.controller.abort(new DOMException(`The lead of "${this.name}" was resigned.`, 'AbortError'));
    }
    return working.getStore() === this ? Promise.resolve() : this.whenOver;
  }

  /** Runs the work in its own flow. */
  run<Result>(work: (leadership: Leadership) => Result): Result {
    return working.run(this, work, this);
  }

  /** The work has ended: releases the lock. Resolves when the server has released it. */
  end(): Promise<void> {
    return (this.ending ??= this.finish());
  }

  private async finish(): Promise<void> {
    this.stopHearing();
    if (this.state === 'led') this.state = 'over';
    await this.lock.release();
    this.onOver();
  }

  private lose(error: Error): void {
    const wasLed = this.state === 'led';
    if (wasLed) this.state = 'lost';
    this.controller.abort(error);
    if (wasLed) this.onLost(this, error);
  }
}

function nothing(): void {}
