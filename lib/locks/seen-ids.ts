import type { AdvisoryKey, LockId, LockKey } from '../vocabulary/lock-id.js';

/** For how many ids there is room at first. */
const FIRST = 32;

/**
 * The ids that were seen last, with the figures of their keys, each in the place of the oldest.
 *
 * Figures in arrays of figures: objects that are remembered for a while, and not for long, are what gives a garbage
 * collector most work. The arrays grow with what is seen: most applications see a few ids.
 *
 * @internal
 */
export class SeenIds {
  /** How many were added so far. */
  count = 0;
  private readonly ids: (LockId | undefined)[] = [];
  private high = new Uint32Array(FIRST);
  private low = new Uint32Array(FIRST);
  /** Places by the low halves of keys; made anew when asked for after more ids were seen. */
  private places: Map<number, number> | undefined;

  constructor(private readonly most: number) {}

  add(id: LockId, key: LockKey): void {
    const place = this.count++ % this.most;
    if (place === this.high.length) this.grow();
    this.ids[place] = id;
    this.high[place] = key.classId;
    this.low[place] = key.objId;
    this.places = undefined;
  }

  /** The id of a key. */
  find(key: AdvisoryKey): LockId | undefined {
    const place = (this.places ??= this.index()).get(key.objId);
    if (place === undefined) return undefined;
    if (this.isAt(place, key)) return this.ids[place];
    return this.ids.find((_, other) => this.isAt(other, key)); // two keys that have a half in common
  }

  private grow(): void {
    const size = Math.min(2 * this.high.length, this.most);
    this.high = grown(this.high, size);
    this.low = grown(this.low, size);
  }

  private index(): Map<number, number> {
    const places = new Map<number, number>();
    // From the last to the first, so that of two ids of one key the first is known.
    for (let place = Math.min(this.count, this.most) - 1; place >= 0; place--)
      places.set(this.low[place] as number, place);
    return places;
  }

  private isAt(place: number, { classId, objId, objSubId }: AdvisoryKey): boolean {
    if (this.high[place] !== classId || this.low[place] !== objId) return false;
    return objSubId === 2 ? typeof this.ids[place] === 'object' : typeof this.ids[place] !== 'object';
  }
}

function grown(figures: Uint32Array, size: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(size);
  larger.set(figures);
  return larger;
}
