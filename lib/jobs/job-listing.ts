import { askPages, PAGE_BYTES, pagesOf } from '../peers/paged.js';
import type { Peers } from '../peers/peers.js';
import { asciiJson } from '../vocabulary/ascii.js';
import type { LockId } from '../vocabulary/lock-id.js';
import type { Job } from './job.js';
import { JOBS_QUESTION, wireId, type JobsAnswer, type ToldJob, type ToldRun } from './job-questions.js';
import type { JobRun, JobStatus } from './job-status.js';
import type { JobsContext } from './jobs-context.js';

/** What is shown of an id that is too long for a message. */
const CUT_ID = 100;

/** One job of a peer. @internal */
export interface PeersJob extends ToldJob {
  /** The peer's id. */
  readonly peer: string;
  /** Its `host:pid`. */
  readonly replica: string;
}

/** What a process tells of one of its jobs. @internal */
export function toldJob(job: Job, context: JobsContext): ToldJob {
  const { definition, identity, clock, record } = job;
  return {
    job: identity,
    name: definition.name,
    id: definition.ids,
    schedule: clock.expression ?? definition.schedule,
    nextTick: clock.next ?? null,
    pid: job.hold?.pid ?? null,
    running: record.running > 0,
    last: record.lastRun === undefined ? null : toldRun(record.lastRun),
    lastTick: context.memory.last(identity, context.believableUntil())?.at ?? null,
  };
}

/** One page of the answer to "which jobs do you have?". @internal */
export function jobsPage(jobs: readonly ToldJob[], page: number, replica: string): JobsAnswer {
  const pages = pagesOf(jobs.map((job) => thatFits({ ...job, id: wireId(job.id) as ToldJob['id'] })));
  return { replica, pages: pages.length, jobs: pages[page] ?? [] };
}

/** Of a job with many or long ids, which no message could hold, the first ones. */
function thatFits(job: ToldJob): ToldJob {
  if (asciiJson(job).length <= PAGE_BYTES) return job;
  const { id } = job;
  if (typeof id === 'string') return { ...job, id: `${id.slice(0, CUT_ID)}…` };
  if (!Array.isArray(id)) return job;
  const [first, ...others] = id as readonly LockId[];
  if (others.length === 0) return thatFits({ ...job, id: first ?? '' });
  return thatFits({ ...job, id: [first ?? '', ...others.slice(0, others.length >> 1)] });
}

/** The jobs of all peers that answer in time. @internal */
export async function peersJobs(peers: Peers): Promise<PeersJob[]> {
  const stop = peers.keepListening();
  try {
    const answers = await askPages(peers, JOBS_QUESTION);
    return answers.flatMap(({ body, from }) =>
      body.jobs.map((job) => ({ ...job, peer: from.id, replica: body.replica })),
    );
  } finally {
    stop();
  }
}

/**
 * One row of each job: our own, and what peers say, the holder's word first.
 *
 * @param until what is later is of a clock that is wrong: no such tick is the last one, and no such run where another is known.
 * @internal
 */
export function statuses(
  own: readonly (ToldJob & { readonly missed: number })[],
  theirs: readonly PeersJob[],
  replica: string,
  until: number,
): JobStatus[] {
  const rows = new Map<string, JobStatus>();
  const all = [...own.map((job) => ({ ...job, replica })), ...theirs.map((job) => ({ ...job, missed: 0 }))];
  for (const job of all) {
    const former = rows.get(job.job);
    const one = statusOf({ ...job, lastTick: (job.lastTick ?? 0) > until ? null : job.lastTick });
    rows.set(job.job, former === undefined ? one : merged(former, one, until));
  }
  return [...rows.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function statusOf(job: ToldJob & { readonly missed: number; readonly replica: string }): JobStatus {
  return {
    name: job.name,
    id: job.id,
    schedule: job.schedule,
    nextTick: dateOf(job.nextTick),
    holder: job.pid === null ? null : { replica: job.replica, pid: job.pid },
    lastTick: dateOf(job.lastTick),
    lastRun: job.last === null ? null : jobRun(job.last),
    running: job.running,
    missed: job.missed,
  };
}

function merged(former: JobStatus, other: JobStatus, until: number): JobStatus {
  return {
    ...former,
    schedule: former.schedule ?? other.schedule,
    nextTick: former.nextTick ?? other.nextTick,
    holder: former.holder ?? other.holder,
    lastTick: later(former.lastTick, other.lastTick),
    lastRun: laterRun(former.lastRun, other.lastRun, until),
    running: former.running || other.running,
  };
}

function later(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? b : a;
}

function laterRun(a: JobRun | null, b: JobRun | null, until: number): JobRun | null {
  if (a === null || b === null) return a ?? b;
  const [isAhead, isOtherAhead] = [a, b].map(({ startedAt }) => startedAt.getTime() > until);
  if (isAhead !== isOtherAhead) return isAhead ? b : a;
  // Of one run, the word of the replica that knows its end.
  if (a.replica === b.replica && (a.outcome === null) !== (b.outcome === null)) return a.outcome ? a : b;
  return a.startedAt < b.startedAt ? b : a;
}

/** A run in the public form. @internal */
export function jobRun({ startedAt, replica, late, end }: ToldRun): JobRun {
  const { duration = null, outcome = null, error = null } = end ?? {};
  return { startedAt: new Date(startedAt), duration, outcome, error, replica, late };
}

function toldRun({ startedAt, duration, outcome, error, replica, late }: JobRun): ToldRun {
  const at = startedAt.getTime();
  const end = outcome === null ? null : { outcome, startedAt: at, duration, error };
  return { startedAt: at, replica, late, end };
}

function dateOf(at: number | null): Date | null {
  return at === null ? null : new Date(at);
}
