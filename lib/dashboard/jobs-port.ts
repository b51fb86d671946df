/** The last run of a job, as `pglock.jobs.find()` tells of it. @internal */
export interface JobRunRecord {
  readonly startedAt: Date;
  readonly duration: number | null;
  readonly outcome: string | null;
  readonly error?: unknown;
  readonly replica?: unknown;
  readonly late?: number | null;
}

/** As much of a `JobStatus` as the dashboard itself reads; the page is sent all of it. @internal */
export interface JobRecord {
  readonly name: string;
  readonly holder?: unknown;
  readonly lastTick?: unknown;
  readonly lastRun?: JobRunRecord | null;
}

/** What the dashboard asks of the application's jobs: `pglock.jobs`. @internal */
export interface JobsPort {
  find(): Promise<readonly JobRecord[]>;
  run(name: string): Promise<unknown>;
  release(name: string): Promise<unknown>;
}
