import { LockNotAvailableError, type LockHolder } from '../errors/lock-not-available.error.js';
import { oneLine } from '../vocabulary/one-line.js';
import type { LockId, LockKey } from '../vocabulary/lock-id.js';

/** What is known of a refusal, and is not for its error to tell. @internal */
export interface RefusalFacts {
  /** The backend that asked: in its transaction it may hold some of several ids, and it is not meant. */
  readonly askedBy?: number | undefined;
  /** Whose holder is meant, where these are not the keys of the id. */
  readonly keys?: readonly LockKey[] | undefined;
}

/** Finds out who holds an id, or one of several. Never rejects. @internal */
export type FindHolder = (
  id: LockId | readonly LockId[],
  facts?: RefusalFacts,
) => Promise<LockHolder | undefined>;

const FACTS = new WeakMap<LockNotAvailableError, RefusalFacts>();

/** Notes what is known of a refusal. @internal */
export function withFacts(error: LockNotAvailableError, facts: RefusalFacts): LockNotAvailableError {
  FACTS.set(error, facts);
  return error;
}

/** Of an error that says that a lock was not acquired: the same one, with who holds it. @internal */
export async function namingHolder(error: unknown, find: FindHolder | undefined): Promise<unknown> {
  if (!(error instanceof LockNotAvailableError) || error.holder !== undefined || find === undefined)
    return error;
  const holder = await find(error.id as LockId, FACTS.get(error));
  if (holder === undefined) return error;
  const { pid, applicationName, clientAddress } = holder;
  const who = [applicationName, clientAddress].map((part) => oneLine(part ?? '')).filter(Boolean);
  error.message += ` Held by backend ${pid}${who.length === 0 ? '' : ` (${who.join(', ')})`}.`;
  return Object.assign(error, { holder });
}
