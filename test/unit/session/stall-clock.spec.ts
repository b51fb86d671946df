import { LockSessionError } from '../../../lib/errors/lock-session.error.js';
import { StallClock } from '../../../lib/session/stall-clock.js';

const silence = new LockSessionError('no answer');
const TOLERATED = 2_000;

describe('a loss by silence', () => {
  it('is explained by an event loop that was blocked, while it is late', () => {
    const clock = new StallClock(500);
    clock.tick(1_000, 10);
    const explained = clock.explain(silence, TOLERATED, 8_500, 6_900);
    expect(explained).toBeInstanceOf(LockSessionError);
    expect(explained.message).toMatch(/^The event loop was blocked for 7\.0 s, /);
    expect(explained.cause).toBe(silence);
  });

  it('is explained by a process that was stopped, where it used no CPU', () => {
    const clock = new StallClock(500);
    clock.tick(1_000, 10);
    expect(clock.explain(silence, TOLERATED, 8_500, 50).message).toMatch(
      /^The process was stopped for 7\.0 s, /,
    );
  });

  it('is explained by an event loop that was blocked, also where the machine gave it little of a CPU', () => {
    const clock = new StallClock(500);
    clock.tick(1_000, 10);
    expect(clock.explain(silence, TOLERATED, 11_500, 1_100).message).toMatch(/blocked for 10\.0 s/);
    expect(clock.explain(silence, TOLERATED, 11_500, 600).message).toMatch(/stopped for 10\.0 s/);
  });

  it('is explained by what has just been, too, and not by what was long ago', () => {
    const clock = new StallClock(500);
    clock.tick(0, 0);
    clock.tick(5_500, 5_000);
    clock.tick(6_000, 5_001);
    expect(clock.explain(silence, TOLERATED, 6_100, 5_001).message).toMatch(/blocked for 5\.0 s/);
    clock.tick(6_500, 5_001);
    clock.tick(7_000, 5_001);
    clock.tick(7_500, 5_001);
    expect(clock.explain(silence, TOLERATED, 7_600, 5_001)).toBe(silence);
  });

  it('stays what it is where the event loop has run', () => {
    const clock = new StallClock(500);
    expect(clock.explain(silence, TOLERATED, 9_000, 0)).toBe(silence);
    clock.tick(1_000, 0);
    expect(clock.explain(silence, TOLERATED, 2_000, 0)).toBe(silence);
    clock.stop();
    expect(clock.explain(silence, TOLERATED, 99_000, 0)).toBe(silence);
  });

  it('is explained where the server says so, and nothing else is', () => {
    const clock = new StallClock(500);
    clock.tick(0, 0);
    const fatal = (code: string) => Object.assign(new Error('terminating connection'), { code });
    expect(clock.explain(fatal('57P05'), TOLERATED, 9_000, 9_000).message).toMatch(/blocked for 8\.5 s/);
    const killed = fatal('57P01');
    expect(clock.explain(killed, TOLERATED, 9_000, 9_000)).toBe(killed);
  });
});
