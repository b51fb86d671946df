import type { HeldKey } from '../session/lock-store.js';
import { WaitAbort } from '../vocabulary/wait-abort.js';
import type { JobInvocation, TakeLock, TakenLock } from './job-definition.js';

/** What a run that is no tick tells its job. @internal */
export interface HandRunHost {
  handTook(keys: readonly HeldKey[]): void;
  handBegan(): void;
}

/** A run that is no tick: `jobs.run`, a call of the scheduled method by hand, an interval, a timeout. @internal */
export class HandRun implements JobInvocation {
  readonly tick = undefined;
  /** When the method was called; undefined before. */
  startedAt: number | undefined;

  constructor(
    readonly kind: 'run' | 'call',
    private readonly host: HandRunHost,
  ) {}

  readonly isMissed = false;

  stop(): void {}

  /** As told by the replica that takes it. */
  take<Taken extends TakenLock>(takeLock: TakeLock<Taken>): Promise<Taken | undefined> {
    return takeLock({ timeoutMs: 0, signal: new WaitAbort() });
  }

  takeOuter<Taken extends TakenLock>(takeLock: TakeLock<Taken>): Promise<Taken | undefined> {
    return this.take(takeLock);
  }

  took(keys: readonly HeldKey[]): void {
    this.host.handTook(keys);
  }

  began(): void {
    this.startedAt = Date.now();
    this.host.handBegan();
  }
}
