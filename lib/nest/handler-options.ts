import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { JOB_OPTIONS, readJobOptions, type JobOptions } from '../jobs/job-settings.js';
import type { AdvisoryLockOptions } from '../locks/advisory-options.js';
import { resolveAdvisoryOptions, type ResolvedAdvisoryDefaults } from '../locks/resolve-advisory-options.js';
import { assertLastsAsTransaction } from '../locks/xact-lock-options.js';
import type { PrioritizeOptions } from '../prioritize/prioritize-options.js';
import { resolvePrioritizeOptions } from '../prioritize/resolve-prioritize-options.js';
import { definedOnly } from '../vocabulary/known-options.js';

/** Selects the database, in applications that have several. @publicApi */
export interface ConnectionOption {
  /** The `name` of the database's `PgLockModule.forRoot`. @default 'default' */
  readonly connection?: string | undefined;
}

/**
 * Options of the lock of a handler or method. On a scheduled job the defaults are
 * `{ timeout: 0, onContention: 'skip', sticky: true }`; elsewhere it waits, and throws on contention.
 *
 * @publicApi
 */
export interface AdvisoryLockHandlerOptions
  extends Omit<AdvisoryLockOptions, 'signal' | 'transaction'>, ConnectionOption, JobOptions {}

/** One replica runs it, every tick once, never overlapping itself. */
const JOB_DEFAULTS = Object.freeze({ timeout: 0, onContention: 'skip', sticky: true } as const);

/** What is passed on to `advisory`: without the database's name, and with the defaults of jobs for a job. @internal */
export function lockOptions(options: AdvisoryLockHandlerOptions, isJob: boolean): AdvisoryLockOptions {
  const given: Omit<AdvisoryLockHandlerOptions, 'connection' | keyof JobOptions> = { ...options };
  for (const name of ['connection', ...JOB_OPTIONS]) Reflect.deleteProperty(given, name);
  if (!isJob) return given;
  // What ends with its transaction cannot be kept between runs.
  return { ...JOB_DEFAULTS, ...(given.xact === true ? { sticky: false } : {}), ...definedOnly(given) };
}

/** @throws {PgLockUsageError} for what cannot be meant, so that the boot fails rather than each call. @internal */
export function checkLockOptions(options: AdvisoryLockHandlerOptions): void {
  for (const name of ['signal', 'transaction'])
    if (name in options)
      throw new PgLockUsageError(`${name} means nothing on a handler: it is one for each call.`);
  resolveAdvisoryOptions(lockOptions(options, false), NO_DEFAULTS);
  checkJobOptions(options);
  if (options.xact === true) assertLastsAsTransaction(options);
}

function checkJobOptions(options: JobOptions): void {
  try {
    readJobOptions(options);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new PgLockConfigurationError(`PgLockModule: AdvisoryLock: ${message}`, { cause });
  }
}

const NO_DEFAULTS: ResolvedAdvisoryDefaults = {
  timeoutMs: undefined,
  onContention: undefined,
  holdAtLeastMs: undefined,
  maxHoldMs: undefined,
  reentrant: undefined,
};

/** Options of `prioritize` for handlers and methods, which have no transaction to pass and are not rerun. @publicApi */
export interface PrioritizeHandlerOptions
  extends Omit<PrioritizeOptions, 'transaction' | 'retries' | 'retryDelay'>, ConnectionOption {}

/** What is passed on to `prioritize`: without the database's name. @internal */
export function prioritizeOptions(options: PrioritizeHandlerOptions): PrioritizeOptions {
  const given: Omit<PrioritizeHandlerOptions, 'connection'> = { ...options };
  Reflect.deleteProperty(given, 'connection');
  return given;
}

/** @throws {PgLockUsageError} for what cannot be meant, so that the boot fails rather than each call. @internal */
export function checkPrioritizeOptions(options: PrioritizeHandlerOptions): void {
  resolvePrioritizeOptions(prioritizeOptions(options), NO_FALLBACKS, '');
}

const NO_FALLBACKS = {
  intervalMs: 0,
  periodic: true,
  timeoutMs: undefined,
  escalateMs: undefined,
  protect: undefined,
  dryRun: false,
};
