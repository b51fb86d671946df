import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { LockSessionError } from '../errors/lock-session.error.js';
import type { Peers } from '../peers/peers.js';
import { TIMER_MAX_MS } from '../vocabulary/monotonic.js';
import { errorText } from './error-text.js';
import type { Job } from './job.js';
import { jobRun, type PeersJob } from './job-listing.js';
import { RUN_QUESTION, type RunAnswer, type RunQuestion } from './job-questions.js';
import type { JobRun } from './job-status.js';
import type { JobsContext } from './jobs-context.js';

/** How often it is looked whether the replica that runs a job for us is still there. */
const LOOK_MS = 2_000;

/** Runs a job for a peer, where it is meant for this process. @internal */
export async function runHere(
  { to }: RunQuestion,
  job: Job | undefined,
  { peers, replica }: JobsContext,
): Promise<RunAnswer | undefined> {
  if (to !== peers.id || job === undefined) return undefined;
  try {
    const run = await job.runByHand();
    if (run === undefined || run.outcome === null)
      return { kind: 'refused', message: 'It was skipped: its lock is taken.' };
    const { startedAt, duration, outcome, error } = run;
    return { kind: 'ran', replica, end: { startedAt: startedAt.getTime(), duration, outcome, error } };
  } catch (error) {
    if (error instanceof LockNotAvailableError) return { kind: 'refused', message: error.message };
    return { kind: 'failed', message: errorText(error) };
  }
}

/** Has a peer run one of its jobs, and waits for the outcome. @internal */
export async function runElsewhere(job: PeersJob, peers: Peers): Promise<JobRun> {
  const gone = new AbortController();
  const look = setInterval(() => {
    if (!peers.known().some(({ id }) => id === job.peer)) gone.abort();
  }, LOOK_MS);
  const question = { job: job.job, to: job.peer };
  const asked = peers.ask(RUN_QUESTION, question, {
    waitMs: TIMER_MAX_MS,
    isEnough: (all) => all.length > 0,
  });
  try {
    const answers = await Promise.race([asked, aborted(gone.signal, job)]);
    return readAnswer(answers[0]?.body, job);
  } finally {
    clearInterval(look);
  }
}

function aborted(signal: AbortSignal, { name, replica }: PeersJob): Promise<never> {
  return new Promise((_resolve, reject) => {
    const message = `Job ${name}: replica ${replica}, which was to run it, is gone. Whether it ran is not known.`;
    signal.addEventListener('abort', () => reject(new LockSessionError(message)), { once: true });
  });
}

function readAnswer(answer: RunAnswer | undefined, { name, id, replica }: PeersJob): JobRun {
  if (answer?.kind === 'ran')
    return jobRun({ startedAt: answer.end.startedAt, replica: answer.replica, late: 0, end: answer.end });
  if (answer?.kind === 'refused') throw new LockNotAvailableError(answer.message, { id, waited: 0 });
  const why = answer === undefined ? 'it did not answer' : answer.message;
  throw new LockSessionError(`Job ${name} was not run by replica ${replica}: ${why}`);
}

/** The error for a name that no replica knows. @internal */
export function unknownJob(name: string, known: readonly string[]): PgLockUsageError {
  const list =
    known.length === 0 ? 'no jobs are known' : `there are ${[...new Set(known)].sort().join(', ')}`;
  return new PgLockUsageError(`There is no job ${JSON.stringify(name)}: ${list}.`);
}
