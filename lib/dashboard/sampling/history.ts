import { createHash } from 'node:crypto';
import type { BlockingTreeNode } from '../../inspection/blocking-tree.js';
import type { PgActivity } from '../../inspection/pg-activity.js';
import type { PgLock } from '../../inspection/pg-lock.js';
import { lockLabel } from '../lock-label.js';
import type { BlockerRecord, TimelineItem, TimelineMarker, WaitRecord } from '../wire.js';
import { Revisions } from './revisions.js';

/** However long the history is, it keeps no more than this. */
const MOST_WAITS = 5_000;
const MOST_MARKERS = 2_000;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type NotedWait = Mutable<WaitRecord> & { blockers: BlockerRecord[] };

/** Some of what changed, in the order in which it did. @internal */
export interface Changes {
  readonly items: readonly TimelineItem[];
  /** Up to where these go. */
  revisionOf(count: number): number;
}

/**
 * What was seen: a wait is *open* from the sample in which it is first seen until one in which it is not, then *over*. Both
 * are forgotten when they were over for longer than the history reaches. What other replicas saw is merged with it: a wait
 * has the same id wherever it is seen. Holds no connection and no timer.
 *
 * @internal
 */
export class History {
  private readonly waits = new Map<string, NotedWait>();
  private readonly markers = new Map<string, TimelineMarker>();
  private readonly open = new Set<string>();
  private readonly revisions = new Revisions();
  private counter = 0;
  private lastSeen: Date | null = null;
  private begun: Date;

  constructor(
    readonly lengthMs: number,
    private readonly prefix: string,
  ) {
    this.begun = new Date();
  }

  /** Since when there has been something to remember. */
  get since(): Date {
    return this.begun;
  }

  /** When a session was last seen waiting, here or elsewhere. */
  get lastWaitAt(): Date | null {
    return this.lastSeen;
  }

  /** Grows with everything that is noted. */
  get revision(): number {
    return this.revisions.latest;
  }

  /** Notes who waits at this moment. @returns what began, changed or ended. */
  note(roots: readonly BlockingTreeNode[], at: Date): readonly WaitRecord[] {
    const changed = new Set<NotedWait>();
    const seen = new Set<string>();
    const sessions = sessionsOf(roots);
    for (const { activity, lock, blockedBy } of sessions.values()) {
      if (lock === null) continue;
      const id = idOf(activity, lock);
      seen.add(id);
      const wait = this.openWait(id, activity, lock, at, changed);
      if (addBlockers(wait, blockedBy, sessions, at)) changed.add(wait);
    }
    if (seen.size > 0) this.sawWait(at);
    for (const id of this.open) if (!seen.has(id)) this.end(id, at, changed);
    for (const { id } of changed) this.revisions.touch(id);
    this.forget(at);
    return [...changed];
  }

  /** No one looks from now on: what becomes of the waits is not known. */
  rest(): void {
    const changed = new Set<NotedWait>();
    for (const id of this.open) this.end(id, this.lastSeen ?? new Date(), changed);
    for (const { id } of changed) this.revisions.touch(id);
  }

  /** Notes that something happened. */
  mark(marker: Omit<TimelineMarker, 'id'>): TimelineMarker {
    const noted = Object.freeze({ id: `${this.prefix}:m${++this.counter}`, ...marker });
    this.addMarker(noted);
    return noted;
  }

  /** Takes in what another replica has seen. @returns what was not known here. */
  merge(items: readonly TimelineItem[]): readonly TimelineItem[] {
    return items.filter((item) => (item.type === 'wait' ? this.mergeWait(item) : this.mergeMarker(item)));
  }

  /** Another replica has looked for longer, or has seen a wait of late. */
  extend(since: Date, lastWaitAt: Date | null): void {
    if (since < this.begun) this.begun = since;
    if (lastWaitAt !== null) this.sawWait(lastWaitAt);
  }

  /** Everything that is remembered, in order of beginning. */
  items(): readonly TimelineItem[] {
    return [...this.waits.values(), ...this.markers.values()]
      .map((record) => itemOf(record))
      .sort((one, other) => startOf(one) - startOf(other));
  }

