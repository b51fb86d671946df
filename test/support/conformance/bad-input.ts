import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import type { LockId } from '../../../lib/vocabulary/lock-id.js';
import type { LockEngine } from './lock-engine.js';

/** What can mean nothing is refused before anything is asked of the engine. */
export function badInput(engine: LockEngine): void {
  describe('bad input', () => {
    it.each([
      ['an id that is no id', () => [Symbol('x')]],
      ['no id', () => [undefined]],
      ['a fraction', () => [1.5]],
      ['an unsafe integer', () => [2 ** 53]],
      ['a bigint out of range', () => [2n ** 63n]],
      ['a pair out of range', () => [[0, 2 ** 31]]],
      ['a pair with a fraction', () => [[0.5, 1]]],
      ['an empty list', () => [[]]],
      ['an empty string', () => ['']],
      ['half a character', () => ['order:\ud800']],
      ['a list of three numbers', () => [[1, 2, 3]]],
      ['a list of one number', () => [[1]]],
      ['a number in a list', () => [['a', 5]]],
      ['no whole number of milliseconds', () => ['x', { timeout: 1.5 }]],
      ['a list with a bad id', () => [['a', {}]]],
      ['a negative timeout', () => ['x', { timeout: -1 }]],
      ['a NaN timeout', () => ['x', { timeout: Number.NaN }]],
      ['an infinite timeout', () => ['x', { timeout: Number.POSITIVE_INFINITY }]],
      ['a fraction of a millisecond', () => ['x', { timeout: 0.5 }]],
      ['an unreadable timeout', () => ['x', { timeout: 'soon' }]],
      ['a negative text', () => ['x', { timeout: '-1s' }]],
      ['an unknown onContention', () => ['x', { onContention: 'ignore' }]],
      ['an unknown option', () => ['x', { timeOut: 1 }]],
      ['a flag of another type', () => ['x', { shared: 'yes' }]],
      ['a signal of another type', () => ['x', { signal: {} }]],
      ['a maxHold of zero', () => ['x', { maxHold: 0 }]],
      ['a bad holdAtLeast', () => ['x', { holdAtLeast: '' }]],
      ['options of another type', () => ['x', 5]],
      ['a list of options', () => ['x', []]],
    ])('%s is a usage error before any SQL', async (_what, args) => {
      const { service } = engine.open();
      const [id, options] = args() as [LockId, object];
      await expect(service.acquire(id, options)).rejects.toThrow(PgLockUsageError);
      await expect(service.advisory(id, options, () => 1)).rejects.toThrow(PgLockUsageError);
      await engine.expectUntouched();
    });

    it('work that is no function is a usage error', async () => {
      const { service } = engine.open();
      await expect(service.advisory('x', {}, undefined as never)).rejects.toThrow(PgLockUsageError);
    });
  });
}
