import type { AdvisoryLockOptions } from '../locks/advisory-options.js';
import type { ResolvedAdvisoryOptions } from '../locks/resolve-advisory-options.js';
import type { LockHandle } from '../locks/lock-handle.js';
import type { Duration } from '../vocabulary/duration.js';
import type { LockId } from '../vocabulary/lock-id.js';
import { assertOptions, definedOnly } from '../vocabulary/known-options.js';
import { assertWork } from '../vocabulary/assert-work.js';
import type { JobDefinition, JobInvocation, TakeOptions } from './job-definition.js';
import { readJobOptions } from './job-settings.js';
import type { JobTick } from './job-tick.js';
import type { Jobs } from './jobs.js';
import { WrappedCronJobs } from './wrapped-cron-jobs.js';

/** The work of a wrapped job; it gets the tick (undefined for a run by hand) and the lock. @publicApi */
export type WrappedJobWork = (tick: JobTick | undefined, lock: LockHandle) => unknown;

/** The callback of a cron job: `CronJob.from({ onTick })`. @publicApi */
export type WrappedJob = (this: unknown) => Promise<void>;

/** Options of `pglock.jobs.wrap`. The defaults of its lock are those of jobs. @publicApi */
export interface WrappedJobOptions extends Pick<
  AdvisoryLockOptions,
  'timeout' | 'onContention' | 'sticky' | 'holdAtLeast' | 'maxHold'
> {
  /** The id of its lock. @default the name */
  readonly id?: LockId | readonly LockId[] | undefined;
  /** How late a missed tick may still be run. @default the shorter of a minute and half the period */
  readonly catchUp?: Duration | undefined;
  /** After this many failures in a row another replica gets the job. @default never */
  readonly giveBackAfter?: number | undefined;
}

const KNOWN: readonly (keyof WrappedJobOptions)[] = [
  'id',
  'timeout',
  'onContention',
  'sticky',
  'holdAtLeast',
  'maxHold',
  'catchUp',
  'giveBackAfter',
];
const DEFAULTS = Object.freeze({ timeout: 0, onContention: 'skip', sticky: true } as const);

/** @throws {PgLockUsageError} on bad ids and options. @internal */
export function wrapJob(
  jobs: Jobs,
  name: string,
  work: WrappedJobWork,
  options: WrappedJobOptions,
): WrappedJob {
  assertWork(work, 'jobs.wrap(name, work, options)');
  assertOptions(options, KNOWN, 'jobs.wrap()');
  const { id = name, catchUp, giveBackAfter, ...given } = definedOnly(options);
  const { advisory } = jobs.context;
  const onTick = advisory.resolve({ ...DEFAULTS, ...given });
  const byHand = advisory.resolve({ sticky: onTick.sticky, ...given });
  const cronJobs = new WrappedCronJobs(
    () => jobs.registered(callback),
    () => jobs.onUntimed(name),
  );

  async function invoke(invocation: JobInvocation): Promise<unknown> {
    const take = (wait: TakeOptions) =>
      advisory.hold(id, lockOptions({ onTick, byHand }, invocation, wait), 'throw', name);
    const held = await invocation.take(take);
    if (held === undefined) return undefined;
    invocation.took(held.keys);
    try {
      invocation.began();
      return await held.enter(() => work(invocation.tick, held.lock));
    } finally {
      await held.leave();
    }
  }

  const definition: JobDefinition = {
    ...readJobOptions({ catchUp, giveBackAfter }),
    ...{ name, ids: id, hasTicks: true, isRetained: onTick.sticky, schedule: null },
    ...{ cronJobs: () => cronJobs.alive(), isOver: () => cronJobs.areOver },
    invoke,
    onError: (error) => jobs.onError(error),
  };
  const job = jobs.add(definition);
  async function callback(this: unknown): Promise<void> {
    cronJobs.called(this);
    await jobs.track(job.called(definition));
  }
  return callback;
}

/** A tick waits as it decides; what is asked for by hand waits as it was given. */
function lockOptions(
  { onTick, byHand }: Readonly<Record<'onTick' | 'byHand', ResolvedAdvisoryOptions>>,
  { kind }: JobInvocation,
  { timeoutMs, signal }: TakeOptions,
): ResolvedAdvisoryOptions {
  if (kind === 'run') return byHand;
  if (kind === 'call') return onTick;
  return { ...onTick, timeoutMs, signal, onContention: 'skip' };
}
