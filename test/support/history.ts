import { readFileSync } from 'node:fs';

/** One line of what a replica saw; times in milliseconds of the machine's monotonic clock. */
export interface HistoryEvent {
  readonly e:
    | 'start'
    | 'got'
    | 'alive'
    | 'dead'
    | 'lost'
    | 'rel'
    | 'tok'
    | 'wrote'
    | 'stale'
    | 'ended'
    | 'closing'
    | 'closed'
    | 'crash'
    | 'err';
  readonly r: string;
  readonly t: number;
  readonly h?: string;
  readonly keys?: readonly string[];
  readonly key?: string;
  readonly shared?: boolean;
  readonly asked?: number;
  readonly atLeast?: number;
  readonly sticky?: boolean;
  readonly token?: string;
  readonly since?: number;
  readonly live?: boolean;
  readonly held?: boolean;
  readonly rows?: number;
  readonly locksLost?: number;
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly where?: string;
  /** The handle under whose lock this one was entered. */
  readonly within?: string;
}

/** What a test did to the system, and when. */
export interface FaultWindow {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** The replicas that it met; all, where left out. */
  readonly replicas?: readonly string[] | undefined;
  /**
   * The server or the network ended sessions without a lease running out: between the moment at which it frees a lock and the
   * moment at which the holder hears of it there is the time that the news takes.
   */
  readonly imposed: boolean;
}

/** A row of a table that a trigger writes: what a writer had seen, and what was really there. */
export interface LoggedWrite {
  readonly seq: number;
  readonly key: string;
  readonly writer: string;
  readonly seen: number | null;
  readonly was: number;
  readonly token: string | null;
}

/** The promises, by the names under which the report counts their breaches. */
export const CHECKS = [
  'mutual exclusion',
  'tokens grow',
  'no lost update',
  'stale writers are refused',
  'holdAtLeast',
  'sticky',
  'signal first',
  'no handle comes back',
  'nothing is left',
  'others get it in time',
  'nothing is lost without cause',
  'no process dies',
  'shutdown ends',
  'errors are typed',
  'deadlocks end',
  'no waiter starves',
] as const;
export type Check = (typeof CHECKS)[number];

export interface Violation {
  readonly check: Check;
  readonly what: string;
}

/** One handle, as far as its history tells. */
interface Held {
  readonly h: string;
  readonly r: string;
  readonly keys: readonly string[];
  readonly shared: boolean;
  readonly got: number;
  /** The last moment at which it was seen to be held: afterwards nobody knows. */
  lastAlive: number;
  firstDead: number | undefined;
  lostAt: number | undefined;
  releasedAt: number | undefined;
  token: bigint | undefined;
  tokenAt: number | undefined;
  readonly atLeast: number | undefined;
  readonly sticky: boolean;
  readonly within: string | undefined;
}

/** For how long the news of an ended session may be under way to a process that runs. */
const NEWS_MS = 400;
/** Replicas look at their handles every 10 ms: one that has not for so long was given no time to run by a busy machine. */
const STALL_MS = 50;

export function readHistory(files: readonly string[]): HistoryEvent[] {
  const lines = files.flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  const events = lines.flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as HistoryEvent];
    } catch {
      return []; // A SIGKILL in the middle of a line.
    }
  });
  return events.sort((a, b) => a.t - b.t);
}

/** Everything that the history of all replicas and the tables prove to have gone wrong. */
export class HistoryChecker {
  readonly violations: Violation[] = [];
  readonly holds: readonly Held[];
  /** How long two holders overlapped at most, where the server had ended a session and the news was still under way. */
  longestNewsMs = 0;
  staleWritesRefused = 0;
  private readonly byHandle = new Map<string, Held>();

  constructor(
    private readonly events: readonly HistoryEvent[],
    private readonly faults: readonly FaultWindow[],
  ) {
    for (const event of events) this.note(event);
    this.holds = [...this.byHandle.values()].sort((a, b) => a.got - b.got);
  }

  check(writes: {
    readonly counters: readonly LoggedWrite[];
    readonly guarded: readonly LoggedWrite[];
  }): this {
    for (const [key, holds] of this.holdsByKey()) {
      this.exclusion(key, holds);
      this.tokens(key, holds);
      this.atLeast(key, holds);
      this.stickiness(key, holds);
    }
    this.tokensOfAll();
    this.updates(writes.counters);
    this.staleWrites(writes.guarded);
    this.deaths();
    this.errors();
    return this;
  }

  /** The handle of that number, for measurements. */
  get(h: string): Held | undefined {
    return this.byHandle.get(h);
  }

