import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { assertOptions } from '../vocabulary/known-options.js';
import { printable } from '../vocabulary/printable.js';

/**
 * A fencing token together with the primary that gave it: compare `epoch` first, then `token`.
 *
 * @publicApi
 */
export interface FencingToken {
  /** The server's timeline, which grows with each promotion of a standby and each point-in-time recovery. */
  readonly epoch: bigint;
  /** What `fencingToken()` gives: grows from holder to holder within one timeline. */
  readonly token: bigint;
}

/** Options of `fencingToken`. @publicApi */
export interface FencingTokenOptions {
  /** Whether to give the epoch as well; default false. */
  readonly epoch?: boolean | undefined;
}

/** Whether the epoch is asked for. @throws {PgLockUsageError} for any other option. @internal */
export function wantsEpoch(options: FencingTokenOptions | undefined): boolean {
  if (options === undefined) return false;
  assertOptions(options, ['epoch'], 'fencingToken');
  const epoch: unknown = options.epoch;
  if (epoch !== undefined && typeof epoch !== 'boolean')
    throw new PgLockUsageError(`epoch must be true or false; got ${printable(epoch)}.`);
  return epoch ?? false;
}
