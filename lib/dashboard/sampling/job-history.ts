import type { JobHolder, JobOutcome, JobStatus } from '../../jobs/job-status.js';

/** A run of a job as the strip of ticks shows it. @internal */
export interface JobTickRecord {
  readonly startedAt: string;
  readonly duration: number | null;
  readonly outcome: JobOutcome | null;
  readonly late: number;
}

const MOST_TICKS = 50;

/** The last runs of each job, as far as they were seen; and who held each job when it was last looked at. @internal */
export class JobHistory {
  private readonly ticks = new Map<string, JobTickRecord[]>();
  private readonly holders = new Map<string, string>();

  /** @returns the jobs that another replica has taken over since the last look, each with its new holder. */
  note(jobs: readonly JobStatus[]): readonly { readonly name: string; readonly holder: string }[] {
    for (const job of jobs) this.noteRun(job);
    return jobs.flatMap(({ name, holder }) => {
      if (holder === null) return [];
      const text = holderText(holder);
      const before = this.holders.get(name);
      this.holders.set(name, text);
      return before === undefined || before === text ? [] : [{ name, holder: text }];
    });
  }

  /** Oldest first. */
  of(name: string): readonly JobTickRecord[] {
    return this.ticks.get(name) ?? [];
  }

  private noteRun({ name, lastRun }: JobStatus): void {
    if (lastRun === null) return;
    const startedAt = lastRun.startedAt.toISOString();
    const { duration, outcome, late } = lastRun;
    const run: JobTickRecord = { startedAt, duration, outcome, late };
    const runs = this.ticks.get(name) ?? [];
    this.ticks.set(name, runs);
    if (runs.at(-1)?.startedAt === startedAt) runs[runs.length - 1] = run;
    else runs.push(run);
    if (runs.length > MOST_TICKS) runs.shift();
  }
}

/** The process, whatever connection it holds the lock on. */
function holderText({ replica }: JobHolder): string {
  return replica;
}