  private fail(check: Check, what: string): void {
    this.violations.push({ check, what });
  }

  private note(event: HistoryEvent): void {
    const { e, h, t } = event;
    if (e === 'got') return this.begin(event);
    const held = h === undefined ? undefined : this.byHandle.get(h);
    if (held === undefined) return;
    if (e === 'lost') held.lostAt = t;
    if (e === 'dead') held.firstDead = t;
    if (e === 'rel') held.releasedAt = t;
    if (e === 'tok' && event.token !== undefined && event.live === true) {
      held.token = BigInt(event.token);
      held.tokenAt = t;
    }
    if (e === 'alive' || (e === 'rel' && event.held === true)) this.seenAlive(held, t);
  }

  private begin({
    h = '',
    r,
    t,
    keys = [],
    shared = false,
    atLeast,
    sticky = false,
    within,
  }: HistoryEvent): void {
    this.byHandle.set(h, {
      ...{ h, r, keys, shared, got: t, lastAlive: t, atLeast, sticky, within },
      ...{
        firstDead: undefined,
        lostAt: undefined,
        releasedAt: undefined,
        token: undefined,
        tokenAt: undefined,
      },
    });
  }

  private seenAlive(held: Held, t: number): void {
    if (held.firstDead !== undefined && t > held.firstDead)
      this.fail('no handle comes back', `${held.h} was dead at ${ms(held.firstDead)} and alive at ${ms(t)}`);
    if (held.lostAt !== undefined && t > held.lostAt)
      this.fail('no handle comes back', `${held.h} was lost at ${ms(held.lostAt)} and alive at ${ms(t)}`);
    held.lastAlive = Math.max(held.lastAlive, t);
  }

  private holdsByKey(): Map<string, Held[]> {
    const byKey = new Map<string, Held[]>();
    for (const held of this.holds)
      for (const key of held.keys) byKey.set(key, [...(byKey.get(key) ?? []), held]);
    return byKey;
  }

  /** Nobody gets a lock while somebody else is still seen to hold it in a mode that excludes it. */
  private exclusion(key: string, holds: readonly Held[]): void {
    let open: Held[] = [];
    for (const held of holds) {
      open = open.filter((other) => other.lastAlive > held.got);
      for (const other of open) {
        if ((other.shared && held.shared) || held.within === other.h) continue;
        const overlap = other.lastAlive - held.got - this.stalled(other, held.got, other.lastAlive);
        const what = `${key}: ${held.h} got it at ${ms(held.got)}, ${other.h} held it until ${ms(other.lastAlive)}`;
        if (overlap > NEWS_MS || !this.wasImposed(held.got, other)) this.fail('mutual exclusion', what);
        else this.longestNewsMs = Math.max(this.longestNewsMs, overlap);
      }
      open.push(held);
    }
  }

  private wasImposed(t: number, stale: Held): boolean {
    return this.faults.some(
      ({ imposed, from, to, replicas }) =>
        imposed &&
        t >= from &&
        t <= to + NEWS_MS + this.stalled(stale, to, t) &&
        (replicas?.includes(stale.r) ?? true),
    );
  }

  /** For how long, between two moments, the process of a holder did not run: neither could it hear any news. */
  private stalled({ h, r, got }: Held, from: number, to: number): number {
    let [stalled, last] = [0, got];
    for (const event of this.events) {
      if (event.t > to && last >= to) break;
      if (event.r !== r || event.t < got || (event.h !== h && event.e !== 'alive')) continue;
      if (event.t - last > STALL_MS) stalled += Math.max(0, Math.min(event.t, to) - Math.max(last, from));
      last = event.t;
    }
    return stalled;
  }

  /** Whoever asks after another was answered gets a higher number, whatever the keys. */
  private tokensOfAll(): void {
    const asked = this.events.filter(
      ({ e, live, token }) => e === 'tok' && live === true && token !== undefined,
    );
    const byQuestion = asked.toSorted((a, b) => (a.since ?? a.t) - (b.since ?? b.t));
    let [answered, highest, holder] = [0, -1n, ''];
    for (const { h = '', token = '', since = 0 } of byQuestion) {
      for (let next = asked[answered]; next !== undefined && next.t < since; next = asked[++answered])
        if (BigInt(next.token ?? 0) > highest) [highest, holder] = [BigInt(next.token ?? 0), next.h ?? ''];
      if (BigInt(token) <= highest)
        this.fail('tokens grow', `${h} got ${token} after ${holder} had ${highest}`);
    }
  }

