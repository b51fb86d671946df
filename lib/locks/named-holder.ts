import { LockNotAvailableError, type LockHolder } from '../errors/lock-not-available.error.js';
import { oneLine } from '../vocabulary/one-line.js';
import type { LockId } from '../vocabulary/lock-id.js';

/**
 * Finds out who holds an id, or one of several. Never rejects.
 *
 * @param askedBy a backend that is not meant: the one that asked for the lock.
 * @internal
 */
export type FindHolder = (
  id: LockId | readonly LockId[],
  askedBy?: number,
) => Promise<LockHolder | undefined>;

const askers = new WeakMap<LockNotAvailableError, number>();

/** Notes the backend that was refused: in its transaction it may hold some of several ids. @internal */
export function askedBy(error: LockNotAvailableError, pid: number | undefined): LockNotAvailableError {
  if (pid !== undefined) askers.set(error, pid);
  return error;
}

/** Of an error that says that a lock was not had: the same one, with who holds it. @internal */
export async function namingHolder(error: unknown, find: FindHolder | undefined): Promise<unknown> {
  if (!(error instanceof LockNotAvailableError) || error.holder !== undefined || find === undefined)
    return error;
  const holder = await find(error.id as LockId, askers.get(error));
  if (holder === undefined) return error;
  const { pid, applicationName, clientAddress } = holder;
  const who = [applicationName, clientAddress].map((part) => oneLine(part ?? '')).filter(Boolean);
  error.message += ` Held by backend ${pid}${who.length === 0 ? '' : ` (${who.join(', ')})`}.`;
  return Object.assign(error, { holder });
}
