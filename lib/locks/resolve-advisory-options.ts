import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { durationMs, positiveDurationMs, waitMs } from '../vocabulary/duration.js';
import { assertOptions, assertSignal } from '../vocabulary/known-options.js';
import { printable } from '../vocabulary/printable.js';
import type { WaitSignal } from '../vocabulary/wait-abort.js';
import type { AdvisoryLockOptions, OnContention } from './advisory-options.js';

/** {@link AdvisoryLockOptions} read once, with Durations in milliseconds. @internal */
export interface ResolvedAdvisoryOptions {
  /** Left out means: the ambient `lock_timeout`. */
  readonly timeoutMs: number | null | undefined;
  readonly onContention: OnContention | undefined;
  readonly shared: boolean;
  readonly signal: WaitSignal | undefined;
  readonly holdAtLeastMs: number;
  readonly maxHoldMs: number | undefined;
  readonly sticky: boolean;
  readonly reentrant: boolean;
  /** How many may hold it at once; left out: one, as a plain lock. */
  readonly permits?: number | undefined;
  readonly untilCommit: boolean;
}

/** What a module sets for all its advisory locks, in milliseconds; what is undefined is left to the call and the server. @internal */
export type ResolvedAdvisoryDefaults = {
  readonly [Name in 'timeoutMs' | 'onContention' | 'holdAtLeastMs' | 'maxHoldMs' | 'reentrant']:
    ResolvedAdvisoryOptions[Name] | undefined;
};

const KNOWN = [
  'timeout',
  'onContention',
  'shared',
  'signal',
  'holdAtLeast',
  'maxHold',
  'sticky',
  'reentrant',
  'permits',
  'untilCommit',
  'xact',
  'transaction',
];
/** More would take as many tries, where all are held. */
const MOST_PERMITS = 1_000;
const FLAGS = ['shared', 'sticky', 'reentrant', 'untilCommit', 'xact'] as const;
const NO_OPTIONS: AdvisoryLockOptions = Object.freeze({});

/**
 * Reads the options of one call over the module's defaults.
 *
 * @throws {PgLockUsageError} when one is unknown, or of another type or range than allowed.
 * @internal
 */
export function resolveAdvisoryOptions(
  options: AdvisoryLockOptions | undefined,
  defaults: ResolvedAdvisoryDefaults,
): ResolvedAdvisoryOptions {
  const given = options ?? NO_OPTIONS;
  assertShape(given);
  const { timeout, holdAtLeast, maxHold } = given;
  return {
    timeoutMs: timeout === undefined ? defaults.timeoutMs : waitMs(timeout),
    onContention: onContentionOf(given.onContention) ?? defaults.onContention,
    shared: given.shared ?? false,
    signal: given.signal,
    holdAtLeastMs:
      holdAtLeast === undefined ? (defaults.holdAtLeastMs ?? 0) : durationMs(holdAtLeast, 'holdAtLeast'),
    maxHoldMs: maxHold === undefined ? defaults.maxHoldMs : positiveDurationMs(maxHold, 'maxHold'),
    sticky: given.permits === undefined && (given.sticky ?? false),
    permits: permitsOf(given),
    untilCommit: given.untilCommit ?? false,
    reentrant: given.reentrant ?? defaults.reentrant ?? false,
  };
}

function assertShape(options: AdvisoryLockOptions): void {
  assertOptions(options, KNOWN, 'an advisory lock');
  for (const name of FLAGS)
    if (options[name] !== undefined && typeof options[name] !== 'boolean')
      throw new PgLockUsageError(`${name} must be true or false; got ${printable(options[name])}.`);
  assertSignal(options.signal);
}

function permitsOf({ permits, shared, xact, transaction }: AdvisoryLockOptions): number | undefined {
  if (permits === undefined) return undefined;
  if (!Number.isSafeInteger(permits) || permits < 1 || permits > MOST_PERMITS)
    throw new PgLockUsageError(
      `permits must be a whole number from 1 to ${MOST_PERMITS}; got ${printable(permits)}.`,
    );
  if (shared === true || xact === true || transaction !== undefined)
    throw new PgLockUsageError(
      '`permits` are of session-level, exclusive locks: leave out `shared`, `xact` and `transaction`.',
    );
  return permits;
}

function onContentionOf(value: unknown): OnContention | undefined {
  if (value === undefined || value === 'throw' || value === 'skip') return value;
  throw new PgLockUsageError(`onContention must be 'throw' or 'skip'; got ${printable(value)}.`);
}

/** Whether an error only says that the lock was not acquired, where that is to be passed over. @internal */
export function isSkipped(
  error: unknown,
  { onContention }: ResolvedAdvisoryOptions,
  otherwise: OnContention,
): boolean {
  return (onContention ?? otherwise) === 'skip' && error instanceof LockNotAvailableError;
}
