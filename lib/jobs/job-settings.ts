import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { LONGEST_NAME } from '../peers/peer-message.js';
import { durationMs, type Duration } from '../vocabulary/duration.js';
import { printable } from '../vocabulary/printable.js';

/** Options of a job, in addition to those of its lock. @publicApi */
export interface JobOptions {
  /**
   * How late a missed tick may still be run; `0` is never. Of several missed ticks within it, only the latest is run. Only on
   * `@Cron` methods with one fixed, exclusive lock.
   *
   * @default the shorter of a minute and half the period; at least the lease, a heartbeat and 2 seconds where the period allows
   */
  readonly catchUp?: Duration | undefined;
  /**
   * The name of the job on all replicas. Its ticks are identified by this name and the lock: when you rename a method, give the
   * former name here. Only on scheduled methods.
   *
   * @default `Class.method`
   */
  readonly job?: string | undefined;
  /** After this many failures in a row another replica gets the job. Only on scheduled methods. @default never */
  readonly giveBackAfter?: number | undefined;
}

/** The names of {@link JobOptions}. @internal */
export const JOB_OPTIONS = ['catchUp', 'job', 'giveBackAfter'] as const;

/** @throws {PgLockUsageError} when it names no job. @internal */
export function assertJobName(name: unknown, what: string): asserts name is string {
  if (typeof name !== 'string' || name.trim() === '')
    throw new PgLockUsageError(`${what} must be a text that is not empty; got ${printable(name)}.`);
  if (name.length > LONGEST_NAME || name.includes('\0'))
    throw new PgLockUsageError(
      `${what} must be a text of at most ${LONGEST_NAME} characters without NUL; got ${printable(name)} (${name.length}).`,
    );
}

/** @throws {PgLockUsageError} when one cannot be read. @internal */
export function readJobOptions({ catchUp, job, giveBackAfter }: JobOptions): {
  readonly catchUpMs: number | undefined;
  readonly giveBackAfter: number | undefined;
} {
  if (job !== undefined) assertJobName(job, 'job');
  if (giveBackAfter !== undefined && !(Number.isSafeInteger(giveBackAfter) && giveBackAfter > 0))
    throw new PgLockUsageError(
      `giveBackAfter must be a whole number above 0; got ${printable(giveBackAfter)}.`,
    );
  return {
    catchUpMs: catchUp === undefined ? undefined : durationMs(catchUp, 'catchUp'),
    giveBackAfter,
  };
}
