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

const MOST_TEXTS = 256;
/** Longer ones are not kept: they seldom come twice. */
const LONGEST_TEXT = 4_096;

/** A pure function of a text that remembers what it said of the texts of late. @internal */
export function rememberingTexts<Value extends object | number>(
  read: (text: string) => Value,
): (text: string) => Value {
  const recent = new RecentMap<string, Value>(MOST_TEXTS);
  return (text) => {
    if (text.length > LONGEST_TEXT) return read(text);
    const known = recent.get(text);
    if (known !== undefined) return known;
    const value = read(text);
    recent.set(text, value);
    return value;
  };
}
