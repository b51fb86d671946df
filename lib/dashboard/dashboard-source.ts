import type { SignalOutcome } from '../inspection/signal-outcome.js';
import type { SignalRequest } from './actions/signal-request.js';
import type { LoggedEvent } from './sampling/event-log.js';

/** The views that answer JSON. @internal */
export const VIEWS = ['now', 'locks', 'jobs', 'timeline', 'replicas', 'doctor'] as const;
/** @internal */
export type DashboardView = (typeof VIEWS)[number];

/** Who asks for something to be done: the name that `authorize` gives, null where it gives none. @internal */
export type ViewerName = string | null;

/** What acts on a database that is looked at. @internal */
export interface DashboardActions {
  /** Signals one session. @throws {PgLockUsageError} when the request means nothing. */
  signal(request: SignalRequest, by: ViewerName): Promise<SignalOutcome>;
  /** Whether there is such a job. */
  hasJob(name: string): Promise<boolean>;
  /** Runs a job now; resolves when the run has begun or is refused, never later. */
  runJob(name: string, by: ViewerName): Promise<void>;
  /** Gives a sticky job to the other replicas. */
  releaseJob(name: string, by: ViewerName): Promise<void>;
}

/** A database as the page sees it: looked at now, or as a recording has it. @internal */
export interface DashboardSource {
  readonly name: string;
  /** How far back the timeline reaches, in milliseconds. */
  readonly historyMs: number;
  /** What recordings cover; undefined for a database that is looked at now. */
  readonly recorded?: { readonly from: Date; readonly to: Date };
  /** Answers a view; recordings as of an instant. */
  read(view: DashboardView, at?: Date): Promise<object>;
  /** Tells a viewer everything from here on, or from where it was, until the function that it returns is called. */
  follow(lastEventId: string | undefined, tell: (event: LoggedEvent) => void): () => void;
  /** Undefined where nothing can be done. */
  readonly actions?: DashboardActions;
}
