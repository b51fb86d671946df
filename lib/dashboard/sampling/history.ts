import type { BlockingTreeNode } from '../../inspection/blocking-tree.js';
import type { PgActivity } from '../../inspection/pg-activity.js';
import type { PgLock } from '../../inspection/pg-lock.js';
import { lockLabel } from '../lock-label.js';
import type { BlockerRecord, TimelineItem, TimelineMarker, WaitRecord } from '../wire.js';

/** However long the history is, it keeps no more than this. */
const MOST_WAITS = 5_000;
const MOST_MARKERS = 2_000;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type OpenWait = Mutable<WaitRecord> & { blockers: BlockerRecord[] };

/**
 * What was seen: a wait is *open* from the sample in which it is first seen until one in which it is not, then *over*. Both
 * are forgotten when they were over for longer than the history reaches. Holds no connection and no timer.
 *
 * @internal
 */
export class History {
  private readonly open = new Map<string, OpenWait>();
  private readonly over: WaitRecord[] = [];
  private markers: TimelineMarker[] = [];
  private counter = 0;
  private lastSeen: Date | null = null;

  constructor(
    readonly lengthMs: number,
    private readonly prefix: string,
    readonly since = new Date(),
  ) {}

  /** When somebody was last seen waiting. */
  get lastWaitAt(): Date | null {
    return this.lastSeen;
  }

  /** Notes who waits at this moment. @returns what began, changed or ended. */
  note(roots: readonly BlockingTreeNode[], at: Date): readonly WaitRecord[] {
    const changed: WaitRecord[] = [];
    const seen = new Set<string>();
    const sessions = sessionsOf(roots);
    for (const { activity, lock, blockedBy } of sessions.values()) {
      if (lock === null) continue;
      const key = keyOf(activity, lock);
      seen.add(key);
      const wait = this.open.get(key) ?? this.begin(key, activity, lock, at, changed);
      if (this.addBlockers(wait, blockedBy, sessions, at) && !changed.includes(wait)) changed.push(wait);
    }
    if (seen.size > 0) this.lastSeen = at;
    for (const [key, wait] of this.open)
      if (!seen.has(key)) {
        this.open.delete(key);
        wait.to = at;
        this.over.push(wait);
        changed.push(wait);
      }
    this.forget(at);
    return changed;
  }

  /** Notes that something happened. */
  mark(marker: Omit<TimelineMarker, 'id'>): TimelineMarker {
    const noted = Object.freeze({ id: `${this.prefix}:m${++this.counter}`, ...marker });
    this.markers.push(noted);
    return noted;
  }

  /** Everything that is remembered, in order of beginning. */
  items(): readonly TimelineItem[] {
    const waits = [...this.over, ...this.open.values()].map((wait) => ({ type: 'wait' as const, ...wait }));
    const markers = this.markers.map((marker) => ({ type: 'marker' as const, ...marker }));
    return [...waits, ...markers].sort((one, other) => startOf(one) - startOf(other));
  }

  private begin(key: string, activity: PgActivity, lock: PgLock, at: Date, changed: WaitRecord[]): OpenWait {
    const { pid, backendStartText, applicationName, user, query } = activity;
    const wait: OpenWait = {
      id: `${this.prefix}:w${++this.counter}`,
      lock: lockLabel(lock),
      mode: lock.mode,
      pid,
      backendStart: backendStartText,
      application: applicationName,
      user,
      query,
      from: lock.waitStart ?? at,
      to: null,
      blockers: [],
    };
    this.open.set(key, wait);
    changed.push(wait);
    return wait;
  }

  /** @returns whether there was one that had not been seen in the way before. */
  private addBlockers(
    wait: OpenWait,
    blockedBy: readonly number[],
    sessions: ReadonlyMap<number, BlockingTreeNode>,
    at: Date,
  ): boolean {
    const known = wait.blockers.length;
    for (const pid of blockedBy)
      if (!wait.blockers.some((blocker) => blocker.pid === pid))
        wait.blockers.push(blockerRecord(pid, sessions.get(pid)?.activity, at));
    return wait.blockers.length > known;
  }

  private forget(at: Date): void {
    const oldest = at.getTime() - this.lengthMs;
    const firstKept = this.over.findIndex(({ to }) => (to?.getTime() ?? Infinity) >= oldest);
    const tooOld = firstKept === -1 ? this.over.length : firstKept;
    this.over.splice(0, Math.max(tooOld, this.over.length - MOST_WAITS));
    this.markers = this.markers.filter((marker) => marker.at.getTime() >= oldest).slice(-MOST_MARKERS);
  }
}

/** Every session of the trees once, whatever trees it stands in. */
function sessionsOf(roots: readonly BlockingTreeNode[]): ReadonlyMap<number, BlockingTreeNode> {
  const sessions = new Map<number, BlockingTreeNode>();
  const walk = [...roots];
  for (let node = walk.pop(); node !== undefined; node = walk.pop()) {
    if (sessions.has(node.activityId) && node.activityId !== 0) continue;
    sessions.set(node.activityId, node);
    walk.push(...node.blocked);
  }
  return sessions;
}

function blockerRecord(pid: number, activity: PgActivity | undefined, from: Date): BlockerRecord {
  return Object.freeze({
    pid,
    backendStart: activity?.backendStartText ?? null,
    application: activity?.applicationName ?? null,
    user: activity?.user ?? null,
    state: activity?.state ?? null,
    query: activity?.query ?? null,
    from,
  });
}

/** A session waits for one lock at a time; for the same one twice when it has asked anew. */
function keyOf({ pid, backendStartText }: PgActivity, lock: PgLock): string {
  return [pid, backendStartText, lockLabel(lock).key, lock.mode, lock.waitStart?.getTime()].join('/');
}

function startOf(item: TimelineItem): number {
  return (item.type === 'wait' ? item.from : item.at).getTime();
}
