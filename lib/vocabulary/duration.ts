import ms, { type StringValue } from 'ms';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { printable } from './printable.js';

/**
 * A span of time: a number of milliseconds, or a string that the `ms` package reads (`'500ms'`, `'2s'`, `'5 minutes'`).
 *
 * @see https://www.npmjs.com/package/ms
 * @publicApi
 */
export type Duration = number | StringValue;

/** PostgreSQL's largest `lock_timeout`, in milliseconds: a 32-bit integer. @internal */
export const MAX_SERVER_TIMEOUT_MS = 2_147_483_647;

/**
 * The milliseconds of a Duration; zero is allowed.
 *
 * @throws {PgLockUsageError} when it is negative, `NaN`, infinite, no whole number of milliseconds, or a text that `ms` does not read.
 * @internal
 */
export function durationMs(value: Duration, what = 'duration'): number {
  const milliseconds = typeof value === 'number' ? value : readText(value);
  if (milliseconds === undefined || !Number.isFinite(milliseconds)) throw badDuration(what, value);
  const whole = Math.round(milliseconds);
  // A text such as '1.001s' is multiplied, which leaves a trace in floating point.
  const trace = typeof value === 'number' ? 0 : 1e-6;
  if (milliseconds < 0 || Math.abs(milliseconds - whole) > trace) throw badDuration(what, value);
  return whole;
}

/** Like {@link durationMs}, but zero is refused too. @internal */
export function positiveDurationMs(value: Duration, what = 'duration'): number {
  const milliseconds = durationMs(value, what);
  if (milliseconds === 0)
    throw new PgLockUsageError(`${what} must be longer than zero, got ${printable(value)}.`);
  return milliseconds;
}

/** A wait: `null` (indefinitely) stays `null`, a Duration becomes milliseconds, left out stays `undefined`. @internal */
export function waitMs(value: Duration | null | undefined, what = 'timeout'): number | null | undefined {
  return value === null || value === undefined ? value : durationMs(value, what);
}

/**
 * How `lock_timeout` spells a wait. PostgreSQL reads 0 as "indefinitely", so only this function translates.
 *
 * @see https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
 * @internal
 */
export function serverTimeoutMs(waitInMs: number | null): number {
  if (waitInMs === null) return 0;
  return Math.min(Math.max(Math.ceil(waitInMs), 1), MAX_SERVER_TIMEOUT_MS);
}

function readText(value: unknown): number | undefined {
  if (typeof value !== 'string' || value.length === 0 || value.length > 100) return undefined;
  const milliseconds: number | undefined = ms(value as StringValue); // undefined for a text that it cannot read
  return milliseconds;
}

function badDuration(what: string, value: unknown): PgLockUsageError {
  return new PgLockUsageError(
    `${what} must be a number of milliseconds (a whole one, 0 or above) or a text such as '500ms', '2s', '5 minutes'; got ${printable(value)}.`,
  );
}
