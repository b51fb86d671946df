import { SeenIds } from '../../../lib/locks/seen-ids.js';
import { lockKey, type LockId } from '../../../lib/vocabulary/lock-id.js';

const keyOf = (id: LockId) => lockKey(id);

describe('the ids that were seen last', () => {
  it.each([1, 32, 33, 100, 1_000])('are known by their keys: %d, and none before them', (most) => {
    const seen = new SeenIds(most);
    const ids = Array.from({ length: 2 * most + 1 }, (_, n) => `order:${n}`);
    ids.forEach((id, n) => {
      seen.add(id, keyOf(id));
      if (n % 97 === 0) expect(seen.find(keyOf(id))).toBe(id);
    });
    const known = ids.filter((id) => seen.find(keyOf(id)) === id);
    expect(known).toEqual(ids.slice(-most));
    expect(seen.find(keyOf('never seen'))).toBeUndefined();
  });
});
