import fc from 'fast-check';
import { Roster } from '../../../lib/session/roster.js';

describe('Roster', () => {
  it('holds what a Set would, whoever comes and goes', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(9)), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (all) => {
        const items = Array.from({ length: 10 }, (_, n) => ({ n, place: 0 }));
        const roster = new Roster<(typeof items)[number]>();
        const set = new Set<(typeof items)[number]>();
        for (const [comes, index] of all) {
          const item = items[index]!;
          if (!comes) roster.delete(item);
          else if (!roster.has(item)) roster.add(item);
          if (comes) set.add(item);
          else set.delete(item);
          expect(new Set(roster)).toEqual(set);
          expect(roster.size).toBe(set.size);
        }
        expect(new Set(roster.clear())).toEqual(set);
        expect(roster.size).toBe(0);
      }),
    );
  });
});
