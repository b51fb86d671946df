import { deferred, eventually, inOneOf } from '../waiting.js';
import { openTwo, type LockEngine } from './lock-engine.js';

/** How long a lock is waited for, and held. */
export function howLong(engine: LockEngine): void {
  describe('holdAtLeast', () => {
    it('keeps the lock for its minimum, without keeping the caller', async () => {
      const [a, b] = openTwo(engine);
      // A machine that stands still asks too late.
      await inOneOf(10, async () => {
        await a.service.advisory('x', { holdAtLeast: '400ms' }, () => undefined);
        await using there = await b.service.acquire('x', { timeout: 0 });
        await using here = await a.service.acquire('x', { timeout: 0 });
        expect([there, here]).toEqual([null, null]);
      });
      await using lock = await b.service.acquire('x', { timeout: '60s' });
      expect(lock?.held).toBe(true);
    });

    it('does not block shutdown', async () => {
      const [a, b] = openTwo(engine);
      await a.service.advisory('x', { holdAtLeast: '1 hour' }, () => undefined);
      await a.close();
      await using lock = await b.service.acquire('x', { timeout: 0 });
      expect(lock?.held).toBe(true);
    });
  });

  describe('maxHold', () => {
    it('loses the handle and frees the lock', async () => {
      const [a, b] = openTwo(engine);
      const lock = await a.service.acquire('x', { maxHold: 60 });
      await using next = await b.service.acquire('x', { timeout: '60s' });
      expect(next?.held).toBe(true);
      expect(lock?.signal.reason).toMatchObject({ name: 'LockLostError' });
      await lock?.release();
      expect(next?.held).toBe(true);
    });
  });

  describe('sticky', () => {
    it('keeps none of several keys before all of them were held', async () => {
      const [a, b] = openTwo(engine);
      const once = { timeout: 0, onContention: 'skip', sticky: true } as const;
      const other = await b.service.acquire('one');
      expect(await a.service.advisory(['one', 'two'], once, () => 'ran')).toBeUndefined();
      expect(await b.service.advisory('two', { timeout: 0 }, () => 'ran')).toBe('ran');
      await other?.release();
      expect(await a.service.advisory(['one', 'two'], once, () => 'ran')).toBe('ran');
      expect(await engine.heldKeys()).toHaveLength(2);
    });

    it('keeps the lock in the process between runs, until it is closed', async () => {
      const [a, b] = openTwo(engine);
      const once = { timeout: 0, onContention: 'skip', sticky: true } as const;
      expect(await a.service.advisory('job', once, () => 'ran')).toBe('ran');
      expect(await b.service.advisory('job', once, () => 'ran')).toBeUndefined();
      expect(await a.service.advisory('job', once, () => 'ran')).toBe('ran');
      await a.close();
      expect(await b.service.advisory('job', once, () => 'ran')).toBe('ran');
    });

    it('keeps nothing for a run that was refused', async () => {
      const [a, b] = openTwo(engine);
      const once = { timeout: 0, onContention: 'skip', sticky: true } as const;
      const handler = await a.service.acquire('job');
      expect(await a.service.advisory('job', once, () => 'ran')).toBeUndefined();
      await handler?.release();
      await using free = await b.service.acquire('job', { timeout: 0 });
      expect(free?.held).toBe(true);
    });

    it('never lets a run overlap itself', async () => {
      const { service } = engine.open();
      const once = { timeout: 0, onContention: 'skip', sticky: true } as const;
      const gate = deferred();
      const first = service.advisory('job', once, () => gate.promise.then(() => 'first'));
      await eventually(async () => (await engine.heldKeys()).length === 1);
      expect(await service.advisory('job', once, () => 'second')).toBeUndefined();
      gate.resolve();
      expect(await first).toBe('first');
    });
  });

  describe('signal', () => {
    it('stops the wait with its reason, and leaves nothing behind', async () => {
      const [a, b] = openTwo(engine);
      await using _lock = await a.service.acquire('x');
      const controller = new AbortController();
      const waiting = b.service.advisory('x', { signal: controller.signal }, () => 'ran');
      await engine.untilWaiting();
      const reason = new Error('client has gone');
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
      expect(await engine.heldKeys()).toHaveLength(1);
    });

    it('that is aborted already asks the server nothing', async () => {
      const { service } = engine.open();
      await expect(service.acquire('x', { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow(
        'no',
      );
      await engine.expectUntouched();
    });
  });

  describe('timeout', () => {
    it("left out takes the module's default first", async () => {
      const [a, b] = openTwo(engine, { advisory: { timeout: 0 } });
      await using _lock = await a.service.acquire('x');
      expect(await b.service.acquire('x')).toBeNull();
    });
  });
}
