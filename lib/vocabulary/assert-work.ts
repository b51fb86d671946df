import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { printable } from './printable.js';

/**
 * The one check of every verb that runs work.
 *
 * @param call how the verb is called, such as `timeout(duration, options, work)`.
 * @throws {PgLockUsageError} when the work is not a function.
 * @internal
 */
export function assertWork(work: unknown, call: string): asserts work is (...args: never[]) => unknown {
  if (typeof work !== 'function')
    throw new PgLockUsageError(`${call}: work must be a function; got ${printable(work)}.`);
}
