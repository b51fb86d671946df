import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { printable } from '../vocabulary/printable.js';
import type { PeersJob } from './job-listing.js';
import { runElsewhere, unknownJob } from './job-runs.js';
import { JOB_RELEASE } from './job-questions.js';
import { assertJobName } from './job-settings.js';
import type { JobRun, JobStatus } from './job-status.js';
import type { Jobs } from './jobs.js';
import { wrapJob, type WrappedJob, type WrappedJobOptions, type WrappedJobWork } from './wrapped-job.js';

/**
 * The scheduled jobs of an application, over all its replicas: `pglock.jobs`.
 *
 * @publicApi
 */
export class PgLockJobs {
  readonly #jobs: Jobs;

  /** @internal */
  constructor(jobs: Jobs) {
    this.#jobs = jobs;
  }

  /**
   * Lists all jobs, one row each, as reported by this process and all replicas on the database that answer within a second. Sends
   * one `NOTIFY`, and writes to no table.
   *
   * @throws {PgLockUsageError} after the shutdown.
   * @see https://www.postgresql.org/docs/current/sql-notify.html
   */
  find(): Promise<JobStatus[]> {
    return this.#jobs.find();
  }

  /**
   * Gives a job to another replica: the one that keeps its lock between runs releases it, and leaves the next tick to the others.
   * Sends one `NOTIFY` if that is not this process.
   *
   * @throws {PgLockUsageError} when no replica has a job of this name, or after the shutdown.
   */
  async release(name: string): Promise<void> {
    const here = this.#jobs.named(assertName(name));
    if (here?.hold !== undefined) {
      here.giveBack();
      return;
    }
    const theirs = await (here === undefined ? this.#theirs(name) : this.#jobs.elsewhere());
    const { peers } = this.#jobs.context;
    const named = theirs.filter((job) => job.name === name).map(({ job }) => job);
    const identities = new Set([...named, ...(here ? [here.identity] : [])]);
    await Promise.all([...identities].map((job) => peers.tell(JOB_RELEASE, { job })));
  }

  /**
   * Runs a job now, under its lock: here if this process has the job, else on a replica that has it (asked by `NOTIFY`). It waits
   * for the lock as a handler does, does not count as a tick, and leaves the next ticks as they are.
   *
   * @returns the run, even if the job failed: see its `outcome` and `error`.
   * @throws {PgLockUsageError} when no replica has a job of this name, or after the shutdown.
   * @throws {LockNotAvailableError} when the lock was not acquired in time.
   */
  async run(name: string): Promise<JobRun> {
    const here = this.#jobs.named(assertName(name));
    if (here === undefined) return this.#runElsewhere(name);
    const run = await this.#jobs.track(here.runByHand());
    if (run !== undefined) return run;
    const message = `Job ${name} was not run: its lock is taken, or a guard refused.`;
    throw new LockNotAvailableError(message, { id: here.definition.ids, waited: 0 });
  }

  /**
   * A callback for a job that is added while the application runs, with everything that `AdvisoryLock` gives a `@Cron`.
   *
   * @example
   * const job = CronJob.from({ cronTime: '0 2 * * *', onTick: pglock.jobs.wrap('reports.nightly', () => build()) })
   * schedulerRegistry.addCronJob('reports.nightly', job)
   * job.start()
   * @param name the name of the job, the same on every replica; also the id of its lock, unless `options.id` is given.
   * @throws {PgLockUsageError} on a bad id, name or option, or when the work is not a function.
   */
  wrap(name: string, work: WrappedJobWork, options: WrappedJobOptions = {}): WrappedJob {
    assertJobName(assertName(name), 'The name of a job');
    return wrapJob(this.#jobs, name, work, options);
  }

  async #runElsewhere(name: string): Promise<JobRun> {
    const theirs = await this.#theirs(name);
    const chosen = theirs.find(({ pid }) => pid !== null) ?? theirs[0];
    return runElsewhere(chosen, this.#jobs.context.peers);
  }

  /** At least one that a peer has; whoever was too busy to answer in time is asked once more. */
  async #theirs(name: string): Promise<readonly [PeersJob, ...PeersJob[]]> {
    const known = this.#jobs.list().map(({ definition }) => definition.name);
    for (let asked = 0; asked < 2; asked++) {
      const all = await this.#jobs.elsewhere();
      const [first, ...more] = all.filter((job) => job.name === name);
      if (first !== undefined) return [first, ...more];
      known.push(...all.map((job) => job.name));
    }
    throw unknownJob(name, known);
  }
}

function assertName(name: unknown): string {
  if (typeof name === 'string' && name !== '') return name;
  throw new PgLockUsageError(`The name of a job must be a text; got ${printable(name)}.`);
}
