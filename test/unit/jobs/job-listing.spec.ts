import { statuses, type PeersJob } from '../../../lib/jobs/job-listing.js';
import type { ToldJob } from '../../../lib/jobs/job-questions.js';
import { believableUntil } from '../../../lib/jobs/tick-memory.js';

const now = Date.now();
const AHEAD = now + 3 * 3_600_000;

function told(at: number | null, replica: string): ToldJob {
  const last =
    at === null
      ? null
      : {
          startedAt: at,
          replica,
          late: 0,
          end: { outcome: 'succeeded' as const, startedAt: at, duration: 1, error: null },
        };
  return {
    ...{ job: 'j', name: 'j', id: 'j', schedule: null, nextTick: null },
    ...{ pid: null, running: false, last, lastTick: at },
  };
}

function shown(own: number | null, theirs: number) {
  const peer: PeersJob = { ...told(theirs, 'there'), peer: 'p', replica: 'there' };
  const [row] = statuses([{ ...told(own, 'here'), missed: 0 }], [peer], 'here', believableUntil(2_000));
  return [row?.lastTick?.getTime(), row?.lastRun?.replica];
}

describe('the state of a job', () => {
  it.each([
    ['the later run', now - 5_000, now - 1_000, now - 1_000, 'there'],
    ['no run of a clock that is hours ahead', now - 5_000, AHEAD, now - 5_000, 'here'],
    [
      'a run of a clock that is hours ahead where no other is known, but not its tick',
      null,
      AHEAD,
      undefined,
      'there',
    ],
  ] as const)('shows %s', (_, own, theirs, lastTick, replica) => {
    expect(shown(own, theirs)).toEqual([lastTick, replica]);
  });
});
