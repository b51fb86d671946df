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

/** As much of `SchedulerRegistry` as shows its cron jobs. */
interface CronRegistry {
  getCronJobs(): ReadonlyMap<string, CronJobLike & { readonly onComplete?: unknown }>;
}

/**
 * Shows timers of ours in `@nestjs/schedule`'s `SchedulerRegistry`, where the application has one. Found by its name, so that
 * applications without the package need not install it.
 *
 * @internal
 */
@Injectable()
export class SchedulerTimers implements PrioritizeTimerRegistry {
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
    const registries = this.discovery.getProviders().filter(({ name }) => name === 'SchedulerRegistry');
    return registries.flatMap(({ instance }) => {
      const found = (instance as Partial<CronRegistry> | null | undefined)?.getCronJobs?.();
      return found === undefined ? [] : [...found.values()];
    });
  }

  private find(): IntervalRegistry | undefined {
    const found = this.discovery.getProviders().find(({ name }) => name === 'SchedulerRegistry');
    return found?.instance as IntervalRegistry | undefined;
  }
}
