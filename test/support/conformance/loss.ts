import { LockLostError } from '../../../lib/errors/lock-lost.error.js';
import type { LockHandle } from '../../../lib/locks/lock-handle.js';
import { openTwo, type LockEngine } from './lock-engine.js';

/** What becomes of a lock that nobody released, and of its holder. */
export function loss(engine: LockEngine): void {
  const lose = async (lock: LockHandle): Promise<unknown> => {
    const told = new Promise((resolve) =>
      lock.signal.addEventListener('abort', () => resolve(lock.signal.reason), { once: true }),
    );
    await engine.loseEverything(lock);
    return told;
  };

  describe('a lost lock', () => {
    it('is told by the signal of its handle, which never comes back', async () => {
      const { service } = engine.open();
      const old = (await service.acquire('x')) as LockHandle;
      const reason = await lose(old);
      expect(reason).toBeInstanceOf(LockLostError);
      expect(reason).toMatchObject({ id: 'x', code: 'PGLOCK_LOST' });
      await using fresh = await service.acquire('x', { timeout: 0 });
      await old.release();
      expect([old.held, fresh?.held]).toEqual([false, true]);
      await expect(old.fencingToken()).rejects.toThrow(LockLostError);
    });

    it('leaves the flow its result, but not the lock', async () => {
      const { service } = engine.open();
      const result = await service.advisory('x', async (lock) => {
        expect(service.isHeld('x')).toBe(true);
        await lose(lock);
        expect(service.isHeld('x')).toBe(false);
        return 'done all the same';
      });
      expect(result).toBe('done all the same');
    });

    it('goes to whoever waits for it', async () => {
      const [a, b] = openTwo(engine);
      const old = (await a.service.acquire('x')) as LockHandle;
      const waiting = b.service.acquire('x', { timeout: '60s' });
      await engine.untilWaiting();
      await lose(old);
      await using next = await waiting;
      expect(next?.held).toBe(true);
    });

    it('is emitted as an event', async () => {
      const { service } = engine.open();
      const lock = (await service.acquire('x')) as LockHandle;
      const emitted = new Promise((resolve) => service.events.once('lockLost', resolve));
      await lose(lock);
      expect(await emitted).toMatchObject({ type: 'lockLost', id: 'x', pid: lock.pid });
    });
  });
}
