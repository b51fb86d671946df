import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { printable } from './printable.js';

/**
 * The eight table-level lock modes, spelled as in SQL, weakest first.
 *
 * @see https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
 * @publicApi
 */
export const LOCK_MODES = Object.freeze([
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
] as const);

/** One of the eight table-level lock modes. @publicApi */
export type LockMode = (typeof LOCK_MODES)[number];

/** @throws {PgLockUsageError} when the mode is none of the eight. @internal */
export function assertLockMode(mode: unknown): asserts mode is LockMode {
  if (!(LOCK_MODES as readonly unknown[]).includes(mode))
    throw new PgLockUsageError(`mode must be one of ${LOCK_MODES.join(', ')}; got ${printable(mode)}.`);
}
