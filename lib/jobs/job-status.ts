import type { LockId } from '../vocabulary/lock-id.js';

/** How a run of a job ended; `interrupted` is one whose replica died, or lost its connection, before it could report. @publicApi */
export type JobOutcome = 'succeeded' | 'failed' | 'interrupted';

/** One run of a job, as far as this process has heard of it. @publicApi */
export interface JobRun {
  /** When it began, by the clock of the replica that ran it. */
  readonly startedAt: Date;
  /** How long it took, in milliseconds; null while it runs, and where it was interrupted. */
  readonly duration: number | null;
  /** How it ended; null while it runs. */
  readonly outcome: JobOutcome | null;
  /** The message of the error, truncated, without literals; null if there is none. */
  readonly error: string | null;
  /** Which replica ran it: `host:pid` of the process. */
  readonly replica: string;
  /** How late it began, in milliseconds; 0 for a run that was requested by hand. */
  readonly late: number;
}

/** The replica that keeps the lock of a job at this moment. @publicApi */
export interface JobHolder {
  /** `host:pid` of the process. */
  readonly replica: string;
  /** The backend that holds the lock, as `pg_stat_activity.pid`. */
  readonly pid: number;
}

/** The state of one job, over all replicas. @publicApi */
export interface JobStatus {
  /** `Class.method`, or the name given by the option `job`. */
  readonly name: string;
  /** What the job locks. */
  readonly id: LockId | readonly LockId[];
  /** The cron expression; `every 500 ms` or `once after 500 ms` for intervals and timeouts; null where it is not known yet. */
  readonly schedule: string | null;
  /** The next instant of its expression; null where it has none, or is stopped. */
  readonly nextTick: Date | null;
  /** The replica that keeps its lock; null while it is free, or if that replica has not answered. */
  readonly holder: JobHolder | null;
  /** The last tick that was run; null if none is known. */
  readonly lastTick: Date | null;
  /** The last run, of a tick or by hand; null if none is known. */
  readonly lastRun: JobRun | null;
  /** Whether it runs at this moment. */
  readonly running: boolean;
  /** How many ticks were missed since this process started: their `catchUp` time ended before any replica could run them. */
  readonly missed: number;
}
