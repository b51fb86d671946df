import type { Logger } from '@nestjs/common';
import type { LockDatabase } from '../core/lock-database.js';
import type { Job } from '../jobs/job.js';
import { outlivesLease } from '../jobs/job-options.js';
import type { Jobs } from '../jobs/jobs.js';
import { shownIds } from './lock-target-id.js';

/** Writes one line a job at boot, and one whenever this replica takes one over. @internal */
export function logJobs(jobs: Jobs, logger: Logger, { events, options }: LockDatabase): void {
  jobs.onScheduled = (job) => {
    logger.log(describe(job));
    const { windowMs, definition } = job;
    // A default is as long as the period allows: there is nothing to raise.
    if (!definition.hasTicks || !definition.catchUpMs || outlivesLease(windowMs, options.sessions)) return;
    logger.warn(
      `Job ${definition.name}: ticks are caught up for ${windowMs} ms, which is not longer than the lease of ` +
        `${options.sessions.leaseMs} ms and a second: those of a replica that stops without a word are lost. Raise catchUp.`,
    );
  };
  jobs.onShared = ({ definition: { name } }, other) =>
    logger.warn(
      `Job ${name}: application '${other}' has a job of the same name and lock on this database, and each tick is run by one of ` +
        "both. Where that is not meant, set `namespace`, or give one of them another id or name (option 'job').",
    );
  jobs.onUntimed = (name) =>
    logger.warn(
      `Job ${name}: what jobs.wrap() returned was called by a function that is no cron job. Such a call belongs to no tick, and other ` +
        'replicas may run the job, too. Give the callback itself to the cron job: CronJob.from({ cronTime, onTick }).',
    );
  events.on('jobTakenOver', ({ job, from }) =>
    logger.log(from === null ? `Job ${job}: this replica runs it.` : `Job ${job}: taken over from ${from}.`),
  );
}

function describe({ definition, clock }: Job): string {
  const { name, ids, schedule } = definition;
  const next = clock.next;
  const when = next === undefined ? (schedule ?? 'not scheduled') : `next ${new Date(next).toISOString()}`;
  return `job ${name}, lock ${shownIds(ids)}, ${when}`;
}
