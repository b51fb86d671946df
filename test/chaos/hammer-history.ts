import { closeSync, openSync, readSync } from 'node:fs';

/** Times of one holder that stand further apart than this are not one stretch: it stood still meanwhile, and knows so itself. */
const STRETCH_MS = 400;
const CHUNK_BYTES = 1 << 20;

/** Somebody held from one moment to another, as it saw itself. */
export interface Stretch {
  readonly who: string;
  readonly from: number;
  readonly to: number;
}

/** One wait for a permit. */
export interface Wait {
  readonly ms: number;
  /** How many permits others got meanwhile: what a machine that stands still does not add to. */
  readonly grants: number;
}

/** One beginning: when, of whom, and what was said with it. */
interface Begun {
  readonly who: string;
  readonly at: number;
  readonly number: bigint;
}

/** A file that a process goes on to write. */
interface Source {
  readonly path: string;
  readBytes: number;
  /** What was read of a line that is not whole yet. */
  rest: string;
}

/** What all processes saw, in the order of the machine's clock. What was read is not read again: a long run would not end. */
export class HammerHistory {
  private readonly sources: Source[] = [];
  private readonly begins: Begun[] = [];
  private readonly ended = new Set<string>();
  private readonly heldAt = new Map<string, number[]>();
  private readonly waited: { readonly at: number; readonly ms: number }[] = [];

  add(path: string): void {
    this.sources.push({ path, readBytes: 0, rest: '' });
  }

  /** Reads what was written since. */
  update(): this {
    const before = this.begins.length;
    for (const source of this.sources) for (const line of newLines(source)) this.note(line);
    if (this.begins.length > before) this.begins.sort((a, b) => a.at - b.at);
    return this;
  }

  /** How many began to hold. */
  get begun(): number {
    return this.begins.length;
  }

  /** Who began last, where it has not said since that it is over. */
  get holder(): string | undefined {
    const who = this.begins.at(-1)?.who;
    return who !== undefined && this.ended.has(who) ? undefined : who;
  }

  /** What was said at each beginning, in order: terms, or numbers of permits. */
  get numbers(): bigint[] {
    return this.begins.map(({ number }) => number);
  }

  /** The waits for permits that were asked for after a moment. */
  waitsSince(from: number): Wait[] {
    const since = this.waited.filter(({ at, ms }) => at - ms > from);
    return since.map(({ at, ms }) => ({
      ms,
      grants: this.begins.filter((begun) => begun.at > at - ms && begun.at < at).length,
    }));
  }

  /** From a moment to the first beginning after it; undefined where there is none. */
  gapAfter(at: number): number | undefined {
    const next = this.begins.find((one) => one.at > at);
    return next === undefined ? undefined : next.at - at;
  }

  /** Where more held at once than may. Who `isNews` of another's loss was still under way to, when that one began, counts no more. */
  tooMany(
    most: number,
    isNews: (former: Stretch, next: Stretch) => boolean = () => false,
  ): readonly Stretch[][] {
    const stretches = this.stretches.sort((a, b) => a.from - b.from);
    const found: Stretch[][] = [];
    let running: Stretch[] = [];
    for (const stretch of stretches) {
      running = running.filter((former) => former.to > stretch.from && !isNews(former, stretch));
      running.push(stretch);
      if (running.length > most) found.push([...running]);
    }
    return found;
  }

  private get stretches(): Stretch[] {
    return [...this.heldAt].flatMap(([who, times]) => stretchesOf(who, times));
  }

  private note(line: string): void {
    const [event = '', who = '', at = '0', more = ''] = line.split(' ');
    if (event === 'begin') this.begins.push({ who, at: Number(at), number: BigInt(more) });
    else if (event === 'end') this.ended.add(who);
    else if (event === 'waited') this.waited.push({ at: Number(at), ms: Number(more) });
    else if (event === 'held') {
      const times = this.heldAt.get(who);
      if (times === undefined) this.heldAt.set(who, [Number(at)]);
      else times.push(Number(at));
    }
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

/** The whole lines that were written since the last time. */
function newLines(source: Source): string[] {
  const file = openSync(source.path, 'r');
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const bytes = readSync(file, chunk, 0, CHUNK_BYTES, source.readBytes);
      if (bytes === 0) break;
      source.readBytes += bytes;
      source.rest += chunk.toString('latin1', 0, bytes);
    }
  } finally {
    closeSync(file);
  }
  const lines = source.rest.split('\n');
  source.rest = lines.pop() ?? '';
  return lines;
}
