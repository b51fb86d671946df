import type { PgActivity } from './pg-activity.js';
import type { BlockedPgLock, PgLock } from './pg-lock.js';

/** What a session of the blocking tree holds up. @publicApi */
export interface HeldUp {
  /** How many sessions wait for it, directly or behind others. */
  readonly count: number;
  /** How long the longest of them has waited, in milliseconds; null before PostgreSQL 14, and when none waits. */
  readonly longestWait: number | null;
}

/**
 * A session of the blocking tree. Each session stands once under a root, at the shortest way from it; `blockedBy` has all
 * that block it. Frozen.
 *
 * @publicApi
 */
export interface BlockingTreeNode {
  /** Process id of the backend; 0 for a prepared transaction. */
  readonly activityId: number;
  /** The session itself. */
  readonly activity: PgActivity;
  /** The name of the prepared transaction that this is, if it is one. */
  readonly preparedTransaction: string | null;
  /** The lock that the session waits for; null at a root. */
  readonly lock: PgLock | null;
  /** All blockers of this session. */
  readonly blockedBy: readonly number[];
  /** Whether the session waits, through others, for itself: a deadlock that the server has not broken yet. */
  readonly cycle: boolean;
  /** How many wait for it, and for how long. */
  readonly holdsUp: HeldUp;
  /** The sessions that wait for this one. */
  readonly blocked: readonly BlockingTreeNode[];
}

/** How many sessions all trees show together; beyond, `holdsUp` still counts them. */
const MOST_NODES = 10_000;

interface Vertex {
  readonly activity: PgActivity;
  readonly prepared: string | null;
  lock: PgLock | null;
  readonly blockers: Set<Vertex>;
  readonly waiters: Set<Vertex>;
}

/** A session, by a key that tells prepared transactions apart, and its blockers. @internal */
export interface TreeMember {
  readonly key: string;
  readonly activity: PgActivity;
  readonly preparedTransaction: string | null;
  readonly lock: PgLock | null;
  /** The keys of its blockers. */
  readonly blockers: readonly string[];
}

/**
 * The trees of sessions that wait for each other, roots first. Its cost grows with edges times roots, never with the
 * number of ways through them.
 *
 * @internal
 */
export function blockingTree(
  members: readonly TreeMember[],
  mostNodes = MOST_NODES,
): readonly BlockingTreeNode[] {
  const vertices = verticesOf(members);
  const roots = vertices.filter(({ blockers }) => blockers.size === 0);
  const reached = new Set(roots.flatMap((root) => [...breadthFirst(root).keys()]));
  for (const vertex of vertices) {
    if (reached.has(vertex)) continue;
    roots.push(vertex);
    for (const member of breadthFirst(vertex).keys()) reached.add(member);
  }
  const budget = { left: mostNodes };
  const ranked = roots.map((root) => ({ root, parents: breadthFirst(root) }));
  ranked.sort((one, other) => other.parents.size - one.parents.size);
  return Object.freeze(ranked.map(({ root, parents }) => nodeOf(root, parents, budget)));
}

/** The members that rows of blocked locks speak of. @internal */
export function membersOf(rows: readonly BlockedPgLock[]): readonly TreeMember[] {
  const members = new Map<string, TreeMember & { lock: PgLock | null; blockers: string[] }>();
  const member = (activity: PgActivity, prepared: string | null) => {
    const key = `${activity.pid}/${prepared ?? ''}`;
    const found = members.get(key) ?? {
      key,
      activity,
      preparedTransaction: prepared,
      lock: null,
      blockers: [],
    };
    members.set(key, found);
    return found;
  };
  for (const { blockingActivity, blockingActivityId, ...lock } of rows) {
    const waiter = member(lock.activity, null);
    waiter.lock ??= Object.freeze(lock);
    waiter.blockers.push(
      member(blockingActivity, blockingActivityId === 0 ? lock.preparedTransaction : null).key,
    );
  }
  return [...members.values()];
}

function verticesOf(members: readonly TreeMember[]): readonly Vertex[] {
  const vertices = new Map<string, Vertex>();
  for (const { key, activity, preparedTransaction, lock } of members)
    vertices.set(key, {
      activity,
      prepared: preparedTransaction,
      lock,
      blockers: new Set(),
      waiters: new Set(),
    });
  for (const { key, blockers } of members)
    for (const blocker of blockers) connect(vertices.get(key), vertices.get(blocker));
  return [...vertices.values()];
}

function connect(waiter: Vertex | undefined, blocker: Vertex | undefined): void {
  if (waiter === undefined || blocker === undefined) return;
  waiter.blockers.add(blocker);
  blocker.waiters.add(waiter);
}

/** Everybody behind a session, nearest first, each with the one under which it stands. */
function breadthFirst(root: Vertex): Map<Vertex, Vertex | null> {
  const parents = new Map<Vertex, Vertex | null>([[root, null]]);
  // A Map goes on with what is added while it is walked.
  for (const vertex of parents.keys())
    for (const waiter of vertex.waiters) if (!parents.has(waiter)) parents.set(waiter, vertex);
  return parents;
}

function nodeOf(
  root: Vertex,
  parents: ReadonlyMap<Vertex, Vertex | null>,
  budget: { left: number },
): BlockingTreeNode {
  const children = new Map<Vertex, BlockingTreeNode[]>();
  const shown = new Set([...parents.keys()].slice(0, Math.max(1, budget.left)));
  budget.left -= shown.size;
  const heldUp = heldUpBy(parents);
  // The farthest first: what stands below is ready when its parent is built.
  for (const vertex of [...shown].reverse()) {
    const node = Object.freeze({
      activityId: vertex.activity.pid,
      activity: vertex.activity,
      preparedTransaction: vertex.prepared,
      lock: vertex.lock,
      blockedBy: Object.freeze([...vertex.blockers].map(({ activity }) => activity.pid)),
      cycle: vertex === root && vertex.blockers.size > 0,
      holdsUp: Object.freeze(heldUp.get(vertex) ?? { count: 0, longestWait: null }),
      blocked: Object.freeze((children.get(vertex) ?? []).reverse()),
    });
    const parent = parents.get(vertex);
    if (!parent) return node;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [node]);
    else siblings.push(node);
  }
  throw new Error('a tree without a root');
}

/** Sums up, from the farthest to the root, what stands below each. */
function heldUpBy(parents: ReadonlyMap<Vertex, Vertex | null>): Map<Vertex, HeldUp> {
  const sums = new Map<Vertex, HeldUp>();
  for (const vertex of [...parents.keys()].reverse()) {
    const parent = parents.get(vertex);
    if (!parent) continue;
    const below = sums.get(vertex) ?? { count: 0, longestWait: null };
    const sum = sums.get(parent) ?? { count: 0, longestWait: null };
    const wait = longest(vertex.lock?.waitDuration ?? null, below.longestWait);
    sums.set(parent, { count: sum.count + below.count + 1, longestWait: longest(sum.longestWait, wait) });
  }
  return sums;
}

function longest(one: number | null, other: number | null): number | null {
  return one === null ? other : Math.max(one, other ?? one);
}
