import { nextStep, type HeldState } from '../../../lib/locks/next-step.js';
import type { HeldKey } from '../../../lib/session/lock-store.js';
import { lockKey } from '../../../lib/vocabulary/lock-id.js';

function held(shared: boolean, isContended: boolean): HeldState {
  const lock: HeldKey = { key: lockKey('x'), pid: 1, alive: true, listener: undefined, shared, isContended };
  return { at: 'held', lock, handoffSince: 0, awaited: 'unknown' };
}

const after = (server: HeldState, ms: number, shared = false) =>
  nextStep(server, 0, { shared }, false, () => ms);

describe('what to do with a key that no work here holds any more', () => {
  it('is to hand it on in this process for 10 ms, and then to give others their turn', () => {
    expect([after(held(false, false), 9.9), after(held(false, false), 10)]).toEqual(['grant', 'unlock']);
  });

  it('is to do so sooner where others are likely to stand in the queue of the server', () => {
    expect([after(held(false, true), 2.9), after(held(false, true), 3)]).toEqual(['grant', 'unlock']);
    expect(after(held(true, true), 9, true)).toBe('grant');
  });
});
