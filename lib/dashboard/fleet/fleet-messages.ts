import { isRecord } from '../../peers/peer-message.js';
import type { PeerMessageKind } from '../../peers/peers.js';
import type { SealedKind } from '../../peers/sealed-questions.js';
import type { TimelineItem } from '../wire.js';
import { readItem } from './read-item.js';

/** "I have looked": told by the replica that samples, once a second while others relay it. Nothing of what it saw is in it. @internal */
export interface Pulse {
  /** The id of its events. */
  readonly sampler: string;
  /** Grows whenever the trees are others than before. */
  readonly tree: number;
  /** Grows with its history. */
  readonly revision: number;
  /** When it looked, in milliseconds of the Unix epoch. */
  readonly at: number;
}

/** @internal */
export const PULSE: PeerMessageKind<Pulse> = {
  name: 'dashboard-pulse',
  read: (body) => {
    if (!isRecord(body)) return undefined;
    const { sampler, tree, revision, at } = body;
    if (typeof sampler !== 'string' || !/^[\w-]{1,40}$/.test(sampler)) return undefined;
    return isFigure(tree) && isFigure(revision) && isFigure(at) ? { sampler, tree, revision, at } : undefined;
  },
};

/** "A page is open here": the sampler goes on telling pulses. @internal */
export const FOLLOW = signal('dashboard-follow');
/** "Something has happened here": the sampler comes and asks. @internal */
export const NEWS = signal('dashboard-news');
/** "I sample no more": others try at once. @internal */
export const RESIGNED = signal('dashboard-resigned');

/** "What have you seen, beyond what I know?" @internal */
export interface RecordsQuestion {
  /** The sampler, all peers, or the peer with that id. */
  readonly to: string;
  /** Of whose history `since` speaks: of another's everything is asked for. */
  readonly of: string | null;
  readonly since: number;
}

/** Some of it. @internal */
export interface RecordsAnswer {
  /** Up to which revision this goes. */
  readonly revision: number;
  readonly more: boolean;
  /** When the history begins, in milliseconds of the Unix epoch. */
  readonly begun: number;
  readonly items: readonly TimelineItem[];
}

/** @internal */
export const SAMPLER = 'sampler';
/** @internal */
export const ALL = 'all';

/** @internal */
export const RECORDS: SealedKind<RecordsQuestion, RecordsAnswer> = {
  name: 'dashboard-records?',
  readQuestion: (body) => {
    if (!isRecord(body)) return undefined;
    const { to, of, since } = body;
    if (typeof to !== 'string' || !isFigure(since)) return undefined;
    return { to, of: typeof of === 'string' ? of : null, since };
  },
  readAnswer: (body) => {
    if (!isRecord(body)) return undefined;
    const { revision, more, begun, items } = body;
    if (!isFigure(revision) || !isFigure(begun) || !Array.isArray(items)) return undefined;
    return { revision, more: more === true, begun, items: items.flatMap((item) => readItem(item) ?? []) };
  },
};

function signal(name: string): PeerMessageKind<Record<string, never>> {
  return { name, read: (body) => (isRecord(body) ? {} : undefined) };
}

function isFigure(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
