import fc from 'fast-check';
import {
  MemoryLockTable,
  type MemoryLock,
  type MemoryWaiter,
} from '../../../lib/testing/memory-lock-table.js';
import { lockKey } from '../../../lib/vocabulary/lock-id.js';

const KEY = lockKey('x');

/** Somebody who came for the lock; `hold` is there once it was given. */
class Comer implements MemoryWaiter {
  readonly key = KEY;
  readonly owner = {};
  readonly since = new Date();
  hold: MemoryLock | undefined;

  constructor(
    readonly shared: boolean,
    readonly pid: number,
  ) {}

  holds() {
    return [];
  }

  grant(hold: MemoryLock) {
    expect(this.hold).toBeUndefined();
    this.hold = hold;
  }
}

const conflicting = (a: { shared: boolean }, b: { shared: boolean }) => !a.shared || !b.shared;

/** What must be true of a lock table at any moment. */
function expectOrder(table: MemoryLockTable): void {
  const [holds, waiters] = [table.holds(KEY), table.waiters(KEY)];
  expect(holds.length <= 1 || holds.every(({ shared }) => shared)).toBe(true);
  const pids = waiters.map(({ pid }) => pid);
  expect(pids).toEqual(pids.toSorted((a, b) => a - b));
  for (const [i, waiter] of waiters.entries())
    expect([...holds, ...waiters.slice(0, i)].some((other) => conflicting(other, waiter))).toBe(true);
}

describe('a lock table in memory', () => {
  const steps = fc.array(
    fc.record({
      what: fc.constantFrom('try', 'wait', 'leave', 'free', 'lose'),
      shared: fc.boolean(),
      which: fc.nat(9),
    }),
    { maxLength: 60 },
  );

  it('never holds a conflict, never overtakes, and leaves nobody waiting who could have it', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const table = new MemoryLockTable();
        for (const { what, shared, which } of all) {
          const free = [...table.holds(), ...table.waiters()].every(
            (other) => !conflicting(other, { shared }),
          );
          const comer = new Comer(shared, table.newPid());
          const hold = table.holds()[which];
          const waiter = table.waiters()[which];
          if (what === 'try') expect(table.take(KEY, shared, comer.pid, {}) !== null).toBe(free);
          if (what === 'wait') {
            table.enqueue(comer);
            expect(comer.hold !== undefined).toBe(free);
          }
          if (what === 'leave' && waiter !== undefined) table.leave(waiter);
          if (what === 'free' && hold !== undefined) table.free(hold);
          if (what === 'lose' && hold !== undefined) table.lose([hold], new Error('lost'));
          expectOrder(table);
        }
        for (const waiter of table.waiters()) table.leave(waiter);
        for (const hold of table.holds()) table.free(hold);
        expect([table.holds(), table.waiters()]).toEqual([[], []]);
      }),
    );
  });

  it('tells the holder of a loss once, and frees what is lost for the next', () => {
    const table = new MemoryLockTable();
    const hold = table.take(KEY, false, 1, {})!;
    const next = new Comer(false, 2);
    table.enqueue(next);
    const told: string[] = [];
    hold.listener = { onKeyLost: (_hold, { message }) => void told.push(message) };
    table.lose([hold], new Error('gone'));
    table.free(hold);
    expect([told, hold.alive, next.hold?.alive]).toEqual([['gone'], false, true]);
  });

  it('gives tokens that grow', () => {
    const table = new MemoryLockTable();
    expect(table.nextToken()).toBeLessThan(table.nextToken());
  });
});
