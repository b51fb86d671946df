import { jest } from '@jest/globals';
import { LockNotAvailableError } from '../../../lib/errors/lock-not-available.error.js';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import { advisoryKey, lockKey } from '../../../lib/vocabulary/lock-id.js';
import { deferred } from '../waiting.js';
import { openTwo, type LockEngine } from './lock-engine.js';

/** Work under a lock: waiting, skipping, asking again. */
export function runningWork(engine: LockEngine): void {
  describe('advisory', () => {
    it('runs the work under the lock and hands on its result', async () => {
      const { service } = engine.open();
      const key = lockKey('billing.close').text;
      const result = await service.advisory('billing.close', async (lock) => {
        expect(await engine.heldKeys()).toEqual([key]);
        expect(lock).toMatchObject({
          id: 'billing.close',
          key: advisoryKey('billing.close'),
          shared: false,
          held: true,
        });
        return 42;
      });
      expect(result).toBe(42);
      expect(await engine.heldKeys()).toEqual([]);
    });

    it('lets go when the work throws, and hands on the error itself', async () => {
      const { service } = engine.open();
      const failure = new Error('work failed');
      await expect(service.advisory('x', () => Promise.reject(failure))).rejects.toBe(failure);
      await expect(
        service.advisory('x', () => {
          throw failure;
        }),
      ).rejects.toBe(failure);
      expect(await engine.heldKeys()).toEqual([]);
    });

    it('waits for another process, then runs', async () => {
      const [a, b] = openTwo(engine);
      const lock = await a.service.acquire('x');
      const waiting = b.service.advisory('x', () => 'ran');
      await engine.untilWaiting();
      await lock?.release();
      expect(await waiting).toBe('ran');
    });

    it('throws on contention by default, naming id and wait', async () => {
      const [a, b] = openTwo(engine);
      await using _lock = await a.service.acquire('x');
      const error = await b.service.advisory('x', { timeout: '50ms' }, () => 'ran').catch((e: unknown) => e);
      expect(error).toBeInstanceOf(LockNotAvailableError);
      expect(error).toMatchObject({ code: '55P03', id: 'x', name: 'LockNotAvailableError' });
      expect((error as LockNotAvailableError).waited).toBeGreaterThanOrEqual(50);
    });

    it('skips on contention when told so, and runs nothing', async () => {
      const [a, b] = openTwo(engine);
      await using _lock = await a.service.acquire('x');
      const work = jest.fn();
      expect(await b.service.advisory('x', { timeout: 0, onContention: 'skip' }, work)).toBeUndefined();
      expect(await b.service.advisory('x', { timeout: 20, onContention: 'skip' }, work)).toBeUndefined();
      expect(work).not.toHaveBeenCalled();
    });

    it('does not count a flow as holder once its work has ended', async () => {
      const { service } = engine.open();
      const gate = deferred();
      let stray: Promise<unknown> | undefined;
      await service.advisory('x', () => {
        stray = gate.promise.then(() => service.isHeld('x'));
      });
      gate.resolve();
      expect(await stray).toBe(false);
    });
  });

  describe('isHeld and assertHeld', () => {
    it('know what the running flow holds, and nothing else', async () => {
      const { service } = engine.open();
      expect(service.isHeld('x')).toBe(false);
      expect(() => service.assertHeld('x')).toThrow(PgLockUsageError);
      await service.advisory('x', async () => {
        expect(service.isHeld('x')).toBe(true);
        service.assertHeld('x');
        expect(service.isHeld('y')).toBe(false);
        await service.advisory('y', () => service.assertHeld('x'));
      });
      expect(service.isHeld('x')).toBe(false);
    });
  });
}
