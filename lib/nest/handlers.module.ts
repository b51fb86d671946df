import { Global, Module } from '@nestjs/common';
import { APP_FILTER, DiscoveryModule } from '@nestjs/core';
import { AcceptedMessages } from './accepted-messages.js';
import { AcceptedRequests } from './accepted-requests.js';
import { AmbientTransactions } from './ambient-transactions.js';
import { EnhancerCheck } from './boot-check/enhancer-check.js';
import { ExternalContexts } from './boot-check/external-contexts.js';
import { GlobalEnhancersOfOurs } from './boot-check/global-enhancers.js';
import { GraphqlFields } from './boot-check/graphql-fields.js';
import { HookOrder } from './boot-check/hook-order.js';
import { LazyModules } from './boot-check/lazy-modules.js';
import { LockNotAvailableFilter } from './exceptions/lock-not-available.filter.js';
import { LeaderRunner } from './leader-runner.js';
import { MethodBridge } from './method-bridge/method-bridge.js';
import { RunRegistry } from './run-registry.js';
import { RunningLock } from './running-lock.js';
import { SchedulerTimers } from './scheduler-timers.js';
import { ScheduleBridge } from './schedule-bridge/schedule-bridge.js';
import { SseAdmission } from './sse/sse-admission.js';
import { SubscriptionCheck } from './subscription-check.js';

/** What an application has once, however many databases it uses. @internal */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    { provide: APP_FILTER, useClass: LockNotAvailableFilter },
    AcceptedMessages,
    AcceptedRequests,
    AmbientTransactions,
    EnhancerCheck,
    ExternalContexts,
    GlobalEnhancersOfOurs,
    GraphqlFields,
    HookOrder,
    LazyModules,
    LeaderRunner,
    MethodBridge,
    RunningLock,
    RunRegistry,
    ScheduleBridge,
    SchedulerTimers,
    SseAdmission,
    SubscriptionCheck,
  ],
  exports: [RunningLock, RunRegistry, SchedulerTimers],
})
export class HandlersModule {}
