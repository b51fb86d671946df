import { listOfIds, lockKey, type AdvisoryKey, type LockId, type LockKey } from '../vocabulary/lock-id.js';
import { RecentMap } from '../vocabulary/recent-map.js';
import { SeenIds } from './seen-ids.js';
import { Sightings } from './sightings.js';

/** How many ids a process remembers. */
const MOST = 10_000;
/** Of how many that come again and again it need not find out the key: half of it at the least. */
const AT_HAND = 32_768;

/** Longer ids are not remembered: they are not readable, and a few thousand could take hundreds of megabytes. */
const LONGEST_NAME = 256;

/** One id with its key. @internal */
export interface NamedKey {
  readonly id: LockId;
  readonly key: LockKey;
}

/** An id with its key, at hand. */
class KnownKey implements NamedKey {
  /** The list of it alone. */
  readonly alone: readonly NamedKey[] = [this];

  constructor(
    readonly id: LockId,
    readonly key: LockKey,
    /** How many ids had been seen when it was noted last. */
    public notedAt: number,
  ) {}
}

/** Remembers which id stands behind which key, so that a key in `pg_locks` can be shown by its name. @internal */
export class LockNames {
  private readonly seen = new SeenIds(MOST);
  private readonly sightings = new Sightings();
  private readonly atHand = new RecentMap<LockId, KnownKey>(AT_HAND);
  private readonly pairsAtHand = new RecentMap<string, KnownKey>(AT_HAND);

  constructor(private readonly namespace: string) {}

  /** The key of an id, in this module's namespace. @throws {PgLockUsageError} when it is no id. */
  keyOf(id: LockId): LockKey {
    return this.named(id).key;
  }

  /**
   * One id, or several without repetition in the order in which all callers lock them; two plain numbers are one pair.
   *
   * @throws {PgLockUsageError} when one is no id, or the list is empty.
   */
  keysOf(ids: LockId | readonly LockId[]): readonly NamedKey[] {
    if (typeof ids !== 'object') return this.named(ids).alone;
    const named = listOfIds(ids).map((id) => this.named(id));
    if (named.length === 1) return named;
    const byKey = new Map(named.map((one) => [one.key.text, one]));
    return [...byKey.values()].sort((a, b) => (a.key.text < b.key.text ? -1 : 1));
  }

  /** The id behind a key, where this process has seen it of late. */
  nameOf(key: AdvisoryKey): LockId | undefined {
    return this.seen.find(key);
  }

  /** What people call a key that stands for no id by itself. */
  call(key: LockKey, name: string): void {
    if (this.seen.find(key) !== name) this.seen.add(name, key);
  }

  private named(id: LockId): KnownKey {
    if (typeof id === 'object') return this.namedPair(id);
    if (typeof id === 'string' && id.length > LONGEST_NAME)
      return new KnownKey(id, lockKey(id, this.namespace), 0);
    const known = this.atHand.get(id);
    if (known !== undefined) return this.note(known);
    const learned = this.learn(id, lockKey(id, this.namespace));
    // An id that comes once is to leave as little behind as it can.
    if (this.sightings.isSecond(learned.key)) this.atHand.set(id, learned);
    return learned;
  }

  /** Arrays are equal only to themselves; their keys are. */
  private namedPair(id: LockId): KnownKey {
    const key = lockKey(id);
    const known = this.pairsAtHand.get(key.text);
    if (known !== undefined) return this.note(known);
    const learned = this.learn(id, key);
    this.pairsAtHand.set(key.text, learned);
    return learned;
  }

  private learn(id: LockId, key: LockKey): KnownKey {
    const known = new KnownKey(id, key, this.seen.count);
    this.seen.add(id, key);
    return known;
  }

  /** What is used again and again is noted again before it is forgotten. */
  private note(known: KnownKey): KnownKey {
    if (this.seen.count - known.notedAt < MOST / 2) return known;
    known.notedAt = this.seen.count;
    this.seen.add(known.id, known.key);
    return known;
  }
}
