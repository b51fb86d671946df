import type { LockId } from '../vocabulary/lock-id.js';
import { pageNumber, type PageAnswer, type PageQuestion } from '../peers/paged.js';
import type { PeerMessageKind, PeerQuestionKind } from '../peers/peers.js';
import { figure, isRecord, isText, readEnd, text } from './tick-messages.js';
import type { TickEnd } from './tick-memory.js';

/** One job as a peer tells of it: what the others cannot know. @internal */
export interface ToldJob {
  readonly job: string;
  readonly name: string;
  readonly id: LockId | readonly LockId[];
  readonly schedule: string | null;
  readonly nextTick: number | null;
  /** The backend with which this peer keeps the lock; null where it does not. */
  readonly pid: number | null;
  readonly running: boolean;
  readonly last: ToldRun | null;
  readonly lastTick: number | null;
}

/** A run as a peer tells of it; without an outcome it goes on. @internal */
export interface ToldRun {
  readonly startedAt: number;
  readonly replica: string;
  readonly late: number;
  readonly end: TickEnd | null;
}

/** "Which jobs do you have?" One page of the answer at a time, since a message has a length. @internal */
export type JobsQuestion = PageQuestion;

/** One page. @internal */
export interface JobsAnswer extends PageAnswer {
  readonly replica: string;
  readonly jobs: readonly ToldJob[];
}

export const JOBS_QUESTION: PeerQuestionKind<JobsQuestion, JobsAnswer> = {
  name: 'jobs?',
  readQuestion: (body) => (isRecord(body) ? { page: pageNumber(body['page']) } : undefined),
  readAnswer: (body) => {
    if (!isRecord(body) || !Array.isArray(body['jobs'])) return undefined;
    const jobs = body['jobs'].map(readJob).filter((job) => job !== undefined);
    return { replica: text(body['replica']), pages: pageNumber(body['pages']), jobs };
  },
};

/** "Run this job now": of those who have it, the one that is named. @internal */
export interface RunQuestion {
  readonly job: string;
  /** The peer that is to run it. */
  readonly to: string;
}

/** What became of it. @internal */
export type RunAnswer =
  | { readonly kind: 'ran'; readonly replica: string; readonly end: TickEnd }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string };

export const RUN_QUESTION: PeerQuestionKind<RunQuestion, RunAnswer> = {
  name: 'job-run?',
  readQuestion: (body) =>
    isRecord(body) && isText(body['job']) && isText(body['to'])
      ? { job: body['job'], to: body['to'] }
      : undefined,
  readAnswer: (body) => {
    if (!isRecord(body)) return undefined;
    const { kind, message, end, replica } = body;
    if (kind === 'refused' || kind === 'failed') return { kind, message: text(message) };
    const read = kind === 'ran' && isRecord(end) ? readEnd(end) : undefined;
    return read && { kind: 'ran', replica: text(replica), end: read };
  },
};

/** "Give this job to the others", to the replica that keeps it. @internal */
export const JOB_RELEASE: PeerMessageKind<{ readonly job: string }> = {
  name: 'job-release',
  read: (body) => (isRecord(body) && isText(body['job']) ? { job: body['job'] } : undefined),
};

/** An id as JSON has it: a bigint is a text in an object. @internal */
export function wireId(id: LockId | readonly LockId[]): unknown {
  if (typeof id === 'bigint') return { big: String(id) };
  return Array.isArray(id) && id.some((one) => typeof one !== 'number')
    ? (id as readonly LockId[]).map(wireId)
    : id;
}

function readId(raw: unknown): LockId | readonly LockId[] {
  if (Array.isArray(raw)) return raw.map((one) => readId(one) as LockId);
  if (isRecord(raw)) return /^-?\d{1,19}$/.test(text(raw['big'])) ? BigInt(text(raw['big'])) : '';
  return typeof raw === 'number' || typeof raw === 'string' ? raw : '';
}

function readJob(raw: unknown): ToldJob | undefined {
  if (!isRecord(raw) || !isText(raw['job']) || !isText(raw['name'])) return undefined;
  const instant = (value: unknown) => (typeof value === 'number' ? figure(value) : null);
  return {
    job: raw['job'],
    name: text(raw['name']),
    id: readId(raw['id']),
    schedule: isText(raw['schedule']) ? text(raw['schedule']) : null,
    nextTick: instant(raw['nextTick']),
    pid: instant(raw['pid']),
    running: raw['running'] === true,
    last: readRun(raw['last']),
    lastTick: instant(raw['lastTick']),
  };
}

function readRun(raw: unknown): ToldRun | null {
  if (!isRecord(raw)) return null;
  const { startedAt, replica, late, end } = raw;
  const read = isRecord(end) ? readEnd(end) : undefined;
  return { startedAt: figure(startedAt), replica: text(replica), late: figure(late), end: read ?? null };
}
