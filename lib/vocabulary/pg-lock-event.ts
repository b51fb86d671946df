/** A held lock was lost. @publicApi */
export interface LockLostEvent {
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
  readonly type: 'sessionEnded';
  /** The backend that served the session, where it got that far. */
  readonly pid: number | undefined;
  /** How many locks were lost with it. */
  readonly locksLost: number;
  readonly error: Error;
}

/** What `pglock.events` emits and the module's logger writes. @publicApi */
export type PgLockEvent = LockLostEvent | SessionEndedEvent;

/** Where the inner rooms report to: they log nothing themselves. @internal */
export type EventSink = (event: PgLockEvent) => void;
