import { isRecord } from '../../peers/peer-message.js';
import type { BlockerRecord, LockLabel, TimelineItem, TimelineMarker } from '../wire.js';

type Raw = Readonly<Record<string, unknown>>;

const LOCK_KINDS: readonly LockLabel['kind'][] = ['table', 'row', 'advisory', 'transaction', 'other'];
const MARKER_KINDS: readonly TimelineMarker['kind'][] = [
  'signal',
  'prioritized',
  'deadlock',
  'lost',
  'sessionEnded',
  'takeover',
  'job',
  'trouble',
];
const LONGEST = 4_000;
const MOST_BLOCKERS = 200;

/** An entry of the timeline in what another process has said; undefined for everything else. @internal */
export function readItem(raw: unknown): TimelineItem | undefined {
  if (!isRecord(raw) || typeof raw['id'] !== 'string' || raw['id'].length > 80) return undefined;
  return raw['type'] === 'marker' ? markerOf(raw, raw['id']) : waitOf(raw, raw['id']);
}

function markerOf(raw: Raw, id: string): TimelineItem | undefined {
  const [at, kind] = [date(raw['at']), MARKER_KINDS.find((each) => each === raw['kind'])];
  if (at === null || kind === undefined) return undefined;
  const [text, lock, by] = [string(raw['text']) ?? '', string(raw['lock']), string(raw['by'])];
  return { type: 'marker', id, at, kind, text, pid: figure(raw['pid']), lock, by };
}

function waitOf(raw: Raw, id: string): TimelineItem | undefined {
  const { lock, blockers } = raw;
  const [from, pid, mode] = [date(raw['from']), figure(raw['pid']), string(raw['mode'])];
  const kind = isRecord(lock) ? LOCK_KINDS.find((each) => each === lock['kind']) : undefined;
  if (from === null || pid === null || mode === null || kind === undefined || !isRecord(lock))
    return undefined;
  return {
    type: 'wait',
    id,
    lock: { key: string(lock['key']) ?? '', kind, name: string(lock['name']) ?? '' },
    mode,
    pid,
    ...sessionOf(raw),
    from,
    to: date(raw['to']),
    blockers: Array.isArray(blockers) ? blockers.slice(0, MOST_BLOCKERS).flatMap(blockerOf) : [],
  };
}

function blockerOf(raw: unknown): BlockerRecord[] {
  if (!isRecord(raw)) return [];
  const [pid, from] = [figure(raw['pid']), date(raw['from'])];
  return pid === null || from === null ? [] : [{ pid, ...sessionOf(raw), state: string(raw['state']), from }];
}

function sessionOf(raw: Raw): Pick<BlockerRecord, 'backendStart' | 'application' | 'user' | 'query'> {
  return {
    backendStart: string(raw['backendStart']),
    application: string(raw['application']),
    user: string(raw['user']),
    query: string(raw['query']),
  };
}

function string(value: unknown): string | null {
  return typeof value === 'string' ? value.slice(0, LONGEST) : null;
}

function figure(value: unknown): number | null {
  return Number.isSafeInteger(value) ? (value as number) : null;
}

function date(value: unknown): Date | null {
  const at = typeof value === 'string' ? new Date(value) : null;
  return at === null || Number.isNaN(at.getTime()) ? null : at;
}
