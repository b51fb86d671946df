import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { RunRegistry } from './run-registry.js';
import { RunningLock } from './running-lock.js';
import { SchedulerTimers } from './scheduler-timers.js';
import { ScheduleBridge } from './schedule-bridge/schedule-bridge.js';
import { SubscriptionCheck } from './subscription-check.js';

/** What an application has once, however many databases it uses. @internal */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [RunningLock, RunRegistry, ScheduleBridge, SchedulerTimers, SubscriptionCheck],
  exports: [RunningLock, RunRegistry, SchedulerTimers],
})
export class HandlersModule {}
