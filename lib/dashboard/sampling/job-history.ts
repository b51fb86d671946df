import type { JobRecord } from '../jobs-port.js';

/** A run of a job as the strip of ticks shows it. @internal */
export interface JobTickRecord {
  readonly startedAt: string;
  readonly duration: number | null;
  readonly outcome: string | null;
  readonly late: number | null;
}

const MOST_TICKS = 50;

/** The last runs of each job, as far as they were seen; and who held each job when it was last looked at. @internal */
export class JobHistory {
  private readonly ticks = new Map<string, JobTickRecord[]>();
  private readonly holders = new Map<string, string>();

  /** @returns the jobs that another replica has taken over since the last look, each with its new holder. */
  note(jobs: readonly JobRecord[]): readonly { readonly name: string; readonly holder: string }[] {
    for (const job of jobs) this.noteRun(job);
    return jobs.flatMap(({ name, holder }) => {
      if (holder === null || holder === undefined) return [];
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

  private noteRun({ name, lastRun }: JobRecord): void {
    if (lastRun === null || lastRun === undefined) return;
    const startedAt = new Date(lastRun.startedAt).toISOString();
    const { duration, outcome, late = null } = lastRun;
    const run: JobTickRecord = { startedAt, duration, outcome, late };
    const runs = this.ticks.get(name) ?? [];
    this.ticks.set(name, runs);
    if (runs.at(-1)?.startedAt === startedAt) runs[runs.length - 1] = run;
    else runs.push(run);
    if (runs.length > MOST_TICKS) runs.shift();
  }
}

function holderText(holder: unknown): string {
  return typeof holder === 'string' ? holder : JSON.stringify(holder);
}
