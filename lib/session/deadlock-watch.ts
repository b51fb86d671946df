import { ADVISORY_WAITERS, readWaitNote } from '../sql/advisory-lock.js';
import type { SessionLockWait } from './lock-wait.js';
import { monotonicMs } from './monotonic.js';
import type { TextRow } from './peer-port.js';
import type { SessionPool } from './session-pool.js';

/** Somebody who waits for a key while holding others. */
interface Waiter {
  readonly want: string;
  readonly holds: readonly string[];
  readonly since: number;
  /** Breaks ties between waits of the same millisecond, in the same way in every process. */
  readonly pid: number;
  /** Whether it is a wait of this library, here or elsewhere: others cannot be asked to give up. */
  readonly library: boolean;
  readonly own: SessionLockWait | undefined;
}

interface WaiterRow {
  readonly pid: number;
  readonly query: string;
  readonly since: number;
  readonly granted: boolean;
  readonly key: string;
}

function waiterRow({ pid, query, since, granted, key }: TextRow): WaiterRow {
  const times = { pid: Number(pid), since: Number(since), granted: granted === 't' };
  return { ...times, query: query ?? '', key: key ?? '' };
}

/**
 * Finds deadlocks that PostgreSQL cannot see, because here holder and waiter are different sessions: the waiting
 * statement notes which keys stand still behind it, and every process with such a wait follows the edges key by key.
 * The youngest wait in a cycle gives up; all processes agree which that is, so each looks only after its own.
 *
 * @internal
 */
export class DeadlockWatch {
  private readonly waits = new Set<SessionLockWait>();
  private looking = false;
  private lookedAt = 0;

  constructor(private readonly pool: SessionPool) {}

  add(wait: SessionLockWait): void {
    this.waits.add(wait);
    const done = () => this.waits.delete(wait);
    wait.outcome.then(done, done);
  }

  /** Looks, when a wait that holds something is older than the server's `deadlock_timeout`; at most once in it. */
  tick(): void {
    const main = this.pool.openMain;
    if (main === undefined || this.looking) return;
    const now = monotonicMs();
    const { deadlockTimeout } = main.facts;
    if (now - this.lookedAt < deadlockTimeout) return;
    const due = [...this.waits].some(
      (w) => now - w.startedAt >= deadlockTimeout && w.options.holds().length > 0,
    );
    if (!due) return;
    this.looking = true;
    this.lookedAt = now;
    main
      .read(ADVISORY_WAITERS)
      .then((rows) => this.judge(rows.map(waiterRow)))
      .catch(() => undefined) // the session is gone, and every wait on it learns so by itself
      .finally(() => (this.looking = false));
  }

  private judge(rows: readonly WaiterRow[]): void {
    const own = [...this.waits].map((wait) => ownWaiter(wait));
    const ownPids = new Set(this.pool.pids);
    const waiters = [...own, ...foreignWaiters(rows, ownPids)];
    for (const waiter of own) {
      const cycle = cycleThrough(waiter, waiters);
      if (cycle === undefined || youngest(cycle) !== waiter) continue;
      const before = cycle[cycle.length - 1] as Waiter;
      waiter.own?.options.onDeadlock(before.want);
    }
  }
}

function ownWaiter(wait: SessionLockWait): Waiter {
  const { key, since, options, pid } = wait;
  return { want: key.text, holds: options.holds(), since, pid: pid ?? 0, library: true, own: wait };
}

function foreignWaiters(rows: readonly WaiterRow[], ownPids: ReadonlySet<number>): Waiter[] {
  const byPid = groupByPid(rows);
  const waiters: Waiter[] = [];
  for (const [pid, locks] of byPid) {
    const wanted = locks.find((row) => !row.granted);
    if (wanted === undefined || ownPids.has(pid)) continue;
    const note = readWaitNote(wanted.query);
    const holds = [...locks.filter((row) => row.granted).map((row) => row.key), ...(note?.holds ?? [])];
    const since = note?.since ?? wanted.since;
    waiters.push({ want: wanted.key, holds, since, pid, library: note !== undefined, own: undefined });
  }
  return waiters;
}

function groupByPid(rows: readonly WaiterRow[]): Map<number, WaiterRow[]> {
  const groups = new Map<number, WaiterRow[]>();
  for (const row of rows) groups.set(row.pid, [...(groups.get(row.pid) ?? []), row]);
  return groups;
}

/** The shortest way from a waiter, over who holds what each wants, back to it; without the waiter's repetition at its end. */
function cycleThrough(start: Waiter, waiters: readonly Waiter[]): Waiter[] | undefined {
  const cameFrom = new Map<Waiter, Waiter>();
  let edge = [start];
  while (edge.length > 0) {
    const next: Waiter[] = [];
    for (const waiter of edge) {
      for (const holder of waiters) {
        if (!holder.holds.includes(waiter.want)) continue;
        if (holder === start) return pathTo(waiter, start, cameFrom);
        if (cameFrom.has(holder)) continue;
        cameFrom.set(holder, waiter);
        next.push(holder);
      }
    }
    edge = next;
  }
  return undefined;
}

function pathTo(end: Waiter, start: Waiter, cameFrom: ReadonlyMap<Waiter, Waiter>): Waiter[] {
  const path = [end];
  for (let at = end; at !== start;) {
    at = cameFrom.get(at) as Waiter;
    path.unshift(at);
  }
  return path;
}

function youngest(cycle: readonly Waiter[]): Waiter {
  return cycle
    .filter((waiter) => waiter.library)
    .reduce((a, b) => (b.since > a.since || (b.since === a.since && b.pid > a.pid) ? b : a));
}
