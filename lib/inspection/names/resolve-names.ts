import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';
import { lockKey, type LockId } from '../../vocabulary/lock-id.js';
import { printable } from '../../vocabulary/printable.js';
import { isRegistration, RegisteredNames, type AdvisoryNameRegistration } from './registered-names.js';

/** An option `names`, checked. @internal */
export interface ResolvedNames {
  readonly ids: readonly LockId[];
  readonly registered: RegisteredNames;
}

/** @throws {PgLockUsageError} when it is no list of ids and `{ name, key }`. @internal */
export function resolveNames(names: readonly (LockId | AdvisoryNameRegistration)[] = []): ResolvedNames {
  if (!Array.isArray(names))
    throw new PgLockUsageError(`names must be a list of ids and { name, key }; got ${printable(names)}.`);
  const entries = Array.from(names as readonly (LockId | AdvisoryNameRegistration)[]);
  const registered = new RegisteredNames();
  registered.add(entries.filter(isRegistration));
  const ids = entries.filter((entry): entry is LockId => !isRegistration(entry));
  for (const id of ids) lockKey(id);
  return Object.freeze({ ids: Object.freeze(ids), registered });
}
