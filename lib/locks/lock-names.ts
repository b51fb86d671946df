import { lockKey, type AdvisoryKey, type LockId, type LockKey } from '../vocabulary/lock-id.js';

/** How many ids a process remembers; the oldest is forgotten first. */
const MOST = 10_000;

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