  /** What changed after a revision, up to so many. */
  changesSince(revision: number, most: number): Changes {
    const changed = this.revisions.after(revision).slice(0, most);
    const items = changed.flatMap(({ id }) => this.waits.get(id) ?? this.markers.get(id) ?? []).map(itemOf);
    return {
      items,
      revisionOf: (count) => (count === 0 ? revision : (changed[count - 1]?.revision ?? this.revision)),
    };
  }

  private openWait(
    id: string,
    activity: PgActivity,
    lock: PgLock,
    at: Date,
    changed: Set<NotedWait>,
  ): NotedWait {
    const known = this.waits.get(id);
    if (known !== undefined && this.open.has(id)) return known;
    const wait = known ?? waitOf(id, activity, lock, at);
    wait.to = null;
    this.waits.set(id, wait);
    this.open.add(id);
    changed.add(wait);
    return wait;
  }

  private end(id: string, at: Date, changed: Set<NotedWait>): void {
    this.open.delete(id);
    const wait = this.waits.get(id);
    if (wait === undefined) return;
    wait.to = at;
    changed.add(wait);
  }

  private mergeWait(item: WaitRecord): boolean {
    const known = this.waits.get(item.id);
    if (known === undefined) {
      this.waits.set(item.id, { ...item, blockers: [...item.blockers] });
      this.revisions.touch(item.id);
      return true;
    }
    const more = item.blockers.filter(({ pid }) => !known.blockers.some((blocker) => blocker.pid === pid));
    const ends = !this.open.has(item.id) && known.to?.getTime() !== item.to?.getTime();
    const tells = known.query === null && item.query !== null;
    if (more.length === 0 && !ends && !tells) return false;
    known.blockers.push(...more);
    if (ends) known.to = item.to;
    known.query ??= item.query;
    this.revisions.touch(item.id);
    return true;
  }

  private mergeMarker(item: TimelineMarker): boolean {
    if (this.markers.has(item.id)) return false;
    this.addMarker(Object.freeze(item));
    return true;
  }

  private addMarker(marker: TimelineMarker): void {
    this.markers.set(marker.id, marker);
    this.revisions.touch(marker.id);
  }

  private sawWait(at: Date): void {
    if (this.lastSeen === null || at > this.lastSeen) this.lastSeen = at;
  }

  private forget(at: Date): void {
    const oldest = at.getTime() - this.lengthMs;
    this.drop(this.waits, ({ to }) => (to?.getTime() ?? Infinity) < oldest, MOST_WAITS);
    this.drop(this.markers, (marker) => marker.at.getTime() < oldest, MOST_MARKERS);
  }

  private drop<T>(records: Map<string, T>, isOld: (record: T) => boolean, most: number): void {
    for (const [id, record] of records) {
      if (!isOld(record) && (records.size <= most || this.open.has(id))) continue;
      records.delete(id);
      this.revisions.drop(id);
    }
  }
}

function itemOf(record: WaitRecord | TimelineMarker): TimelineItem {
  return 'kind' in record ? { type: 'marker', ...record } : { type: 'wait', ...record };
}

function waitOf(id: string, activity: PgActivity, lock: PgLock, at: Date): NotedWait {
  const { pid, backendStartText, applicationName, user, query } = activity;
  return {
    id,
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
}

/** @returns whether there was one that had not been seen blocking before. */
function addBlockers(
  wait: NotedWait,
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

/** A session waits for one lock at a time; for the same one twice when it has asked anew. The same on every replica. */
function idOf({ pid, backendStart, queryStart }: PgActivity, lock: PgLock): string {
  const since = (lock.waitStart ?? queryStart)?.getTime();
  const key = [pid, backendStart?.getTime(), lockLabel(lock).key, lock.mode, since].join('/');
  return `w${createHash('sha256').update(key).digest('base64url').slice(0, 16)}`;
}

function startOf(item: TimelineItem): number {
  return (item.type === 'wait' ? item.from : item.at).getTime();
}
