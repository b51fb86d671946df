import {
  nextStep,
  owedAfter,
  LOCAL_HANDOFF_MS,
  TURN,
  type HeldState,
  type ServerState,
} from '../../../lib/locks/next-step.js';
import type { NextPlace } from '../../../lib/locks/next-place.js';
import type { HeldKey, LockWait } from '../../../lib/session/lock-store.js';
import { lockKey } from '../../../lib/vocabulary/lock-id.js';

const NOW = 1_000;
const shared = { shared: true };
const exclusive = { shared: false };

const lock = (isShared: boolean, alive = true): HeldKey => ({
  key: lockKey('x'),
  shared: isShared,
  pid: 1,
  alive,
  listener: undefined,
});

function held(
  isShared: boolean,
  given: { alive?: boolean; ageMs?: number } & Partial<HeldState> = {},
): ServerState {
  const { alive = true, ageMs = 0, awaited = 'unknown', isContended = false, works = 1 } = given;
  const { turn = TURN.works } = given;
  const handoffSince = NOW - ageMs;
  return { at: 'held', lock: lock(isShared, alive), isContended, works, turn, handoffSince, awaited };
}

const free: ServerState = { at: 'free' };
const trying: ServerState = { at: 'trying', shared: false };
const waiting = (isShared: boolean): ServerState => ({
  at: 'waiting',
  shared: isShared,
  wait: {} as LockWait,
});
const old = { ageMs: LOCAL_HANDOFF_MS };
const late = { isContended: true, works: TURN.works - 1, ageMs: TURN.ms - 1 };

describe('nextStep', () => {
  it.each<[string, ServerState, number, { shared: boolean } | undefined, boolean, string]>([
    ['free, wanted by none', free, 0, undefined, false, 'nothing'],
    ['free, wanted', free, 0, exclusive, false, 'try'],
    ['tried already', trying, 0, exclusive, false, 'nothing'],
    ['awaited, wanted in that mode', waiting(true), 0, shared, false, 'stay in line'],
    ['awaited, wanted in the other mode', waiting(true), 0, exclusive, false, 'cancel wait'],
    ['awaited, wanted by none', waiting(false), 0, undefined, false, 'cancel wait'],
    ['held, wanted and used by none', held(false), 0, undefined, false, 'unlock'],
    ['held and sticky, wanted and used by none', held(false), 0, undefined, true, 'nothing'],
    ['held and used, wanted by none', held(false), 1, undefined, false, 'nothing'],
    ['acquired, wanted in that mode', held(false, { ...old, works: 0 }), 0, exclusive, false, 'grant'],
    ['just held, wanted in that mode', held(false), 0, exclusive, false, 'grant'],
    ['just held, wanted in the other mode', held(false), 0, shared, false, 'unlock'],
    ['held for long, wanted', held(false, old), 0, exclusive, false, 'unlock'],
    ['held in a turn, wanted', held(false, late), 0, exclusive, false, 'grant'],
    [
      'held for a whole turn',
      held(false, { ...late, ageMs: TURN.ms }),
      0,
      exclusive,
      false,
      'unlock and line up',
    ],
    [
      'held by all works of a turn',
      held(false, { ...late, works: 256 }),
      0,
      exclusive,
      false,
      'unlock and line up',
    ],
    ['held in a longer turn', held(false, { ...late, works: 256, turn: 300 }), 0, exclusive, false, 'grant'],
    ['the same, wanted by readers', held(false, { ...late, works: 256 }), 0, shared, false, 'unlock'],
    ['the same, wanted by none', held(false, { ...late, works: 256 }), 0, undefined, false, 'unlock'],
    ['held by many works, wanted nowhere else', held(false, { works: 999 }), 0, exclusive, false, 'grant'],
    ['held for long and sticky, wanted', held(false, old), 0, exclusive, true, 'grant'],
    ['held and awaited elsewhere, wanted', held(true, { awaited: 'yes' }), 0, shared, false, 'unlock'],
    ['not trusted, wanted', held(false, { alive: false }), 0, exclusive, false, 'unlock'],
    ['not trusted and sticky, wanted', held(false, { alive: false }), 0, exclusive, true, 'unlock'],
    ['used alone, wanted', held(false), 1, exclusive, false, 'queue'],
    ['used by readers, wanted by a writer', held(true), 2, exclusive, false, 'queue'],
    ['just used by readers, wanted by another', held(true), 2, shared, false, 'grant'],
    ['used by readers for long, wanted by another', held(true, old), 2, shared, false, 'queue and ask'],
    ['used by readers, being asked', held(true, { ...old, awaited: 'asking' }), 2, shared, false, 'queue'],
    ['used by readers, awaited elsewhere', held(true, { awaited: 'yes' }), 2, shared, false, 'queue'],
    ['used by readers, not trusted', held(true, { alive: false }), 2, shared, false, 'queue'],
  ])('%s', (_what, server, holders, head, sticky, step) => {
    expect(
      nextStep(server, holders, head, sticky, () => NOW, { cameBefore: () => false, makesRoom: () => false }),
    ).toBe(step);
  });
});

describe('nextStep, of others that came before', () => {
  const after = (server: ServerState, holders: number, head: { shared: boolean }, sticky = false) =>
    nextStep(server, holders, head, sticky, () => NOW, { cameBefore: () => true, makesRoom: () => true });

  it('makes room for them between works, and lets no reader join before them', () => {
    expect(after(held(false), 0, exclusive)).toBe('unlock and line up');
    expect(after(held(false, late), 0, exclusive)).toBe('unlock and line up');
    expect(after(held(true), 0, shared)).toBe('unlock and line up');
    expect(after(held(true), 2, shared)).toBe('queue');
  });

  it('keeps what is kept between runs', () => {
    expect(after(held(false), 0, exclusive, true)).toBe('grant');
  });
});

describe('nextStep, with a place in the server’s queue behind readers of the process', () => {
  const next = { ...(held(true) as HeldState), next: {} as NextPlace };
  it.each<[string, number, { shared: boolean } | undefined, boolean, string]>([
    ['readers go on, a writer waits', 2, exclusive, false, 'nothing'],
    ['readers go on, no writer waits', 2, shared, false, 'cancel next'],
    ['readers go on, none waits', 2, undefined, false, 'cancel next'],
    ['readers are over, a writer waits', 0, exclusive, false, 'unlock'],
    ['readers are over, another reader waits', 0, shared, false, 'unlock'],
    ['readers are over, none waits', 0, undefined, false, 'unlock'],
    ['readers are over, none waits, and it is kept', 0, undefined, true, 'cancel next'],
    ['readers are over, a writer waits, and it is kept', 0, exclusive, true, 'unlock'],
  ])('%s', (_what, holders, head, sticky, step) => {
    const others = { cameBefore: () => false, makesRoom: () => false };
    expect(nextStep(next, holders, head, sticky, () => NOW, others)).toBe(step);
  });
});

describe('owedAfter', () => {
  it('is what time has cut off this turn and those before, up to a few turns', () => {
    const after = (works: number, turn: number = TURN.works) =>
      owedAfter(held(false, { works, turn }) as HeldState);
    expect(after(TURN.works)).toBe(0);
    expect(after(100)).toBe(TURN.works - 100);
    expect(after(300, 2 * TURN.works)).toBe(2 * TURN.works - 300);
    expect(after(1, 9 * TURN.works)).toBe(TURN.mostOwed);
  });
});
