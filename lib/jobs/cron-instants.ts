/** As much of `cron`'s `CronTime` as ticks need. @internal */
export interface CronTimeLike {
  /** Whether it is one date, rather than an expression. */
  readonly realDate: boolean;
  readonly source: unknown;
  readonly timeZone?: string | undefined;
  readonly utcOffset?: number | undefined;
  getNextDateFrom(start: Date, timeZone?: string): { toMillis(): number };
}

const SECOND_MS = 1_000;
/** More ticks than this are not counted one by one. */
const COUNTED_AT_MOST = 1_000;

/** A stretch of time in which an expression names nothing, from `from` up to the instant at its end. */
interface Gap {
  readonly from: number;
  readonly at: number;
}

/** The gaps that were looked through of late, by expression and zone: to find one costs a millisecond, and many jobs share one. */
const gaps = new Map<string, Gap[]>();
const EXPRESSIONS_AT_MOST = 1_000;
const GAPS_AT_MOST = 8;

/**
 * The instants that a cron expression names, in its own time zone or offset, in milliseconds of the Unix epoch.
 *
 * `CronTime.getNextDateFrom` takes a zone and ignores `utcOffset`: the offset is spelled as the zone that `sendAt` makes of it.
 *
 * @internal
 */
export class CronInstants {
  private readonly zone: string;
  private readonly gaps: Gap[];

  constructor(private readonly time: CronTimeLike) {
    this.zone = zoneOf(time);
    this.gaps = typeof time.source === 'string' ? gapsOf(`${time.source} ${this.zone}`) : [];
  }

  /** The first instant later than `ms`; undefined where there is none. */
  after(ms: number): number | undefined {
    if (this.time.realDate) {
      const at = millisOf(this.time.source);
      return at !== undefined && at > ms ? at : undefined;
    }
    const known = this.gaps.find(({ from, at }) => from <= ms && ms < at);
    if (known !== undefined) return known.at;
    try {
      const at = this.time.getNextDateFrom(new Date(ms), this.zone).toMillis();
      this.gaps.unshift({ from: ms, at });
      this.gaps.splice(GAPS_AT_MOST);
      return at;
    } catch {
      return undefined; // no date within eight years
    }
  }

  /** The last instant in (`since`, `until`]. Looks back in growing steps, so that a long window costs no more than a short one. */
  lastIn(since: number, until: number): number | undefined {
    for (let step = SECOND_MS; ; step *= 2) {
      const from = Math.max(since, until - step);
      const first = this.after(from);
      if (first !== undefined && first <= until) return this.lastFrom(first, until);
      if (from <= since) return undefined;
    }
  }

  /** How many instants lie in (`since`, `until`), up to a thousand. */
  countIn(since: number, until: number): number {
    let count = 0;
    for (let at = this.after(since); at !== undefined && at < until; at = this.after(at))
      if (++count === COUNTED_AT_MOST) break;
    return count;
  }

  /** All instants in (`since`, `until`], up to a thousand. */
  allIn(since: number, until: number): number[] {
    const all: number[] = [];
    for (let at = this.after(since); at !== undefined && at <= until; at = this.after(at))
      if (all.push(at) === COUNTED_AT_MOST) break;
    return all;
  }

  /** The distance from an instant to the next; undefined for one date. */
  periodFrom(ms: number): number | undefined {
    const next = this.after(ms);
    return next === undefined ? undefined : next - ms;
  }

  /** The last instant up to `until`, known that `first` is one: halves the rest until nothing follows. */
  private lastFrom(first: number, until: number): number {
    let best = first;
    let bound = until;
    for (;;) {
      const next = this.after(best);
      if (next === undefined || next > until) return best;
      const middle = Math.floor((best + bound) / 2);
      const found = this.after(middle);
      if (found !== undefined && found <= until) best = found;
      else {
        bound = middle;
        best = next;
      }
    }
  }
}

function gapsOf(key: string): Gap[] {
  if (gaps.size >= EXPRESSIONS_AT_MOST) gaps.clear();
  const found = gaps.get(key) ?? [];
  gaps.set(key, found);
  return found;
}

function zoneOf({ timeZone, utcOffset }: CronTimeLike): string {
  if (utcOffset === undefined) return timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const hours = Math.trunc(utcOffset / 60);
  const pad = (figure: number) => String(Math.abs(figure)).padStart(2, '0');
  return `UTC${utcOffset < 0 ? '-' : '+'}${pad(hours)}:${pad(utcOffset - hours * 60)}`;
}

function millisOf(source: unknown): number | undefined {
  if (source instanceof Date) return source.getTime();
  if (typeof source !== 'object' || source === null || !('toMillis' in source)) return undefined;
  return (source as { toMillis(): number }).toMillis();
}
