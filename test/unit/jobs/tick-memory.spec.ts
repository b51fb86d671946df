import { believableUntil, TickMemory } from '../../../lib/jobs/tick-memory.js';

const claim = (at: number, by = 'other') => ({
  at,
  by,
  replica: 'r',
  late: 0,
  announcedAt: 0,
  end: undefined,
});

function remembering(...claims: readonly ReturnType<typeof claim>[]): TickMemory {
  const memory = new TickMemory();
  for (const one of claims) memory.note('j', one, 'me');
  return memory;
}

describe('what is remembered of ticks', () => {
  it('a later one that was run covers those before it, as far as it can have been run by now', () => {
    const memory = remembering(claim(2_000));
    expect(memory.claimedByOther('j', 1_000, 'me', 5_000)).toMatchObject({ at: 2_000 });
    expect(memory.claimedByOther('j', 1_000, 'me', 1_500)).toBeUndefined();
    expect(memory.from('j', 1_000, 1_500)).toBeUndefined();
    expect(memory.from('j', 3_000, 5_000)).toBeUndefined();
  });

  it('one that was run by a clock that is an hour ahead stays run, and keeps no other from being run meanwhile', () => {
    const now = Date.now();
    const ahead = now + 3_600_000;
    const memory = remembering(claim(ahead));
    const until = believableUntil(2_000);
    expect(memory.claimedByOther('j', now, 'me', until)).toBeUndefined();
    expect(memory.claimedByOther('j', ahead, 'me', until)).toMatchObject({ by: 'other' });
    expect(memory.claimedByOther('j', now, 'me', until + 3_600_000)).toBeDefined();
  });

  it('a clock that is far ahead leaves room for the ticks of now', () => {
    const now = Date.now();
    const ahead = Array.from({ length: 40 }, (_, index) => claim(now + 3_600_000 + index * 1_000));
    const memory = remembering(...ahead, claim(now));
    expect(memory.find('j', now)).toMatchObject({ by: 'other' });
    for (let tick = 0; tick < 40; tick += 1) memory.note('j', claim(now - 40_000 + tick * 1_000), 'me');
    expect(memory.last('j', believableUntil(2_000))).toMatchObject({ at: now });
  });

  it('a clock that is far ahead does not say when the last tick was', () => {
    const now = Date.now();
    const memory = remembering(claim(now - 5_000), claim(now - 1_000), claim(now + 3_600_000));
    expect(memory.last('j', believableUntil(2_000))?.at).toBe(now - 1_000);
    memory.note('other job', claim(now + 3_600_000), 'me');
    expect(memory.latest(believableUntil(2_000))).toBe(now - 1_000);
    expect(remembering(claim(now + 3_600_000)).latest(now)).toBeUndefined();
  });

  it('own ticks are no claims of another', () => {
    const memory = remembering(claim(2_000, 'me'));
    expect(memory.claimedByOther('j', 2_000, 'me', 5_000)).toBeUndefined();
    expect(memory.from('j', 2_000, 5_000)).toMatchObject({ by: 'me' });
  });
});
