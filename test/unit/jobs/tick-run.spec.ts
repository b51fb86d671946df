import type { TakenLock } from '../../../lib/jobs/job-definition.js';
import { TickRun, type TickHost } from '../../../lib/jobs/tick-run.js';

/** A job whose lock is free, in a process that has not listened over the instant. */
function job(peers: 'unseen' | 'silent', windowMs = 5_000, at = Date.now()) {
  const told: string[] = [];
  const host: TickHost = {
    windowMs,
    standsBack: false,
    isOtherExpected: false,
    isHeldHere: () => false,
    facts: () => ({ isClaimedByOther: false, isMemoryComplete: false, listenedAtTick: false }),
    isContinued: () => false,
    sync: () => Promise.resolve(),
    ask: () => Promise.resolve(peers),
    announce: () => Promise.resolve(true),
    skippedBefore: () => 0,
    began: () => void told.push('began'),
    gaveUp: () => void told.push('gave up'),
    left: (_run, why) => void told.push(why),
  };
  const lock: TakenLock = {
    isTrusted: true,
    keys: [],
    leave: () => Promise.resolve(void told.push('leave')),
  };
  return { told, run: new TickRun(at, host), take: () => Promise.resolve(lock) };
}

describe('a tick whose lock was taken here', () => {
  it('is left with its lock to others where nobody can say whether it was run', async () => {
    const { told, run, take } = job('silent');
    expect(await run.take(take)).toBeUndefined();
    run.end();
    expect(told).toEqual(['leave', 'gave up', 'foreign']);
  });

  it('is run where a peer has listened, and it was not run', async () => {
    const { told, run, take } = job('unseen');
    expect(await run.take(take)).toBeDefined();
    run.end();
    expect(told).toEqual(['began']);
  });
});

describe('a tick that still waits when the next one is due', () => {
  it('gives its place to it within its time: the next one counts it as skipped', () => {
    const at = Date.now() - 1_000;
    const { told, run } = job('silent', 60_000, at);
    expect(run.retarget(at + 1_000)).toBe(true);
    expect(run.at).toBe(at + 1_000);
    run.end();
    expect(told).toEqual([]);
  });

  it('is missed where its time is over, and told: the next one does not count it', () => {
    const at = Date.now() - 1_000;
    const { told, run } = job('silent', 500, at);
    expect(run.retarget(at + 1_000)).toBe(false);
    expect(run.at).toBe(at);
    expect(told).toEqual(['missed']);
  });
});
