import type { AdvisoryLockOptions } from '../locks/advisory-options.js';
import type { PrioritizeOptions } from '../prioritize/prioritize-options.js';
import { durationMs, positiveDurationMs, waitMs } from '../vocabulary/duration.js';

/** Which database, for handlers of applications that have several. @publicApi */
export interface ConnectionOption {
  /** The `name` of the database's `PgLockModule.forRoot`. @default 'default' */
  readonly connection?: string;
}

/**
 * How a handler or method takes its lock. On a scheduled job the defaults are
 * `{ timeout: 0, onContention: 'skip', sticky: true }`, elsewhere it waits and throws.
 *
 * @publicApi
 */
export interface AdvisoryLockHandlerOptions
  extends Omit<AdvisoryLockOptions, 'signal' | 'transaction'>, ConnectionOption {}

/** One replica runs it, every tick once, never overlapping itself. */
const JOB_DEFAULTS = Object.freeze({ timeout: 0, onContention: 'skip', sticky: true } as const);

/** What is passed on to `advisory`: without the database's name, and with the defaults of jobs for a job. @internal */
export function lockOptions(options: AdvisoryLockHandlerOptions, isJob: boolean): AdvisoryLockOptions {
  const given: Omit<AdvisoryLockHandlerOptions, 'connection'> = { ...options };
  Reflect.deleteProperty(given, 'connection');
  if (!isJob) return given;
  // What ends with its transaction cannot be kept between runs.
  return { ...JOB_DEFAULTS, ...(given.xact === true ? { sticky: false } : {}), ...definedOnly(given) };
}

/** @throws {PgLockUsageError} for an unreadable Duration, so that the boot fails rather than each call. @internal */
export function checkLockOptions(options: AdvisoryLockHandlerOptions): void {
  waitMs(options.timeout);
  if (options.holdAtLeast !== undefined) durationMs(options.holdAtLeast, 'holdAtLeast');
  if (options.maxHold !== undefined) positiveDurationMs(options.maxHold, 'maxHold');
}

function definedOnly<Options extends object>(options: Options): Partial<Options> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Partial<Options>;
}

/** How a handler's or method's way is cleared. A handler has no transaction to give, and is not run again. @publicApi */
export interface PrioritizeHandlerOptions
  extends Omit<PrioritizeOptions, 'transaction' | 'retries' | 'retryDelay'>, ConnectionOption {}

/** What is passed on to `prioritize`: without the database's name. @internal */
export function prioritizeOptions(options: PrioritizeHandlerOptions): PrioritizeOptions {
  const given: Omit<PrioritizeHandlerOptions, 'connection'> = { ...options };
  Reflect.deleteProperty(given, 'connection');
  return given;
}
