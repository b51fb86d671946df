import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { CronJobLike } from '../jobs/job-definition.js';
import type { PrioritizeTimerRegistry } from '../prioritize/prioritize-timer-registry.js';

/** What we use of `SchedulerRegistry`. */
interface IntervalRegistry {
  addInterval(name: string, timer: NodeJS.Timeout): void;
  deleteInterval(name: string): void;
  doesExist(kind: 'interval', name: string): boolean;
}

type CronJobs = ReadonlyMap<string, CronJobLike & { readonly onComplete?: unknown }>;

/** As much of `SchedulerRegistry` as shows its cron jobs. */
interface CronRegistry {
  getCronJobs(): CronJobs;
}

/** The cron jobs of one mark, and where they stood when all of them were this many. */
interface MarkedJobs {
  readonly size: number;
  readonly places: readonly { readonly jobs: CronJobs; readonly name: string; readonly job: CronJobLike }[];
  readonly found: readonly CronJobLike[];
}

/**
 * Shows timers of ours in `@nestjs/schedule`'s `SchedulerRegistry`, where the application has one. Found by its name, so that
 * applications without the package need not install it.
 *
 * @internal
 */
@Injectable()
export class SchedulerTimers implements PrioritizeTimerRegistry {
  /** Where the registries are, once there are any. */
  private registries: readonly { readonly instance: unknown }[] = [];
  private readonly marked = new Map<unknown, MarkedJobs>();

  constructor(private readonly discovery: DiscoveryService) {}

  add(name: string, timer: NodeJS.Timeout): void {
    const registry = this.find();
    if (registry?.doesExist('interval', name) === false) registry.addInterval(name, timer);
  }

  /** Quiet where the scheduler has removed it already, as it does at shutdown. */
  remove(name: string): void {
    const registry = this.find();
    if (registry?.doesExist('interval', name) === true) registry.deleteInterval(name);
  }

  /** All cron jobs of the application; `ScheduleModule` may be imported twice, with a registry each. */
  cronJobs(): CronJobLike[] {
    return this.registered().flatMap((jobs) => [...jobs.values()]);
  }

  /**
   * The cron jobs with this `onComplete`. Asked several times for each job and tick: what was found is looked for again where
   * the registries have grown or shrunk, or do not hold it any more.
   */
  cronJobsMarked(mark: unknown): readonly CronJobLike[] {
    const registered = this.registered();
    const size = registered.reduce((sum, jobs) => sum + jobs.size, 0);
    const known = this.marked.get(mark);
    if (known?.size === size && known.places.every(({ jobs, name, job }) => jobs.get(name) === job))
      return known.found;
    const places = registered.flatMap((jobs) =>
      [...jobs].flatMap(([name, job]) => (job.onComplete === mark ? [{ jobs, name, job }] : [])),
    );
    const found = places.map(({ job }) => job);
    this.marked.set(mark, { size, places, found });
    return found;
  }

  private registered(): CronJobs[] {
    return this.providers().flatMap(
      ({ instance }) => (instance as Partial<CronRegistry> | null | undefined)?.getCronJobs?.() ?? [],
    );
  }

  private providers(): readonly { readonly instance: unknown }[] {
    if (this.registries.length === 0)
      this.registries = this.discovery.getProviders().filter(({ name }) => name === 'SchedulerRegistry');
    return this.registries;
  }

  private find(): IntervalRegistry | undefined {
    return this.providers()[0]?.instance as IntervalRegistry | undefined;
  }
}
