/** The tick for which a job runs: `@CurrentTick()`. @publicApi */
export interface JobTick {
  /** The instant that the job's cron expression names, in its time zone. The same on every replica. */
  readonly scheduledAt: Date;
  /** How late the run began, in milliseconds by the clock of this process; never below 0. */
  readonly late: number;
  /** How many earlier ticks, which no replica ran, this run stands for. */
  readonly skipped: number;
}
