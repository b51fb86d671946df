import type { LockKey } from '../vocabulary/lock-id.js';

/** How many places there are at first, how many times more then, and at most; powers of two. */
const PLACES = { first: 64, growth: 16, most: 65_536 };

/**
 * Whether a key was seen before, of late. It may forget one, where another has its place, and very seldom takes one for
 * another: it is there to spare ids that come once a place among those that are remembered.
 *
 * Figures in an array of figures, as in `SeenIds`, and as many as are worth it for the keys that come.
 *
 * @internal
 */
export class Sightings {
  private marks = new Uint16Array(PLACES.first);
  private marked = 0;

  /** Notes that it is seen now. */
  isSecond({ hash, classId }: LockKey): boolean {
    const place = hash & (this.marks.length - 1);
    const mark = (classId ^ (classId >>> 16)) & 0xff_ff || 1;
    if (this.marks[place] === mark) return true;
    if (this.marks[place] === 0 && ++this.marked > this.marks.length / 4) this.grow();
    this.marks[hash & (this.marks.length - 1)] = mark;
    return false;
  }

  private grow(): void {
    if (this.marks.length === PLACES.most) return;
    this.marks = new Uint16Array(Math.min(PLACES.growth * this.marks.length, PLACES.most));
    this.marked = 0;
  }
}
