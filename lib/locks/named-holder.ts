import { LockNotAvailableError, type LockHolder } from '../errors/lock-not-available.error.js';
import { oneLine } from '../vocabulary/one-line.js';
import type { LockId } from '../vocabulary/lock-id.js';

/** Finds out who holds an id, or one of several. Never rejects. @internal */
export type FindHolder = (id: LockId | readonly LockId[]) => Promise<LockHolder | undefined>;

/** Of an error that says that a lock was not had: the same one, with who holds it. @internal */
export async function namingHolder(error: unknown, find: FindHolder | undefined): Promise<unknown> {
  if (!(error instanceof LockNotAvailableError) || error.holder !== undefined || find === undefined)
    return error;
  const holder = await find(error.id as LockId);
  if (holder === undefined) return error;
  const { pid, applicationName, clientAddress } = holder;
  const who = [applicationName, clientAddress].map((part) => oneLine(part ?? '')).filter(Boolean);
  error.message += ` Held by backend ${pid}${who.length === 0 ? '' : ` (${who.join(', ')})`}.`;
  return Object.assign(error, { holder });
}