  private tokens(key: string, holds: readonly Held[]): void {
    let last: Held | undefined;
    for (const held of holds) {
      if (held.shared || held.token === undefined) continue;
      if (last?.token !== undefined && held.token <= last.token)
        this.fail('tokens grow', `${key}: ${held.h} got ${held.token} after ${last.h} had ${last.token}`);
      last = held;
    }
  }

  /** Whether that replica, or its session, may have ended between the two moments. */
  private letGo(replica: string, from: number, to: number): boolean {
    const ends = this.events.some(
      ({ e, r, t, locksLost = 0 }) =>
        r === replica && t >= from && t <= to && (e === 'closing' || (e === 'ended' && locksLost > 0)),
    );
    return (
      ends || this.faults.some((f) => (f.replicas?.includes(replica) ?? true) && f.from <= to && f.to >= from)
    );
  }

  private atLeast(key: string, holds: readonly Held[]): void {
    holds.forEach((held, index) => {
      const next = holds[index + 1];
      if (held.atLeast === undefined || next === undefined) return;
      const until = held.got + held.atLeast;
      if (next.got >= until - 25 || this.letGo(held.r, held.got - NEWS_MS, next.got + NEWS_MS)) return;
      this.fail(
        'holdAtLeast',
        `${key}: ${next.h} got it ${ms(until - next.got)} ms before ${held.h} was done`,
      );
    });
  }

  private stickiness(key: string, holds: readonly Held[]): void {
    holds.forEach((held, index) => {
      const next = holds[index + 1];
      if (!held.sticky || next === undefined || next.r === held.r) return;
      if (this.letGo(held.r, held.got - NEWS_MS, next.got + NEWS_MS)) return;
      this.fail(
        'sticky',
        `${key}: went from ${held.h} to ${next.h} although nothing had happened to ${held.r}`,
      );
    });
  }

  /** Two writers that were live all the time never overwrite each other. */
  private updates(writes: readonly LoggedWrite[]): void {
    const live = new Set(
      this.events
        .filter(({ e, live }) => e === 'wrote' && live === true)
        .map(({ h, key }) => `${String(h)} ${String(key)}`),
    );
    const lastOf = new Map<string, LoggedWrite>();
    for (const write of writes) {
      const before = lastOf.get(write.key);
      lastOf.set(write.key, write);
      if (before === undefined || write.seen === write.was) continue;
      const both = [before, write].every(({ writer, key }) => live.has(`${writer} ${key}`));
      const [got, until] = [this.get(write.writer)?.got ?? 0, this.get(before.writer)?.lastAlive ?? 0];
      const stale = this.get(before.writer);
      const news = stale === undefined ? until - got : until - got - this.stalled(stale, got, until);
      if (both && (news > NEWS_MS || stale === undefined || !this.wasImposed(got, stale)))
        this.fail(
          'no lost update',
          `${write.key}: ${write.writer} overwrote what ${before.writer} had written`,
        );
    }
  }

  /** Once a newer holder has written, an older one's guarded write is refused. */
  private staleWrites(guarded: readonly LoggedWrite[]): void {
    const newest = new Map<string, Held>();
    for (const { key, writer } of guarded) {
      const held = this.get(writer);
      if (held === undefined) continue;
      const last = newest.get(key);
      if (last !== undefined && held.h !== last.h && held.got < last.got && !overlaps(held, last))
        this.fail(
          'stale writers are refused',
          `${key}: ${held.h} wrote after ${last.h}, which had the lock later`,
        );
      if (last === undefined || held.got > last.got) newest.set(key, held);
    }
    this.staleWritesRefused = this.events.filter(({ e, rows }) => e === 'stale' && rows === 0).length;
  }

  private deaths(): void {
    for (const { e, r, message } of this.events)
      if (e === 'crash') this.fail('no process dies', `${r}: ${String(message).slice(0, 300)}`);
  }

  /** What callers see is an error of this library, or what the driver says about a server that is not to be reached. */
  private errors(): void {
    for (const { e, name = '', code = '', message, r, where } of this.events) {
      if (e !== 'err' || where === 'critical') continue;
      const typed = /^(Lock|PgLock|Deadlock|Pooler|Permission|Transaction)\w*Error$/.test(name);
      const unreachable =
        /^(E[A-Z]+|57P0\d|08\w{3}|53\w{3})$/.test(code) ||
        /terminated|timeout|closed|connection/i.test(String(message));
      if (!typed && !unreachable)
        this.fail('errors are typed', `${r}, ${String(where)}: ${name} ${code} ${String(message)}`);
    }
  }
}

function overlaps(a: Held, b: Held): boolean {
  return a.lastAlive >= b.got;
}

function ms(t: number): string {
  return t.toFixed(1);
}
