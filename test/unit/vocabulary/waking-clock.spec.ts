import { jest } from '@jest/globals';
import { WakingClock } from '../../../lib/vocabulary/waking-clock.js';

describe('a clock that counts the sleep of the machine', () => {
  let [now, uptimeMs, readsFor] = [0, 0, 0];
  let clock: WakingClock;

  beforeEach(() => {
    [now, uptimeMs, readsFor] = [1_000, 50_000, 0];
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    clock = new WakingClock(() => {
      now += readsFor;
      return uptimeMs;
    });
    clock.notice();
  });
  afterEach(() => jest.restoreAllMocks());

  /** Time goes by: so much awake, so much asleep. */
  function pass(awakeMs: number, asleepMs = 0): void {
    now += awakeMs;
    uptimeMs += awakeMs + asleepMs;
  }

  it('goes as the monotonic one does while the machine is awake', () => {
    for (let i = 0; i < 1_000; i++) {
      pass(500, i % 2 === 0 ? 10 : -10);
      clock.notice();
    }
    expect(clock.now()).toBe(now);
  });

  it('is ahead of it by every sleep from the next look on', () => {
    pass(300, 60_000);
    expect(clock.now()).toBe(now);
    clock.notice();
    expect(clock.now()).toBe(now + 60_000);
    pass(500);
    clock.notice();
    pass(10, 5_000);
    clock.notice();
    expect(clock.now()).toBe(now + 65_000);
  });

  it('takes a process that was stopped between two readings for no machine that slept', () => {
    readsFor = 3_000;
    uptimeMs += 3_000;
    clock.notice();
    readsFor = 0;
    pass(500);
    clock.notice();
    expect(clock.now()).toBe(now);
  });
});
