/** What stands in a {@link Roster} knows where. @internal */
export interface Enrolled {
  /** Kept by the roster. */
  place: number;
}

/**
 * A set of objects that come and go by the thousand.
 *
 * A `Map` or `Set` from which much is deleted makes a new table from time to time, and its old table points to the new one.
 * Once a dead table is old enough for V8 to look at it seldom, all tables behind it stay alive with it, and whatever went
 * through them: a fifth of all that was allocated outlived its minor collection, which then took most of the time.
 *
 * @internal
 */
export class Roster<Item extends Enrolled> implements Iterable<Item> {
  private items: Item[] = [];

  get size(): number {
    return this.items.length;
  }

  has(item: Item): boolean {
    return this.items[item.place] === item;
  }

  add(item: Item): void {
    item.place = this.items.push(item) - 1;
  }

  /** The last one takes the place that becomes free. */
  delete(item: Item): void {
    if (!this.has(item)) return;
    const last = this.items.pop() as Item;
    if (last === item) return;
    last.place = item.place;
    this.items[item.place] = last;
  }

  /** Takes all out. */
  clear(): Item[] {
    const { items } = this;
    this.items = [];
    return items;
  }

  [Symbol.iterator](): Iterator<Item> {
    return this.items.values();
  }
}
