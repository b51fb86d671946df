import type { ShownLock } from '../wire.js';
import { keyOf, kindOf, targetOf } from '../now/target.js';
import { waitingSince } from '../parts/texts.js';

/** Everybody who holds or awaits one thing. */
export interface LockGroup {
  readonly key: string;
  readonly kind: string;
  readonly name: string;
  readonly relKind: string | null;
  readonly advisoryKey: ShownLock['advisoryKey'];
  /** Why it is called so, where that is not certain or no id of this library. */
  readonly named: string | null;
  readonly holders: readonly ShownLock[];
  readonly waiters: readonly ShownLock[];
  /** How many calls wait for it within processes that hold it. */
  readonly within: number;
  /** The strongest mode held, else awaited. */
  readonly mode: string;
  /** The strongest mode awaited. */
  readonly awaited: string | null;
  /** Since when the longest of its holders has held it: what the holder says, else its transaction; ISO. */
  readonly since: string | null;
  /** When the longest of its waiters began to wait; ISO. */
  readonly waitsSince: string | null;
}

const STRENGTH = [
  'SI READ',
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
];

export function groupsOf(locks: readonly ShownLock[]): readonly LockGroup[] {
  const byKey = new Map<string, ShownLock[]>();
  for (const lock of locks) {
    const key = keyOf(lock);
    const group = byKey.get(key);
    if (group === undefined) byKey.set(key, [lock]);
    else group.push(lock);
  }
  return [...byKey.values()].map(groupOf);
}

function groupOf(locks: readonly ShownLock[]): LockGroup {
  const [first] = locks as readonly [ShownLock];
  const holders = locks.filter(({ granted }) => granted);
  const waiters = locks.filter(({ granted }) => !granted);
  const strongest = (some: readonly ShownLock[]) =>
    some.map(({ mode }) => mode).sort((one, other) => STRENGTH.indexOf(other) - STRENGTH.indexOf(one))[0];
  return {
    key: keyOf(first),
    kind: kindOf(first),
    name: targetOf(first),
    relKind: first.relKind,
    advisoryKey: first.advisoryKey,
    named: namedBy(first),
    holders,
    waiters,
    within: holders.reduce((sum, { waitingWithin }) => sum + waitingWithin, 0),
    mode: strongest(holders) ?? strongest(waiters) ?? '',
    awaited: strongest(waiters) ?? null,
    since: earliest(holders.map(({ activity, heldSince }) => heldSince ?? activity.xactStart)),
    waitsSince: earliest(waiters.map((lock) => waitingSince(lock.activity, lock))),
  };
}

function namedBy({ advisoryNames }: ShownLock): string | null {
  if (advisoryNames.length === 0) return null;
  const names = advisoryNames.map(({ name }) => name).join(' or ');
  return advisoryNames[0]?.certain === true
    ? `Such a key is taken by ${names}.`
    : `Such a key may be taken by ${names}.`;
}

function earliest(instants: readonly (string | null)[]): string | null {
  return instants.filter((at) => at !== null).sort()[0] ?? null;
}

export const SORTS = {
  waiters: (one, other) => other.waiters.length - one.waiters.length || text(one).localeCompare(text(other)),
  name: (one, other) => text(one).localeCompare(text(other)),
  since: (one, other) => (one.since ?? '9').localeCompare(other.since ?? '9'),
  mode: (one, other) => STRENGTH.indexOf(other.mode) - STRENGTH.indexOf(one.mode),
  holder: (one, other) => holderText(one).localeCompare(holderText(other)),
} as const satisfies Record<string, (one: LockGroup, other: LockGroup) => number>;

export type SortName = keyof typeof SORTS;

function text({ name }: LockGroup): string {
  return name.toLowerCase();
}

export function holderText({ holders }: LockGroup): string {
  return holders.map(({ activity }) => `${activity.applicationName ?? ''} ${activity.pid}`).join(' ');
}

/** Whether every word that was typed stands somewhere in the group. */
export function matches(group: LockGroup, words: string): boolean {
  const all = [
    group.name,
    group.kind,
    group.mode.replaceAll('_', ' '),
    ...[...group.holders, ...group.waiters].flatMap(({ activity }) => [
      String(activity.pid),
      activity.applicationName ?? '',
      activity.user ?? '',
      activity.clientAddress ?? '',
    ]),
  ]
    .join('\n')
    .toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}
