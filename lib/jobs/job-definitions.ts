import type { CronJobLike, JobDefinition } from './job-definition.js';

/** The definitions of one job: a provider in two modules has two, and so has a job that was wrapped again. @internal */
export class JobDefinitions {
  private all: readonly JobDefinition[];

  constructor(private readonly first: JobDefinition) {
    this.all = [first];
  }

  /** One more; those that it replaces are forgotten. */
  add(definition: JobDefinition): void {
    this.all = [...this.all.filter((one) => one.isOver?.() !== true), definition];
  }

  cronJobs(): CronJobLike[] {
    return this.all.flatMap((one) => one.cronJobs());
  }

  /** The one whose cron jobs run; the latest where none does. */
  get current(): JobDefinition {
    if (this.all.length === 1) return this.all[0] ?? this.first;
    const isRunning = (one: JobDefinition) => one.cronJobs().some((job) => job.isActive !== false);
    return this.all.find(isRunning) ?? this.all.at(-1) ?? this.first;
  }
}
