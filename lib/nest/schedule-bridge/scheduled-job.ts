import { Logger } from '@nestjs/common';
import type { LockDatabase } from '../../core/lock-database.js';
import { PgLockConfigurationError } from '../../errors/pg-lock-configuration.error.js';
import type { CronJobLike, JobDefinition } from '../../jobs/job-definition.js';
import { readJobOptions } from '../../jobs/job-settings.js';
import { wrappersOf } from '../decorators/wrap-method.js';
import { enhancerInfo, type EnhancerInfo } from '../enhancer-mark.js';
import { METADATA, type AnyFunction } from '../nest-metadata.js';
import type { JobEnhancers } from './job-enhancers.js';
import type { BoundJob, JobRunner } from './job-runner.js';
import { fixedIds, isLockPlan, whyWithoutTicks, type LockPlan } from './lock-plan.js';

/** What `@nestjs/schedule` calls the kinds of its timers. */
const CRON = 1;

/** A scheduled method, with the locks of ours around it, the outermost first. @internal */
export interface PlannedJob {
  /** `Class.method`. */
  readonly label: string;
  readonly method: AnyFunction;
  readonly plans: readonly LockPlan[];
  /** The lock that keeps its ticks apart: the innermost. */
  readonly tickLock: LockPlan | undefined;
}

/**
 * Finds the locks around a scheduled method.
 *
 * @throws {PgLockConfigurationError} when an option asks for ticks where there are none.
 * @internal
 */
export function plannedJob(label: string, method: AnyFunction, { interceptors }: JobEnhancers): PlannedJob {
  const infos: readonly (EnhancerInfo | undefined)[] = [
    ...interceptors.map((one) => enhancerInfo(one)),
    ...wrappersOf(method),
  ];
  const plans = infos.filter(isLockPlan);
  const isCron = Reflect.getMetadata(METADATA.schedulerType, method) === CRON;
  for (const plan of plans) assertTicks(label, plan, isCron);
  const tickLock = isCron ? plans.findLast((plan) => whyWithoutTicks(plan) === undefined) : undefined;
  return { label, method, plans, tickLock };
}

/** Enters a scheduled method into the jobs of its database; undefined where no lock of ours is around it. @internal */
export function boundJob(
  { label, method, plans, tickLock }: PlannedJob,
  core: LockDatabase,
  runner: JobRunner,
  cronJobs: () => readonly CronJobLike[],
): BoundJob | undefined {
  const plan = tickLock ?? plans.at(-1);
  if (plan === undefined) return undefined;
  const { job: name = label, sticky = true, xact } = plan.lock;
  const definition: JobDefinition = {
    name,
    ids: fixedIds(plan, label) ?? name,
    hasTicks: tickLock !== undefined,
    isRetained: sticky && xact !== true,
    ...readJobOptions(plan.lock),
    schedule: scheduleOf(method),
    cronJobs,
    invoke: (invocation) => runner.invoke(invocation),
    onError: (error) => new Logger('Scheduler').error(error),
  };
  return { job: core.jobs.add(definition), definition };
}

function assertTicks(label: string, plan: LockPlan, isCron: boolean): void {
  const { catchUp } = plan.lock;
  if (catchUp === undefined) return;
  const why = isCron ? whyWithoutTicks(plan) : 'only @Cron names instants';
  if (why === undefined) return;
  throw new PgLockConfigurationError(
    `PgLockModule: ${plan.decorator} on '${label}': catchUp means nothing here, where there are no ticks to catch up: ${why}. ` +
      'Leave it out, or give the job a cron expression and one fixed, exclusive lock.',
  );
}

function scheduleOf(method: AnyFunction): string | null {
  const cron = Reflect.getMetadata(METADATA.cronOptions, method) as
    { readonly cronTime?: unknown } | undefined;
  if (typeof cron?.cronTime === 'string') return cron.cronTime;
  const interval = Reflect.getMetadata(METADATA.intervalOptions, method) as { timeout?: number } | undefined;
  if (interval?.timeout !== undefined) return `every ${interval.timeout} ms`;
  const timeout = Reflect.getMetadata(METADATA.timeoutOptions, method) as { timeout?: number } | undefined;
  return timeout?.timeout === undefined ? null : `once after ${timeout.timeout} ms`;
}
