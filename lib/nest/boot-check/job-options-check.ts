import { PgLockConfigurationError } from '../../errors/pg-lock-configuration.error.js';
import { JOB_OPTIONS } from '../../jobs/job-settings.js';
import type { EnhancerInfo } from '../enhancer-mark.js';
import { methodNames } from '../method-names.js';
import { isScheduled } from '../nest-metadata.js';
import { methodOf } from '../schedule-bridge/job-enhancers.js';
import { labelOf, type CheckedMethod } from './checked-method.js';

/**
 * Refuses options of jobs on what no scheduler calls, where they would be passed over. What a class says is for those of its
 * methods that are scheduled.
 *
 * @throws {PgLockConfigurationError} when `catchUp`, `job` or `giveBackAfter` can mean nothing.
 * @internal
 */
export function checkJobOptions(checked: CheckedMethod): void {
  if (isScheduled(checked.method)) return;
  const { onMethod, wrappers } = checked;
  for (const info of [...onMethod, ...wrappers]) assertNone(checked, info);
  if (checked.onClass.length === 0 || hasSchedule(checked.prototype)) return;
  for (const info of checked.onClass) assertNone(checked, info);
}

function hasSchedule(prototype: object): boolean {
  return methodNames(prototype).some((name) => isScheduled(methodOf(prototype, name)));
}

function assertNone(checked: CheckedMethod, { decorator, lock }: EnhancerInfo): void {
  const option = JOB_OPTIONS.find((name) => lock?.[name] !== undefined);
  if (option === undefined) return;
  throw new PgLockConfigurationError(
    `PgLockModule: ${decorator} on '${labelOf(checked)}': ${option} means nothing here: it is for @Cron, @Interval and ` +
      '@Timeout methods. Leave it out.',
  );
}
