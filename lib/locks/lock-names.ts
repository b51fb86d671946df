import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { isPair, lockKey, type AdvisoryKey, type LockId, type LockKey } from '../vocabulary/lock-id.js';
import { RecentMap } from './recent-map.js';

/** How many ids a process remembers at the most. */
const MOST = 10_000;

/** One id with its key. @internal */
export interface NamedKey {
  readonly id: LockId;
  readonly key: LockKey;
}

/** Remembers which id stands behind which key, so that a key in `pg_locks` can be shown by its name. @internal */
export class LockNames {
  private readonly seen = new RecentMap<LockId, NamedKey>(MOST);
  private readonly seenPairs = new RecentMap<string, NamedKey>(MOST);
  private index: { readonly version: number; readonly ids: ReadonlyMap<string, LockId> } | undefined;

  constructor(private readonly namespace: string) {}

  /** The key of an id, in this module's namespace. @throws {PgLockUsageError} when it is no id. */
  keyOf(id: LockId): LockKey {
    return this.named(id).key;
  }

  /**
   * One id, or several without repetition in the order in which everybody locks them; two plain numbers are one pair.
   *
   * @throws {PgLockUsageError} when one is no id, or the list is empty.
   */
  keysOf(ids: LockId | readonly LockId[]): readonly NamedKey[] {
    if (!Array.isArray(ids) || isPair(ids)) return [this.named(ids as LockId)];
    if (ids.length === 0) throw new PgLockUsageError('The list of lock ids is empty; give at least one id.');
    const named = Array.from(ids as readonly LockId[], (id) => this.named(id)); // which skips no hole
    const byKey = new Map(named.map((one) => [one.key.text, one]));
    return [...byKey.values()].sort((a, b) => (a.key.text < b.key.text ? -1 : 1));
  }

  /** The id behind a key, where this process has seen it of late. */
  nameOf(key: AdvisoryKey): LockId | undefined {
    const text = `${key.classId}:${key.objId}:${key.objSubId}`;
    return key.objSubId === 2 ? this.seenPairs.get(text)?.id : this.byText().get(text);
  }

  private named(id: LockId): NamedKey {
    if (typeof id === 'object') return this.namedPair(id);
    let named = this.seen.get(id);
    if (named === undefined) this.seen.set(id, (named = { id, key: lockKey(id, this.namespace) }));
    return named;
  }

  /** Arrays are equal to nobody but themselves; their keys are not. */
  private namedPair(id: LockId): NamedKey {
    const key = lockKey(id);
    let named = this.seenPairs.get(key.text);
    if (named === undefined) this.seenPairs.set(key.text, (named = { id, key }));
    return named;
  }

  /** Made anew when somebody looks after more ids were seen: locks are taken more often than they are looked at. */
  private byText(): ReadonlyMap<string, LockId> {
    if (this.index?.version === this.seen.version) return this.index.ids;
    const ids = new Map<string, LockId>();
    for (const { id, key } of this.seen.values()) if (!ids.has(key.text)) ids.set(key.text, id);
    this.index = { version: this.seen.version, ids };
    return ids;
  }
}
