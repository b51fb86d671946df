/** What each message about one job says. */
interface AboutJob {
  /** `Class.method`, or what the option `job` calls it. */
  readonly job: string;
  /** The tick; null for a run that was asked for by hand. */
  readonly tick: Date | null;
}

/** On `nestjs-pglock:job-started`: a run begins in this process. @publicApi */
export interface JobStartedMessage extends AboutJob {
  /** How late, in milliseconds. */
  readonly lateMs: number;
  /** How many missed ticks it stands for. */
  readonly skipped: number;
}

/** On `nestjs-pglock:job-finished`: a run in this process has ended. @publicApi */
export interface JobFinishedMessage extends AboutJob {
  /** How late it began, in milliseconds. */
  readonly lateMs: number;
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
  /** How it ended. */
  readonly outcome: 'succeeded' | 'failed';
  /** What it threw. */
  readonly error: unknown;
}

/** On `nestjs-pglock:job-missed`: the window of a tick ended, and no replica is known to have run it. @publicApi */
export interface JobMissedMessage extends AboutJob {
  /** For how long it could have been run, in milliseconds. */
  readonly catchUpMs: number;
}
