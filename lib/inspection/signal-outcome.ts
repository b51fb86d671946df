import type { SignalAction, SignalResult } from '../vocabulary/signal.js';
import type { PgActivity } from './pg-activity.js';

/** One session that was to be signalled, and what became of it. Frozen. @publicApi */
export interface SignalOutcome {
  /** Process id of the backend; 0 for a prepared transaction. */
  readonly pid: number;
  /** Which signal it was to get. */
  readonly action: SignalAction;
  /** What became of it. */
  readonly outcome: SignalResult;
  /** Why it was refused or not permitted, in words; null otherwise. */
  readonly reason: string | null;
  /** The session as it was just before the signal; null when it was not found any more. */
  readonly activity: PgActivity | null;
  /** The sessions in whose way it was found; of lock holders that were asked for, the holders themselves. */
  readonly activityIds: readonly number[];
}
