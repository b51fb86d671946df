/**
 * A map of the entries that were used of late: at least `most / 2` of them, at most `most`.
 *
 * A full generation becomes the old one, and what is not asked for until the next is full is forgotten with it. To delete the
 * oldest entry of one map for each new one would make every look at its first key walk over all the deleted ones.
 *
 * @internal
 */
export class RecentMap<Key, Value> {
  private young = new Map<Key, Value>();
  private old = new Map<Key, Value>();

  constructor(private readonly most: number) {}

  get(key: Key): Value | undefined {
    const value = this.young.get(key);
    if (value !== undefined) return value;
    const kept = this.old.get(key);
    if (kept !== undefined) this.set(key, kept);
    return kept;
  }

  set(key: Key, value: Value): void {
    if (this.young.size >= this.most / 2) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, value);
  }
}
