import type { JobRun, JobStatus } from '../jobs/job-status.js';

/** What the dashboard asks of the application's jobs: `pglock.jobs`. @internal */
export interface JobsPort {
  find(): Promise<readonly JobStatus[]>;
  run(name: string): Promise<JobRun>;
  release(name: string): Promise<void>;
}
