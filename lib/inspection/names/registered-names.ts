import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';
import { LockKey, lockKey, type AdvisoryKey, type LockId } from '../../vocabulary/lock-id.js';
import { printable } from '../../vocabulary/printable.js';

/** What an application calls an advisory key that something else takes. @publicApi */
export interface AdvisoryNameRegistration {
  /** What listings show. */
  readonly name: string;
  /** The key: an id, or its figures as `pg_locks` shows them. No namespace is put before a text. */
  readonly key: LockId | AdvisoryKey;
}

/** Names of keys that the application, rather than this library, knows. @internal */
export class RegisteredNames {
  readonly #names = new Map<string, string>();

  /** @throws {PgLockUsageError} when a name is empty, or a key is none. */
  add(registrations: readonly AdvisoryNameRegistration[]): void {
    const checked = registrations.map((registration) => checkedName(registration));
    for (const { text, name } of checked) this.#names.set(text, name);
  }

  nameOf({ classId, objId, objSubId }: AdvisoryKey): string | undefined {
    return this.#names.get(`${classId}:${objId}:${objSubId}`);
  }
}

/** Those of the whole process. @internal */
export const PROCESS_NAMES = new RegisteredNames();

/**
 * Names advisory keys that other software takes: listings, trees and the dashboard of this process show them. A later name of
 * a key replaces an earlier one.
 *
 * Sends nothing.
 *
 * @example registerAdvisoryNames([{ name: 'nightly import', key: 4711n }])
 * @throws {PgLockUsageError} when a name is empty, or a key is none; nothing is registered then.
 * @publicApi
 */
export function registerAdvisoryNames(names: readonly AdvisoryNameRegistration[]): void {
  if (!Array.isArray(names))
    throw new PgLockUsageError(
      `registerAdvisoryNames takes a list of { name, key }; got ${printable(names)}.`,
    );
  PROCESS_NAMES.add(names as readonly AdvisoryNameRegistration[]);
}

/** Whether an entry of an option `names` is a registration, rather than an id. @internal */
export function isRegistration(entry: unknown): entry is AdvisoryNameRegistration {
  return typeof entry === 'object' && entry !== null && 'name' in entry && 'key' in entry;
}

function checkedName(registration: AdvisoryNameRegistration): {
  readonly text: string;
  readonly name: string;
} {
  if (!isRegistration(registration) || typeof registration.name !== 'string' || registration.name === '')
    throw new PgLockUsageError(`A name of an advisory key is { name, key }; got ${printable(registration)}.`);
  const { name, key } = registration;
  return { name, text: isFigures(key) ? LockKey.ofAdvisoryKey(key).text : lockKey(key).text };
}

function isFigures(key: LockId | AdvisoryKey): key is AdvisoryKey {
  return typeof key === 'object' && 'classId' in key;
}
