import type { CronJobLike } from './job-definition.js';

/** The cron jobs that call one wrapped callback. @internal */
export class WrappedCronJobs {
  private readonly seen = new Set<CronJobLike>();

  private isTold = false;

  constructor(
    /** Those in the registry now, as far as they show what they call. */
    private readonly registered: () => readonly CronJobLike[],
    /** Told once, where the callback is called and there never was a cron job. */
    private readonly onUnknown: () => void,
  ) {}

  /** Something has called: `cron` calls with its job as `this`, unless told otherwise. */
  called(by: unknown): void {
    if (isCronJob(by)) this.seen.add(by);
    if (this.isTold || this.alive().length > 0 || this.seen.size > 0) return;
    this.isTold = true;
    this.onUnknown();
  }

  /** Those of the registry, and those that have called; but for those that were stopped and are not in the registry any more. */
  alive(): CronJobLike[] {
    const registered = this.registered();
    for (const job of registered) this.seen.add(job);
    const isAlive = (job: CronJobLike) => job.isActive !== false || job.cronTime.realDate;
    return [...new Set([...registered, ...[...this.seen].filter(isAlive)])];
  }

  /** Whether there were any, and all of them are gone. */
  get areOver(): boolean {
    return this.alive().length === 0 && this.seen.size > 0;
  }
}

function isCronJob(value: unknown): value is CronJobLike {
  return typeof value === 'object' && value !== null && 'cronTime' in value && 'lastDate' in value;
}
