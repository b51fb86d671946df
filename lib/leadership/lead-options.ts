import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { LONGEST_NAME } from '../peers/peer-message.js';
import { positiveDurationMs, type Duration } from '../vocabulary/duration.js';
import { assertOptions, assertSignal } from '../vocabulary/known-options.js';
import { printable } from '../vocabulary/printable.js';
import type { Leadership } from './leadership.js';

/** How long to pause after an error of the work. @publicApi */
export interface LeadBackOff {
  /** The pause after the first error; doubled after each further one, and varied at random by up to half; not above `most`. @default '200ms' */
  readonly first?: Duration | undefined;
  /** The longest pause. @default '30s', or `first` where that is longer */
  readonly most?: Duration | undefined;
}

/** Options of `pglock.lead`. @publicApi */
export interface LeadOptions {
  /** Stops standing by, or resigns: the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * After this many errors in a row another process gets the lead, and the call rejects with the last error; `null`: never.
   * The count starts anew once the work has run for longer than the longest pause. A whole number from 1.
   *
   * @default 5
   */
  readonly giveUpAfter?: number | null | undefined;
  /** The pauses between an error and the next attempt. The lead is kept during the pause. */
  readonly backOff?: LeadBackOff | undefined;
  /** Called when this process begins to lead, before the work. */
  readonly onElected?: ((leadership: Leadership) => void) | undefined;
  /** Called when this process has given up the lead: the work has ended, the lead was resigned, or the work failed too often. */
  readonly onResigned?: ((leadership: Leadership) => void) | undefined;
  /** Called when the lead is lost, after `signal` has aborted. */
  readonly onLost?: ((leadership: Leadership, error: Error) => void) | undefined;
}

/** {@link LeadOptions} read once. @internal */
export interface ResolvedLeadOptions {
  readonly signal: AbortSignal | undefined;
  readonly giveUpAfter: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  readonly onElected: LeadOptions['onElected'];
  readonly onResigned: LeadOptions['onResigned'];
  readonly onLost: LeadOptions['onLost'];
}

const KNOWN = ['signal', 'giveUpAfter', 'backOff', 'onElected', 'onResigned', 'onLost'];
const HOOKS = ['onElected', 'onResigned', 'onLost'] as const;
const DEFAULTS = { giveUpAfter: 5, firstPauseMs: 200, longestPauseMs: 30_000 };

/** @throws {PgLockUsageError} when an option is unknown, or of another type or range than allowed. @internal */
export function resolveLeadOptions(options: LeadOptions = {}): ResolvedLeadOptions {
  assertOptions(options, KNOWN, 'leading');
  for (const name of HOOKS)
    if (options[name] !== undefined && typeof options[name] !== 'function')
      throw new PgLockUsageError(`${name} must be a function; got ${printable(options[name])}.`);
  const { signal, backOff, onElected, onResigned, onLost } = options;
  assertSignal(signal);
  const pauses: LeadBackOff = backOff ?? {};
  assertOptions(pauses, ['first', 'most'], 'backOff');
  return {
    signal,
    giveUpAfter: giveUpAfterOf(options.giveUpAfter),
    ...pausesOf(pauses),
    onElected,
    onResigned,
    onLost,
  };
}

function pausesOf({
  first,
  most,
}: LeadBackOff): Pick<ResolvedLeadOptions, 'firstPauseMs' | 'longestPauseMs'> {
  const firstPauseMs =
    first === undefined ? DEFAULTS.firstPauseMs : positiveDurationMs(first, 'backOff.first');
  const longestPauseMs =
    most === undefined
      ? Math.max(DEFAULTS.longestPauseMs, firstPauseMs)
      : positiveDurationMs(most, 'backOff.most');
  if (first !== undefined && firstPauseMs > longestPauseMs)
    throw new PgLockUsageError(
      `backOff.first must not be longer than backOff.most; got ${printable(first)} and ${printable(most)}.`,
    );
  return { firstPauseMs: Math.min(firstPauseMs, longestPauseMs), longestPauseMs };
}

/** @throws {PgLockUsageError} when it names nothing. @internal */
export function leaderName(name: unknown): string {
  if (typeof name !== 'string' || name === '')
    throw new PgLockUsageError(
      `The name of what is led must be a string that is not empty; got ${printable(name)}.`,
    );
  if (name.length > LONGEST_NAME)
    throw new PgLockUsageError(
      `The name of what is led must be a string of at most ${LONGEST_NAME} characters; got ${printable(name)} (${name.length}).`,
    );
  return name;
}

function giveUpAfterOf(value: unknown): number {
  if (value === undefined) return DEFAULTS.giveUpAfter;
  if (value === null) return Infinity;
  if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
  throw new PgLockUsageError(`giveUpAfter must be a whole number from 1, or null; got ${printable(value)}.`);
}
