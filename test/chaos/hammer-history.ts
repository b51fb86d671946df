import { readFileSync } from 'node:fs';

/** Times of one holder that stand further apart than this are not one stretch: it stood still meanwhile, and knows so itself. */
const STRETCH_MS = 400;

/** Somebody held from one moment to another, as it saw itself. */
export interface Stretch {
  readonly who: string;
  readonly from: number;
  readonly to: number;
}

/** One line of what a process saw. */
interface Seen {
  readonly event: string;
  readonly who: string;
  readonly at: number;
  readonly more: string;
}

/** What all processes saw, in the order of the machine's clock. */
export class HammerHistory {
  private readonly seen: Seen[];

  constructor(files: readonly string[]) {
    this.seen = files.flatMap(readSeen).sort((a, b) => a.at - b.at);
  }

  /** How many began to hold. */
  get begun(): number {
    return this.of('begin').length;
  }

  /** Who began last, where it has not said since that it is over. */
  get holder(): string | undefined {
    const who = this.seen.findLast(({ event }) => event === 'begin')?.who;
    return this.seen.some((one) => one.event === 'end' && one.who === who) ? undefined : who;
  }

  /** What was said at each beginning, in order: terms, or numbers of permits. */
  get numbers(): bigint[] {
    return this.of('begin').map(({ more }) => BigInt(more));
  }

  /** The times for which permits were waited for, in milliseconds. */
  get waits(): number[] {
    return this.of('waited')
      .map(({ more }) => Number(more))
      .sort((a, b) => a - b);
  }

  /** From a moment to the first beginning after it; undefined where there is none. */
  gapAfter(at: number): number | undefined {
    const next = this.seen.find((one) => one.event === 'begin' && one.at > at);
    return next === undefined ? undefined : next.at - at;
  }

  /** The last moment up to `at` at which anybody held. */
  lastHeldBefore(at: number): number | undefined {
    return this.seen.findLast((one) => one.event === 'held' && one.at <= at)?.at;
  }

  /** Where more held at once than may. */
  tooMany(most: number): readonly Stretch[][] {
    const stretches = this.stretches.sort((a, b) => a.from - b.from);
    const found: Stretch[][] = [];
    let running: Stretch[] = [];
    for (const stretch of stretches) {
      running = running.filter(({ to }) => to > stretch.from);
      running.push(stretch);
      if (running.length > most) found.push([...running]);
    }
    return found;
  }

  private get stretches(): Stretch[] {
    const byHolder = new Map<string, number[]>();
    for (const { who, at } of this.of('held')) byHolder.set(who, [...(byHolder.get(who) ?? []), at]);
    return [...byHolder].flatMap(([who, times]) => stretchesOf(who, times));
  }

  private of(event: string): Seen[] {
    return this.seen.filter((one) => one.event === event);
  }
}

function stretchesOf(who: string, times: readonly number[]): Stretch[] {
  const found: Stretch[] = [];
  let from = times[0] ?? 0;
  times.forEach((at, index) => {
    const next = times[index + 1];
    if (next !== undefined && next - at < STRETCH_MS) return;
    found.push({ who, from, to: at });
    if (next !== undefined) from = next;
  });
  return found;
}

function readSeen(file: string): Seen[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [event = '', who = '', at = '0', more = ''] = line.split(' ');
      return { event, who, at: Number(at), more };
    });
}
