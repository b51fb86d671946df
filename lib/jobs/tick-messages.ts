import type { PeerMessageKind, PeerQuestionKind } from '../peers/peers.js';
import type { TickEnd } from './tick-memory.js';

/**
 * "I run this tick now." This form, and that of {@link TICK_QUESTION}, never changes: replicas of all versions meet on one
 * database, and a tick that one of them cannot read runs twice. Fields may be added.
 *
 * @internal
 */
export interface TickAnnouncement {
  /** The identity of the job. */
  readonly job: string;
  /** The instant, in milliseconds of the Unix epoch. */
  readonly at: number;
  readonly name: string;
  readonly replica: string;
  readonly late: number;
}

/** How a run ended. `at` is null for one that was asked for by hand. @internal */
export interface TickFinished extends TickEnd {
  readonly job: string;
  readonly at: number | null;
  readonly replica: string;
}

/** "Has this tick been run?" @internal */
export interface TickQuestion {
  readonly job: string;
  readonly at: number;
}

/** Who has announced it; null from a peer that listened over the instant, and has heard nothing. @internal */
export interface TickAnswer {
  readonly by: string | null;
  readonly at: number;
  readonly replica: string;
}

/** "Which ticks from this instant on have been announced already?" Asked when a session begins to listen. @internal */
export interface RecentTicksQuestion {
  readonly from: number;
}

/** @internal */
export interface RecentTicksAnswer {
  readonly claims: readonly { job: string; at: number; by: string; replica: string }[];
  /** Whether these are all that this peer knows of. */
  readonly isWhole: boolean;
  /** Whether this peer has listened for so long that it has heard of all. */
  readonly isComplete: boolean;
}

export const TICK: PeerMessageKind<TickAnnouncement> = {
  name: 'tick',
  read: (body) => {
    if (!isRecord(body) || !isText(body['job']) || !isInstant(body['at'])) return undefined;
    const { job, at } = body;
    return { job, at, name: text(body['name']), replica: text(body['replica']), late: figure(body['late']) };
  },
};

export const TICK_FINISHED: PeerMessageKind<TickFinished> = {
  name: 'tick-end',
  read: (body) => {
    if (!isRecord(body) || !isText(body['job'])) return undefined;
    const at = isInstant(body['at']) ? body['at'] : null;
    const end = readEnd(body);
    return end && { job: body['job'], at, replica: text(body['replica']), ...end };
  },
};

export const TICK_QUESTION: PeerQuestionKind<TickQuestion, TickAnswer> = {
  name: 'tick?',
  readQuestion: (body) =>
    isRecord(body) && isText(body['job']) && isInstant(body['at'])
      ? { job: body['job'], at: body['at'] }
      : undefined,
  readAnswer: (body) => {
    if (!isRecord(body) || !(body['by'] === null || isText(body['by']))) return undefined;
    return { by: body['by'], at: figure(body['at']), replica: text(body['replica']) };
  },
};

export const RECENT_TICKS_QUESTION: PeerQuestionKind<RecentTicksQuestion, RecentTicksAnswer> = {
  name: 'ticks?',
  readQuestion: (body) => (isRecord(body) && isInstant(body['from']) ? { from: body['from'] } : undefined),
  readAnswer: (body) => {
    if (!isRecord(body) || !Array.isArray(body['claims'])) return undefined;
    const claims = body['claims'].map(readClaim).filter((claim) => claim !== undefined);
    return { claims, isWhole: body['isWhole'] === true, isComplete: body['isComplete'] === true };
  },
};

function readClaim(raw: unknown) {
  if (!isRecord(raw)) return undefined;
  const { job, at, by, replica } = raw;
  return isText(job) && isInstant(at) && isText(by) ? { job, at, by, replica: text(replica) } : undefined;
}

/** The end of a run in a body that came from outside. @internal */
export function readEnd(body: Readonly<Record<string, unknown>>): TickEnd | undefined {
  const { outcome, startedAt, duration, error } = body;
  if (outcome !== 'succeeded' && outcome !== 'failed' && outcome !== 'interrupted') return undefined;
  return {
    outcome,
    startedAt: figure(startedAt),
    duration: typeof duration === 'number' ? figure(duration) : null,
    error: isText(error) ? error : null,
  };
}

/** @internal */
export function isRecord(body: unknown): body is Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null && !Array.isArray(body);
}

/** @internal */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Of what may be shown to people, and came from outside: short. @internal */
export function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 200) : '';
}

/** @internal */
export function figure(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function isInstant(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
