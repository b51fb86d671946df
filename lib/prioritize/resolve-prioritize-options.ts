import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { predicatesOf } from '../inspection/where.js';
import { BLOCKED_ATTRIBUTES } from '../sql/inspection-attributes.js';
import type { Predicate } from '../sql/inspection-predicate.js';
import { durationMs, positiveDurationMs, type Duration } from '../vocabulary/duration.js';
import { assertOptions } from '../vocabulary/known-options.js';
import { printable } from '../vocabulary/printable.js';
import { BlockerRule, terminate, type OnBlocked } from './blocker-rule.js';
import type { PrioritizeOptions } from './prioritize-options.js';

/** What a module sets for all its prioritized work, in milliseconds. @internal */
export interface ResolvedPrioritizeDefaults {
  readonly intervalMs: number;
  readonly periodic: boolean;
  readonly timeoutMs: number | null | undefined;
  readonly escalateMs: number | undefined;
  readonly protect: object | undefined;
  readonly dryRun: boolean;
}

/** {@link PrioritizeOptions}, checked, in milliseconds. @internal */
export interface ResolvedPrioritizeOptions {
  readonly intervalMs: number;
  readonly periodic: boolean;
  /** `null` is no lock timeout, `undefined` leaves the ambient one. */
  readonly timeoutMs: number | null | undefined;
  readonly onBlocked: OnBlocked;
  /** The where of the rule. */
  readonly where: readonly Predicate[];
  readonly escalateMs: number | undefined;
  readonly spared: readonly Predicate[];
  readonly dryRun: boolean;
  readonly transaction: object | undefined;
  readonly onKilled: PrioritizeOptions['onKilled'];
  readonly retries: number;
  readonly retryDelayMs: number;
}

const NAMES: readonly (keyof PrioritizeOptions)[] = [
  'interval',
  'periodic',
  'timeout',
  'onBlocked',
  'escalate',
  'protect',
  'dryRun',
  'transaction',
  'onKilled',
  'retries',
  'retryDelay',
];
const RETRY_DELAY_MS = 1_000;

/**
 * Checks the options of one call. Sends nothing.
 *
 * @throws {PgLockUsageError} when one is unknown, unreadable or out of range, or two contradict each other.
 * @internal
 */
export function resolvePrioritizeOptions(
  options: PrioritizeOptions,
  fallbacks: ResolvedPrioritizeDefaults,
  namespace: string,
): ResolvedPrioritizeOptions {
  assertKnown(options);
  const { onBlocked = terminate(), transaction, onKilled } = options;
  const retries = retriesOf(options);
  const timeoutMs = timeoutOf(options.timeout, fallbacks.timeoutMs);
  const intervalMs = orElse(options.interval, 'interval', fallbacks.intervalMs);
  const rule = onBlocked instanceof BlockerRule ? onBlocked : undefined;
  if (rule === undefined && typeof onBlocked !== 'function')
    throw new PgLockUsageError(
      `onBlocked must be terminate(…), cancel(…) or a function; got ${printable(onBlocked)}.`,
    );
  if (rule === undefined && options.escalate !== undefined)
    throw new PgLockUsageError(
      'escalate goes with terminate() and cancel(); a function of your own decides by itself.',
    );
  return {
    // Work that gives up soon wants to know its blockers before that.
    intervalMs: retries > 0 && timeoutMs ? Math.max(1, Math.min(intervalMs, timeoutMs / 2)) : intervalMs,
    periodic: flag(options.periodic, 'periodic', fallbacks.periodic),
    timeoutMs,
    onBlocked,
    where: predicatesOf(rule?.where, BLOCKED_ATTRIBUTES, namespace),
    escalateMs: rule === undefined ? undefined : orElse(options.escalate, 'escalate', fallbacks.escalateMs),
    spared: sparedBy(options.protect ?? fallbacks.protect),
    dryRun: flag(options.dryRun, 'dryRun', fallbacks.dryRun),
    // `'ambient'` was found out at the door.
    transaction: transaction as object | undefined,
    onKilled,
    retries,
    retryDelayMs:
      options.retryDelay === undefined ? RETRY_DELAY_MS : durationMs(options.retryDelay, 'retryDelay'),
  };
}

/** @throws {PgLockUsageError} when the where has an unknown attribute or operator in it. @internal */
export function sparedBy(protect: object | undefined): readonly Predicate[] {
  if (protect === undefined) return [];
  return predicatesOf({ blockingActivity: protect }, BLOCKED_ATTRIBUTES);
}

function assertKnown(options: PrioritizeOptions): void {
  if (typeof options !== 'object' || (options as unknown) === null)
    throw new PgLockUsageError(`prioritize takes options and work; got ${printable(options)}.`);
  assertOptions(options, NAMES, 'prioritize');
}

function retriesOf({ retries = 0, transaction }: PrioritizeOptions): number {
  if (!Number.isInteger(retries) || retries < 0)
    throw new PgLockUsageError(`retries must be a whole number, 0 or more; got ${printable(retries)}.`);
  if (retries > 0 && transaction !== undefined)
    throw new PgLockUsageError(
      'retries cannot go with transaction: after a lock timeout it can only be rolled back.',
    );
  return retries;
}

function timeoutOf(
  timeout: Duration | null | undefined,
  fallback: number | null | undefined,
): number | null | undefined {
  if (timeout === undefined) return fallback;
  return timeout === null ? null : positiveDurationMs(timeout, 'timeout');
}

function orElse<T>(duration: Duration | undefined, name: string, fallback: T): number | T {
  return duration === undefined ? fallback : positiveDurationMs(duration, name);
}

function flag(value: unknown, name: string, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value === 'boolean') return value;
  throw new PgLockUsageError(`${name} must be true or false; got ${printable(value)}.`);
}
