import { monotonicMs } from '../vocabulary/monotonic.js';
import type { JobsContext } from './jobs-context.js';
import { RECENT_TICKS_QUESTION, TICK_QUESTION, type TickAnswer, type TickQuestion } from './tick-messages.js';

/** Answers what peers ask about ticks. Returns the ways to stop. @internal */
export function answerTickQuestions(context: JobsContext): (() => void)[] {
  const { peers, recent } = context;
  const suppressed = true;
  return [
    peers.answer(TICK_QUESTION, (question) => whoRan(question, context), { suppressed }),
    peers.answer(RECENT_TICKS_QUESTION, (question) => recent.answer(question), { suppressed }),
  ];
}

/** Who ran the tick; "no replica" only from a peer that listened over the instant. */
function whoRan({ job, at }: TickQuestion, context: JobsContext): TickAnswer | undefined {
  const { memory, peers, options } = context;
  const claim = memory.from(job, at, context.believableUntil());
  if (claim !== undefined) return { by: claim.by, at: claim.at, replica: claim.replica };
  const since = peers.listeningSince ?? Infinity;
  const isComplete = since <= monotonicMs() - (Date.now() - at) - options.clockSkewMs;
  return isComplete ? { by: null, at, replica: '' } : undefined;
}
