import type { HeldKey } from '../session/lock-store.js';
import type { LockId } from '../vocabulary/lock-id.js';
import type { WaitSignal } from '../vocabulary/wait-abort.js';
import type { CronTimeLike } from './cron-instants.js';
import type { JobTick } from './job-tick.js';

/** As much of a `CronJob` in the scheduler's registry as ticks need. @internal */
export interface CronJobLike {
  readonly cronTime: CronTimeLike;
  /** Whether its timer is armed. */
  readonly isActive?: boolean;
  /** When its timer fired last; a call by hand leaves it alone. */
  lastDate?(): Date | null;
}

/** A lock that was taken for a run, as far as the run needs it. @internal */
export interface TakenLock {
  /** Whether it is held, and trusted at this moment. */
  readonly isTrusted: boolean;
  /** The keys at the server, of which each acquisition makes new ones: what tells a lock that was kept from one that was taken. */
  readonly keys: readonly HeldKey[];
  leave(): Promise<unknown>;
}

/** How a lock is to be taken for a tick: tried once, or waited for until the signal aborts. @internal */
export interface TakeOptions {
  readonly timeoutMs: number | null;
  readonly signal: WaitSignal;
}

/** Takes the lock once as told; `undefined` where it was not acquired in time. @internal */
export type TakeLock<Taken extends TakenLock> = (options: TakeOptions) => Promise<Taken | undefined>;

/** One run of a job, handed through its guards and interceptors to where its lock is taken. @internal */
export interface JobInvocation {
  /** What asked for it: a tick, `jobs.run`, or a call of the scheduled method that is none (`fireOnTick`, `@Interval`). */
  readonly kind: 'tick' | 'run' | 'call';
  /** The tick, once its run begins. */
  readonly tick: JobTick | undefined;
  /** Takes the lock of a tick, decides and announces; `undefined` where the tick is not to be run here. */
  take<Taken extends TakenLock>(takeLock: TakeLock<Taken>): Promise<Taken | undefined>;
  /** Takes a lock around that of the tick: waits for as long as the tick may wait. */
  takeOuter<Taken extends TakenLock>(takeLock: TakeLock<Taken>): Promise<Taken | undefined>;
  /** When the run began; undefined before. */
  readonly startedAt: number | undefined;
  /** Whether its time was over before it could be run. */
  readonly isMissed: boolean;
  /** The run is not wanted any more; where it waits, it ends. */
  stop(): void;
  /** Its lock was taken, with these keys. */
  took(keys: readonly HeldKey[]): void;
  /** The method is called now. */
  began(): void;
}

/** A job as its scheduler describes it. @internal */
export interface JobDefinition {
  /** `Class.method`, or what the option `job` says. */
  readonly name: string;
  readonly ids: LockId | readonly LockId[];
  /** Whether it has ticks: a cron expression, and one fixed, exclusive lock. */
  readonly hasTicks: boolean;
  /** Whether the lock is kept between runs. */
  readonly isRetained: boolean;
  readonly catchUpMs: number | undefined;
  readonly giveBackAfter: number | undefined;
  /** What stands in a listing where there is no cron expression. */
  readonly schedule: string | null;
  /** Its cron jobs in the scheduler's registry, as they are now; none while it is not registered, or was deleted. */
  readonly cronJobs: () => readonly CronJobLike[];
  /** Whether its cron jobs were stopped and deleted: another definition of the job has taken its place. */
  readonly isOver?: () => boolean;
  /** Runs it through whatever stands around it. */
  readonly invoke: (invocation: JobInvocation) => Promise<unknown>;
  /** An error of a run that no timer of the scheduler waits for. */
  readonly onError: (error: unknown) => void;
}
