import { KeyQueue } from '../../../lib/locks/key-queue.js';
import { KeyQueues } from '../../../lib/locks/key-queues.js';
import { MemoryLockStore } from '../../../lib/testing/memory-lock-store.js';
import { MemoryLockTable } from '../../../lib/testing/memory-lock-table.js';
import { lockKey } from '../../../lib/vocabulary/lock-id.js';

const HOST = { domain: {}, onSelfWait: () => undefined };

describe('KeyQueues', () => {
  const store = new MemoryLockStore(new MemoryLockTable(), 1);
  const make = () => new KeyQueues((key) => new KeyQueue(HOST, key, store));

  it('gives the same queue for the same key', () => {
    const queues = make();
    expect(queues.of(lockKey('x'))).toBe(queues.of(lockKey('x')));
    expect(queues.find(lockKey('y'))).toBeUndefined();
  });

  it('tells keys apart that stand in one chain, and finds each when there are many', () => {
    const queues = make();
    const keys = [0, 1, 2].flatMap((chain) =>
      Array.from({ length: 1_000 }, (_, n) => lockKey([n * 4096 * 31, chain])),
    );
    keys.push(lockKey(7), lockKey([0, 7]));
    const made = keys.map((key) => Object.defineProperty(queues.of(key), 'isIdle', { value: false }));
    expect(new Set(made).size).toBe(keys.length);
    expect(keys.map((key) => queues.find(key))).toEqual(made);
  });

  it('keeps every queue in use, and does not grow with idle ones', () => {
    const queues = make();
    const inUse = Array.from({ length: 300 }, (_, n) =>
      Object.defineProperty(queues.of(lockKey(`used:${n}`)), 'isIdle', { value: false }),
    );
    for (let n = 0; n < 10_000; n++) queues.of(lockKey(n));
    expect([...queues].filter((queue) => inUse.includes(queue))).toHaveLength(300);
    expect([...queues].length).toBeLessThan(1_000);
  });
});
