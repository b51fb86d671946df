import { defaultCatchUpMs, outlivesLease } from '../../../lib/jobs/job-options.js';
import { nextStep, type TickFacts } from '../../../lib/jobs/next-step.js';

/** A replica that has just got the lock, in time, and has listened all along. */
const LOCKED: TickFacts = {
  now: 10_000,
  at: 10_000,
  windowMs: 5_000,
  isClaimedByOther: false,
  isHeld: true,
  isHoldContinued: false,
  isSynced: true,
  isMemoryComplete: true,
  peers: 'not asked',
  listenedAtTick: true,
};

describe('what to do for a tick', () => {
  it.each<[string, Partial<TickFacts>, ReturnType<typeof nextStep>]>([
    ['announce what nobody has run', {}, 'announce'],
    ['leave what another has announced', { isClaimedByOther: true }, 'known'],
    ['leave it also where the lock was kept', { isClaimedByOther: true, isHoldContinued: true }, 'known'],
    ['leave it rather than call it missed', { isClaimedByOther: true, now: 99_000 }, 'known'],
    ['take the lock first', { isHeld: false }, 'lock'],
    ['take it anew where it is not trusted any more', { isHeld: false, isHoldContinued: true }, 'lock'],
    [
      'announce at once under a lock that was kept',
      { isHoldContinued: true, isSynced: false, isMemoryComplete: false },
      'announce',
    ],
    ['hear what is under way under a new one', { isSynced: false }, 'sync'],
    ['ask where something may have been missed', { isMemoryComplete: false }, 'ask'],
    ['announce where peers have seen nothing', { isMemoryComplete: false, peers: 'unseen' }, 'announce'],
    [
      'announce where nobody answers, and it listened',
      { isMemoryComplete: false, peers: 'silent' },
      'announce',
    ],
    [
      'leave what is from before it listened',
      { isMemoryComplete: false, peers: 'silent', listenedAtTick: false },
      'foreign',
    ],
    [
      'run what is from before it listened, where peers have seen nothing',
      { isMemoryComplete: false, peers: 'unseen', listenedAtTick: false },
      'announce',
    ],
    ['run it late within the window', { now: 15_000 }, 'announce'],
    ['miss it after the window', { now: 15_001 }, 'missed'],
    ['miss it also without the lock', { now: 15_001, isHeld: false }, 'missed'],
    ['run it a moment late where it is never to be caught up', { windowMs: 0, now: 10_200 }, 'announce'],
    ['miss it later there', { windowMs: 0, now: 10_300 }, 'missed'],
    ['run it early by a clock that is ahead', { now: 9_990 }, 'announce'],
  ])('%s', (_title, facts, step) => {
    expect(nextStep({ ...LOCKED, ...facts })).toBe(step);
  });
});

describe('how late a tick may be run by default', () => {
  const lease = { leaseMs: 5_000, heartbeatMs: 1_000 };

  it.each([
    ['a day', 86_400_000, 60_000],
    ['five minutes', 300_000, 60_000],
    ['a minute', 60_000, 30_000],
    ['ten seconds, where half of it would be too short for the lease', 10_000, 8_000],
    ['five seconds, where the lease does not fit', 5_000, 5_000],
    ['a second', 1_000, 1_000],
    ['one date', undefined, 60_000],
  ])('%s', (_title, periodMs, expected) => {
    expect(defaultCatchUpMs(periodMs, lease)).toBe(expected);
  });

  it('has to exceed the lease and a second for others to run the ticks of one that is stopped', () => {
    expect(outlivesLease(6_000, lease)).toBe(false);
    expect(outlivesLease(6_001, lease)).toBe(true);
  });
});
