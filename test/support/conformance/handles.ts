import { LockNotAvailableError } from '../../../lib/errors/lock-not-available.error.js';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import type { FencingTokenOptions } from '../../../lib/locks/fencing-token.js';
import { advisoryKey, lockKey } from '../../../lib/vocabulary/lock-id.js';
import { openTwo, type LockEngine } from './lock-engine.js';

/** Handles: exclusive, shared, several ids at once, fencing tokens. */
export function handles(engine: LockEngine): void {
  describe('acquire', () => {
    it('gives null on contention, or throws when told so', async () => {
      const [a, b] = openTwo(engine);
      await using _lock = await a.service.acquire('x', { timeout: 0 });
      expect(await b.service.acquire('x', { timeout: 0 })).toBeNull();
      expect(await b.service.acquire('x', { timeout: 30 })).toBeNull();
      await expect(b.service.acquire('x', { timeout: 0, onContention: 'throw' })).rejects.toThrow(
        LockNotAvailableError,
      );
    });

    it('belongs to no flow: asking again is contention', async () => {
      const { service } = engine.open();
      await using lock = await service.acquire('x');
      expect(lock?.held).toBe(true);
      expect(service.isHeld('x')).toBe(false);
      expect(await service.acquire('x', { timeout: 0 })).toBeNull();
    });

    it('is free whenever a release has resolved, also one that came second', async () => {
      const [a, b] = openTwo(engine);
      for (let i = 0; i < 50; i++) {
        const lock = await a.service.acquire('x');
        void lock?.release();
        await lock?.release();
        await using next = await b.service.acquire('x', { timeout: 0 });
        expect(next?.held).toBe(true);
      }
    });

    it('releases once, however often it is told to', async () => {
      const { service } = engine.open();
      const lock = await service.acquire('x');
      await Promise.all([lock?.release(), lock?.release()]);
      await lock?.release();
      await using next = await service.acquire('x', { timeout: 0 });
      await lock?.release();
      expect(next?.held).toBe(true);
      expect(lock).toMatchObject({ held: false });
      expect(lock?.signal.aborted).toBe(false);
    });
  });

  describe('shared locks', () => {
    it('go together, in one process and across processes, and keep exclusive ones out', async () => {
      const [a, b] = openTwo(engine);
      const readers = await Promise.all(
        [a, a, b].map(({ service }) => service.acquire('x', { shared: true, timeout: 0 })),
      );
      expect(readers.map((reader) => reader?.held)).toEqual([true, true, true]);
      expect(await a.service.acquire('x', { timeout: 0 })).toBeNull();
      expect(await b.service.acquire('x', { timeout: 0 })).toBeNull();
      await Promise.all(readers.map((reader) => reader?.release()));
      await using writer = await b.service.acquire('x', { timeout: 0 });
      expect(writer?.held).toBe(true);
      expect(await a.service.acquire('x', { timeout: 0, shared: true })).toBeNull();
    });

    it('leave the key shared for other processes when an exclusive holder passes it on to a reader', async () => {
      const [a, b] = openTwo(engine);
      const writer = await a.service.acquire('x');
      const reader = a.service.acquire('x', { shared: true });
      await writer?.release();
      await using local = await reader;
      await using remote = await b.service.acquire('x', { shared: true, timeout: 0 });
      expect([local?.held, remote?.held]).toEqual([true, true]);
    });
  });

  describe('several ids at once', () => {
    it('are had all together or not at all', async () => {
      const [a, b] = openTwo(engine);
      const held = await a.service.acquire('account:2');
      expect(await b.service.acquire(['account:1', 'account:2', 'account:3'], { timeout: 0 })).toBeNull();
      expect(await b.service.acquire(['account:1', 'account:2', 'account:3'], { timeout: 40 })).toBeNull();
      expect(await engine.heldKeys()).toEqual([lockKey('account:2').text]);
      await held?.release();
      await using all = await b.service.acquire(['account:1', 'account:2', 'account:3', 'account:1']);
      expect(all?.keys).toHaveLength(3);
      expect(await engine.heldKeys()).toHaveLength(3);
    });

    it('do not deadlock, whatever order callers name them in', async () => {
      const cores = openTwo(engine);
      let together = 0;
      const runs = Array.from({ length: 60 }, (_, i) => {
        const ids = i % 2 === 0 ? ['p', 'q', 'r'] : ['r', 'q', 'p'];
        return cores[i % 2]?.service.advisory(ids, async () => {
          expect(++together).toBe(1);
          await Promise.resolve();
          together--;
        });
      });
      await Promise.all(runs);
      expect(await engine.heldKeys()).toEqual([]);
    });

    it('take two plain numbers for one pair, as PostgreSQL has it', async () => {
      const { service } = engine.open();
      await using pair = await service.acquire([-1, 7]);
      expect(pair?.key).toEqual({ classId: 4294967295, objId: 7, objSubId: 2 });
      expect(await engine.heldKeys()).toEqual(['4294967295:7:2']);
    });
  });

  describe('fencingToken', () => {
    it('grows from holder to holder and stays the same for one', async () => {
      const cores = openTwo(engine);
      let last = 0n;
      for (let i = 0; i < 20; i++) {
        const token = await cores[i % 2]?.service.advisory('x', async (lock) => {
          const first = await lock.fencingToken();
          expect(await lock.fencingToken()).toBe(first);
          return first;
        });
        expect(token).toBeGreaterThan(last);
        last = token ?? 0n;
      }
    });

    it('comes with the epoch of the server, where that is asked for', async () => {
      const { service } = engine.open();
      await service.advisory('x', async (lock) => {
        const { epoch, token } = await lock.fencingToken({ epoch: true });
        expect([epoch, token]).toEqual([1n, await lock.fencingToken()]);
        const inner = service.advisory('x', { reentrant: true }, (again) =>
          again.fencingToken({ epoch: true }),
        );
        expect(await inner).toEqual({ epoch, token });
      });
    });

    it.each([{ epoc: true }, { epoch: 1 }, 'epoch', null])('refuses the options %p', async (options) => {
      const { service } = engine.open();
      await using lock = await service.acquire('x');
      await expect(lock?.fencingToken(options as FencingTokenOptions)).rejects.toThrow(PgLockUsageError);
    });
  });

  describe('ids', () => {
    it('of different namespaces never meet', async () => {
      const a = engine.open({ namespace: 'a:' });
      const b = engine.open({ namespace: 'b:' });
      await using one = await a.service.acquire('x', { timeout: 0 });
      await using two = await b.service.acquire('x', { timeout: 0 });
      expect([one?.held, two?.held]).toEqual([true, true]);
      expect(a.service.advisoryKey('x')).toEqual(advisoryKey('a:x'));
    });
  });
}
