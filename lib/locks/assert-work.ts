import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { printable } from '../vocabulary/printable.js';

/** @throws {PgLockUsageError} when it cannot be run. @internal */
export function assertWork(work: unknown): asserts work is (...args: never[]) => unknown {
  if (typeof work !== 'function')
    throw new PgLockUsageError(`The work to run under the lock must be a function; got ${printable(work)}.`);
}
