import type { SignalAction, SignalResult } from './signal.js';

/** A held lock was lost. @publicApi */
export interface LockLostEvent {
  /** The name of the event. */
  readonly type: 'lockLost';
  /** The id, or ids, as requested. */
  readonly id: unknown;
  /** The backend that held it. */
  readonly pid: number;
  /** Why it was lost: the reason of `LockHandle.signal`. */
  readonly error: Error;
}

/** A lock session could not be opened, or ended unexpectedly; the library continues with another one. @publicApi */
export interface SessionEndedEvent {
  /** The name of the event. */
  readonly type: 'sessionEnded';
  /** The backend of the session; undefined if it could not be opened. */
  readonly pid: number | undefined;
  /** How many locks were lost with it. */
  readonly locksLost: number;
  /** Why. */
  readonly error: Error;
}

/** A blocker of prioritized work was signalled, or left alone for a reason. @publicApi */
export interface BlockerSignalledEvent {
  /** The name of the event. */
  readonly type: 'blockerSignalled';
  /** Process id of the blocker's backend; 0 for a prepared transaction. */
  readonly pid: number;
  /** The signal that it was meant to get. */
  readonly action: SignalAction;
  /** What became of it. */
  readonly outcome: SignalResult;
  /** Why it was refused or not permitted; null otherwise. */
  readonly reason: string | null;
  /** Its `application_name`. */
  readonly applicationName: string | null;
  /** Its role. */
  readonly user: string | null;
  /** What it was doing: `active`, `idle in transaction`, … */
  readonly state: string | null;
  /** Its running or last statement. */
  readonly query: string | null;
  /** The prioritized backends that it blocked. */
  readonly activityIds: readonly number[];
}

/** Looking for blockers failed; the next look tries again, and the prioritized work continues. @publicApi */
export interface PrioritizeFailedEvent {
  /** The name of the event. */
  readonly type: 'prioritizeFailed';
  /** Why. */
  readonly error: Error;
}

/** A flow has been blocked by a lock of its own for a second, and may wait indefinitely. @publicApi */
export interface SelfWaitEvent {
  /** The name of the event. */
  readonly type: 'selfWait';
  /** The id that it waits for. */
  readonly id: unknown;
  /** Where in the application's code it was requested. */
  readonly asked: string;
  /** Where the work that holds it began, or the name of that work. */
  readonly held: string;
  /** All of this as a sentence, with the remedy. */
  readonly message: string;
}

/** A lock was released while a transaction was open that began before it, and that its work used. @publicApi */
export interface ReleasedBeforeCommitEvent {
  /** The name of the event. */
  readonly type: 'releasedBeforeCommit';
  /** The id, or ids, as requested. */
  readonly id: unknown;
  /** Where in the application's code the lock was acquired. */
  readonly locked: string;
  /** Where the transaction began. */
  readonly began: string;
  /** All of this as a sentence, with the remedy. */
  readonly message: string;
}

/** A run of a job in this process has ended. @publicApi */
export interface JobFinishedEvent {
  /** The name of the event. */
  readonly type: 'jobFinished';
  /** `Class.method`, or what the option `job` calls it. */
  readonly job: string;
  /** The tick; null for a run that belongs to no tick. */
  readonly tick: Date | null;
  /** How late it began, in milliseconds. */
  readonly late: number;
  /** How long it took, in milliseconds. */
  readonly duration: number;
  /** How it ended. */
  readonly outcome: 'succeeded' | 'failed';
  /** What it threw. */
  readonly error: unknown;
}

/** This replica has acquired the lock of a job, and runs it from now on. @publicApi */
export interface JobTakenOverEvent {
  /** The name of the event. */
  readonly type: 'jobTakenOver';
  /** `Class.method`, or what the option `job` calls it. */
  readonly job: string;
  /** The replica (`host:pid`) that ran it last; null where none is known, or it was this one. */
  readonly from: string | null;
}

/** A run of another replica was announced and never ended: its process died, or lost its connection. @publicApi */
export interface JobInterruptedEvent {
  /** The name of the event. */
  readonly type: 'jobInterrupted';
  /** `Class.method`, or what the option `job` calls it. */
  readonly job: string;
  /** The tick, which counts as run. */
  readonly tick: Date;
  /** The replica (`host:pid`) that had announced it. */
  readonly replica: string;
}

/** The `catchUp` time of a tick is over, and no replica is known to have run it. @publicApi */
export interface TickMissedEvent {
  /** The name of the event. */
  readonly type: 'tickMissed';
  /** `Class.method`, or what the option `job` calls it. */
  readonly job: string;
  /** The tick. */
  readonly tick: Date;
  /** How long after its instant it could have been run, in milliseconds. */
  readonly catchUp: number;
}

/** The events of jobs. @publicApi */
export type JobEvent = JobFinishedEvent | JobTakenOverEvent | JobInterruptedEvent | TickMissedEvent;

/** This process leads from now on (`pglock.lead`, `@Leader`). @publicApi */
export interface LeaderElectedEvent {
  /** The name of the event. */
  readonly type: 'leaderElected';
  /** The name that is led. */
  readonly name: string;
  /** The term, a number that increases from leader to leader. */
  readonly term: bigint;
  /** The backend that holds the lock. */
  readonly pid: number;
}

/** This process has given up the lead. @publicApi */
export interface LeaderResignedEvent extends Omit<LeaderElectedEvent, 'type'> {
  /** The name of the event. */
  readonly type: 'leaderResigned';
  /** The work has ended, has failed too often, or the lead was resigned. */
  readonly reason: 'finished' | 'failed' | 'resigned';
  /** The last error of work that has failed too often. */
  readonly error: unknown;
}

/** The lead was lost: another process may begin. @publicApi */
export interface LeaderLostEvent extends Omit<LeaderElectedEvent, 'type'> {
  /** The name of the event. */
  readonly type: 'leaderLost';
  /** Why: the reason of `Leadership.signal`. */
  readonly error: Error;
}

/** Processes give different numbers of permits for one id; the smallest applies. @publicApi */
export interface PermitsDifferEvent {
  /** The name of the event. */
  readonly type: 'permitsDiffer';
  /** The id, or its key if the id is not known. */
  readonly id: unknown;
  /** The numbers, the smallest first. */
  readonly permits: readonly number[];
}

/** The events of `pglock.events`; Nest's logger gets all of them but `jobFinished`. @publicApi */
export type PgLockEvent =
  | LockLostEvent
  | SessionEndedEvent
  | SelfWaitEvent
  | ReleasedBeforeCommitEvent
  | BlockerSignalledEvent
  | PrioritizeFailedEvent
  | JobEvent
  | LeaderElectedEvent
  | LeaderResignedEvent
  | LeaderLostEvent
  | PermitsDifferEvent;

/** Where the inner modules report to: they log nothing themselves. @internal */
export type EventSink = (event: PgLockEvent) => void;
