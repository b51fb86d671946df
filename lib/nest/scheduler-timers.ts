import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { KillerTimerRegistry } from '../prioritize/killer-timer-registry.js';

/** What we use of `SchedulerRegistry`. */
interface IntervalRegistry {
  addInterval(name: string, timer: NodeJS.Timeout): void;
  deleteInterval(name: string): void;
  doesExist(kind: 'interval', name: string): boolean;
}

/**
 * Shows timers of ours in `@nestjs/schedule`'s `SchedulerRegistry`, where the application has one. Found by its name, so that
 * applications without the package need not install it.
 *
 * @internal
 */
@Injectable()
export class SchedulerTimers implements KillerTimerRegistry {
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

  private find(): IntervalRegistry | undefined {
    const found = this.discovery.getProviders().find(({ name }) => name === 'SchedulerRegistry');
    return found?.instance as IntervalRegistry | undefined;
  }
}
