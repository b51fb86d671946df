import type { Wait } from '../wire.js';

/** A bar where it is drawn: in which row of its lane. */
export interface Bar {
  readonly wait: Wait;
  readonly row: number;
}

/** All waits for one lock. */
export interface Lane {
  readonly key: string;
  readonly name: string;
  readonly kind: string;
  readonly bars: readonly Bar[];
  readonly rows: number;
  /** The top of the lane. */
  readonly y: number;
  readonly height: number;
}

export const ROW = 11;
const HEAD = 20;
const FOOT = 8;
const MOST_ROWS = 12;

/** Waits by what was waited for, those that overlap below each other; the latest lane first. */
export function lanesOf(waits: readonly Wait[], now: number): readonly Lane[] {
  const byKey = new Map<string, Wait[]>();
  for (const wait of waits) {
    const lane = byKey.get(wait.lock.key);
    if (lane === undefined) byKey.set(wait.lock.key, [wait]);
    else lane.push(wait);
  }
  const ordered = [...byKey.values()]
    .map((lane) => ({ lane, last: Math.max(...lane.map((wait) => endOf(wait, now))) }))
    .sort((one, other) => other.last - one.last);
  let y = 0;
  return ordered.map(({ lane }) => {
    const { bars, rows } = packed(lane, now);
    const [first] = lane as [Wait];
    const height = HEAD + rows * ROW + FOOT;
    const placed = {
      key: first.lock.key,
      name: first.lock.name,
      kind: first.lock.kind,
      bars,
      rows,
      y,
      height,
    };
    y += height;
    return placed;
  });
}

export function endOf(wait: Wait, now: number): number {
  return wait.to === null ? now : Date.parse(wait.to);
}

/** The first row in which the one before is over; beyond the last row they lie on top of each other. */
function packed(
  waits: readonly Wait[],
  now: number,
): { readonly bars: readonly Bar[]; readonly rows: number } {
  const ends: number[] = [];
  const bars = [...waits]
    .sort((one, other) => one.from.localeCompare(other.from))
    .map((wait) => {
      const from = Date.parse(wait.from);
      const free = ends.findIndex((end) => end <= from);
      const row = free !== -1 ? free : Math.min(ends.length, MOST_ROWS - 1);
      ends[row] = wait.to === null ? Infinity : endOf(wait, now);
      return { wait, row };
    });
  return { bars, rows: Math.max(1, ends.length) };
}

export function barTop(lane: Lane, row: number): number {
  return lane.y + HEAD + row * ROW;
}
