/** A held lock was lost. @publicApi */
export interface LockLostEvent {
  /** The name of the event. */
  readonly type: 'lockLost';
  /** The id (or ids) as it was asked for. */
  readonly id: unknown;
  /** The backend that held it. */
  readonly pid: number;
  /** Why it is lost, as `LockHandle.signal.reason` has it. */
  readonly error: Error;
}

/** A lock session could not be opened, or ended by itself; the library goes on with another. @publicApi */
export interface SessionEndedEvent {
  /** The name of the event. */
  readonly type: 'sessionEnded';
  /** The backend that served the session, where it got that far. */
  readonly pid: number | undefined;
  /** How many locks were lost with it. */
  readonly locksLost: number;
  /** Why. */
  readonly error: Error;
}

/** A session in the way of prioritized work was signalled, or left alone for a reason. @publicApi */
export interface BlockerSignalledEvent {
  /** The name of the event. */
  readonly type: 'blockerSignalled';
  /** Process id of the blocker's backend; 0 for a prepared transaction. */
  readonly pid: number;
  /** Which signal it was to get. */
  readonly action: 'cancel' | 'terminate';
  /** What became of it. */
  readonly outcome:
    'terminated' | 'cancelled' | 'stillBlocking' | 'gone' | 'notPermitted' | 'refused' | 'dryRun';
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
  /** The prioritized backends in whose way it was. */
  readonly activityIds: readonly number[];
}

/** Looking for blockers failed; the next look tries again, and the prioritized work goes on. @publicApi */
export interface PrioritizeFailedEvent {
  /** The name of the event. */
  readonly type: 'prioritizeFailed';
  /** Why. */
  readonly error: Error;
}

/** What `pglock.events` emits and the module's logger writes. @publicApi */
export type PgLockEvent = LockLostEvent | SessionEndedEvent | BlockerSignalledEvent | PrioritizeFailedEvent;

/** Where the inner rooms report to: they log nothing themselves. @internal */
export type EventSink = (event: PgLockEvent) => void;
