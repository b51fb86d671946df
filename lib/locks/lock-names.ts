import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { isPair, lockKey, type AdvisoryKey, type LockId, type LockKey } from '../vocabulary/lock-id.js';

/** How many ids a process remembers; the oldest is forgotten first. */
const MOST = 10_000;

/** One id with its key. @internal */
export interface NamedKey {
  readonly id: LockId;
  readonly key: LockKey;
}

/** Remembers which id stands behind which key, so that a key in `pg_locks` can be shown by its name. @internal */
export class LockNames {
  private readonly keys = new Map<string, LockKey>();
  private readonly names = new Map<string, LockId>();

  constructor(private readonly namespace: string) {}

  /** The key of an id, in this module's namespace. @throws {PgLockUsageError} when it is no id. */
  keyOf(id: LockId): LockKey {
    if (typeof id !== 'string') return this.remember(id, lockKey(id));
    const known = this.keys.get(id);
    if (known !== undefined) return known;
    const key = lockKey(id, this.namespace);
    if (this.keys.size >= MOST) this.keys.delete(this.keys.keys().next().value as string);
    this.keys.set(id, key);
    return this.remember(id, key);
  }

  /**
   * One id, or several without repetition in the order in which everybody locks them; two plain numbers are one pair.
   *
   * @throws {PgLockUsageError} when one is no id, or the list is empty.
   */
  keysOf(ids: LockId | readonly LockId[]): readonly NamedKey[] {
    if (!Array.isArray(ids) || isPair(ids)) return [{ id: ids as LockId, key: this.keyOf(ids as LockId) }];
    if (ids.length === 0) throw new PgLockUsageError('The list of lock ids is empty; give at least one id.');
    const named = (ids as readonly LockId[]).map((id) => ({ id, key: this.keyOf(id) }));
    const byKey = new Map(named.map((one) => [one.key.text, one]));
    return [...byKey.values()].sort((a, b) => (a.key.text < b.key.text ? -1 : 1));
  }

  /** The id behind a key, where this process has seen it. */
  nameOf(key: AdvisoryKey): LockId | undefined {
    return this.names.get(`${key.classId}:${key.objId}:${key.objSubId}`);
  }

  private remember(id: LockId, key: LockKey): LockKey {
    if (this.names.has(key.text)) return key;
    if (this.names.size >= MOST) this.names.delete(this.names.keys().next().value as string);
    this.names.set(key.text, id);
    return key;
  }
}
