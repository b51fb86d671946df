import { DeadlockError } from '../../../lib/errors/deadlock.error.js';
import { LockLostError } from '../../../lib/errors/lock-lost.error.js';
import { LockNotAvailableError } from '../../../lib/errors/lock-not-available.error.js';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import type { LockHandle } from '../../../lib/locks/lock-handle.js';
import type { SelfWaitEvent } from '../../../lib/vocabulary/pg-lock-event.js';
import { deferred } from '../waiting.js';
import { openTwo, type LockEngine } from './lock-engine.js';

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What a flow gets that asks for what it holds. */
export function reentry(engine: LockEngine): void {
  describe('a flow that asks for its own lock', () => {
    it('is a stranger to it: refused, or kept waiting as long as it says', async () => {
      const { service } = engine.open();
      await service.advisory('x', async () => {
        expect(await service.acquire('x', { timeout: 0 })).toBeNull();
        await expect(service.advisory('x', { timeout: 0 }, () => 1)).rejects.toThrow(LockNotAvailableError);
        expect(await service.advisory('x', { timeout: 0, onContention: 'skip' }, () => 1)).toBeUndefined();
        const error: unknown = await service.advisory('x', { timeout: 60 }, () => 1).catch((e: unknown) => e);
        expect(error).toBeInstanceOf(LockNotAvailableError);
        expect((error as LockNotAvailableError).waited).toBeGreaterThanOrEqual(60);
        expect(await engine.heldKeys()).toHaveLength(1);
      });
    });

    it('gets it when the work that holds it is over', async () => {
      const { service } = engine.open();
      let stray: Promise<string> | undefined;
      await service.advisory('x', () => {
        stray = service.advisory('x', () => 'ran');
      });
      expect(await stray).toBe('ran');
    });

    it('without any timeout is warned of after a second, and refused after selfWait, with both places', async () => {
      const { service } = engine.open({ advisory: { selfWait: 1_200 } });
      const warned = new Promise<SelfWaitEvent>((resolve) => service.events.once('selfWait', resolve));
      const inner = () => service.advisory('x', { timeout: null }, () => 1);
      const error: unknown = await service
        .advisory('x', () => inner().catch((e: unknown) => e))
        .catch((e: unknown) => e);
      expect(error).toBeInstanceOf(DeadlockError);
      const { message, asked, held } = await warned;
      expect((error as DeadlockError).message).toBe(message);
      for (const place of [asked, held]) expect(place).toMatch(/re-entry\.[jt]s:\d+/);
      expect(asked).not.toBe(held);
      expect(message).toContain('reentrant: true');
      expect(message).toContain('pglock.detached');
      expect(await engine.heldKeys()).toEqual([]);
    });

    it('waits on where selfWait is null', async () => {
      const { service } = engine.open({ advisory: { selfWait: null } });
      let stray: Promise<string> | undefined;
      await service.advisory('x', async () => {
        stray = service.advisory('x', () => 'ran');
        await new Promise((resolve) => service.events.once('selfWait', resolve));
      });
      expect(await stray).toBe('ran');
    });

    it('holds handles of acquire as far as waiting for itself goes, and no further', async () => {
      const { service } = engine.open({ advisory: { selfWait: 150 } });
      await service.advisory('outer', async () => {
        await using lock = await service.acquire('x');
        expect(lock?.held).toBe(true);
        expect(service.isHeld('x')).toBe(false);
        expect(() => service.assertHeld('x')).toThrow(PgLockUsageError);
        expect(await service.acquire('x', { timeout: 0, reentrant: true })).toBeNull();
        await expect(service.acquire('x')).rejects.toThrow(DeadlockError);
      });
    });
  });

  describe('detached', () => {
    it('runs outside of every flow', async () => {
      const { service } = engine.open();
      await service.advisory('x', () =>
        service.timeout('5s', async () => {
          const inside = await service.detached(async () => {
            await Promise.resolve();
            return [service.isHeld('x'), await service.acquire('x', { timeout: 0, reentrant: true })];
          });
          expect(inside).toEqual([false, null]);
          expect(service.isHeld('x')).toBe(true);
        }),
      );
      expect(service.detached(() => 42)).toBe(42);
      expect(() => service.detached(undefined as unknown as () => void)).toThrow(PgLockUsageError);
    });
  });

  describe('reentrant', () => {
    it('runs the inner work under the outer lock', async () => {
      const { service } = engine.open();
      await service.advisory('x', async (outer) => {
        await service.advisory('x', { timeout: 0, reentrant: true }, async (inner) => {
          expect(inner).toMatchObject({ held: true, pid: outer.pid });
          expect(await inner.fencingToken()).toBe(await outer.fencingToken());
          await service.advisory('x', { timeout: 0, reentrant: true }, () => undefined);
          await inner.release();
          expect([inner.held, outer.held]).toEqual([false, true]);
        });
        expect(await engine.heldKeys()).toHaveLength(1);
        await service.advisory('x', { shared: true, timeout: 0, reentrant: true }, () => undefined);
      });
      expect(await engine.heldKeys()).toEqual([]);
    });

    it('may be the default of the module', async () => {
      const { service } = engine.open({ advisory: { reentrant: true } });
      await service.advisory('x', async () => {
        expect(await service.advisory('x', { timeout: 0 }, () => 'ran')).toBe('ran');
        expect(await service.acquire('x', { timeout: 0, reentrant: false })).toBeNull();
      });
    });

    it('has inner works exclude each other, each of them an outer one to what it calls', async () => {
      const { service } = engine.open();
      const inner = { reentrant: true } as const;
      let running = 0;
      const work = () =>
        service.advisory('x', inner, async () => {
          expect(++running).toBe(1);
          await service.advisory('x', inner, () => Promise.resolve());
          await pause(1);
          running--;
        });
      await service.advisory('x', () => Promise.all(Array.from({ length: 10 }, work)));
      expect(await engine.heldKeys()).toEqual([]);
    });

    it('refuses an inner work that tries once while another runs', async () => {
      const { service } = engine.open();
      const gate = deferred();
      await service.advisory('x', async () => {
        const first = service.advisory('x', { reentrant: true }, () => gate.promise);
        await Promise.resolve();
        expect(await service.acquire('x', { reentrant: true, timeout: 0 })).toBeNull();
        expect(await service.acquire('x', { reentrant: true, timeout: 20 })).toBeNull();
        gate.resolve();
        await first;
      });
    });

    it('lets inner shared works run beside each other', async () => {
      const { service } = engine.open();
      const both = deferred();
      let readers = 0;
      const read = () =>
        service.advisory('x', { reentrant: true, shared: true }, () => {
          if (++readers === 2) both.resolve();
          return both.promise;
        });
      await service.advisory('x', () => Promise.all([read(), read()]));
      await service.advisory('x', { shared: true }, () => Promise.all([read(), read()]));
    });

    it('refuses at once what would wait for itself: exclusive inside shared', async () => {
      const { service } = engine.open();
      const exclusively = () => service.advisory('x', { reentrant: true }, () => 1);
      await service.advisory('x', { shared: true }, () =>
        expect(exclusively()).rejects.toThrow(PgLockUsageError),
      );
      await service.advisory('x', () =>
        service.advisory('x', { shared: true, reentrant: true }, () =>
          expect(exclusively()).rejects.toThrow(PgLockUsageError),
        ),
      );
    });

    it('acquires the ids of a list that are not held yet', async () => {
      const [a, b] = openTwo(engine);
      await a.service.advisory('x', async () => {
        await a.service.advisory(['w', 'x', 'y'], { reentrant: true, timeout: 0 }, async (lock) => {
          expect(lock.keys).toHaveLength(3);
          expect(await b.service.acquire('y', { timeout: 0 })).toBeNull();
          expect(a.service.isHeld('w')).toBe(true);
        });
        expect(await engine.heldKeys()).toHaveLength(1);
      });
    });

    it('keeps the lock for an inner work that outlives the outer one, and lets nothing else in by it', async () => {
      const [a, b] = openTwo(engine);
      const inner = { reentrant: true, timeout: 0, onContention: 'skip' } as const;
      const [gate, late] = [deferred(), deferred()];
      let first: Promise<unknown> = Promise.resolve();
      let second: Promise<unknown> = Promise.resolve();
      await a.service.advisory('x', () => {
        first = a.service.advisory('x', inner, async (lock) => {
          await gate.promise;
          return [lock.held, await a.service.advisory('x', inner, () => 'within')];
        });
        second = late.promise.then(() => a.service.advisory('x', inner, () => 'beside'));
      });
      late.resolve();
      expect(await second).toBeUndefined();
      expect(await b.service.acquire('x', { timeout: 0 })).toBeNull();
      gate.resolve();
      expect(await first).toEqual([true, 'within']);
      await using free = await b.service.acquire('x', { timeout: '60s' });
      expect(free?.held).toBe(true);
    });

    it('lets what waits under an outer work that ends ask as any other caller does', async () => {
      const { service } = engine.open();
      const gate = deferred();
      const order: string[] = [];
      const inner = { reentrant: true } as const;
      const works: Promise<unknown>[] = [];
      await service.advisory('x', async () => {
        works.push(service.advisory('x', inner, () => gate.promise.then(() => order.push('inner'))));
        works.push(service.advisory('x', inner, () => order.push('waited inside')));
        works.push(service.detached(() => service.advisory('x', () => order.push('outside'))));
        await Promise.resolve();
      });
      gate.resolve();
      await Promise.all(works);
      expect(order).toEqual(['inner', 'outside', 'waited inside']);
    });

    it('ends the inner handle only when its maxHold is over', async () => {
      const [a, b] = openTwo(engine);
      await a.service.advisory('x', async (outer) => {
        await a.service.advisory('x', { reentrant: true, maxHold: 300 }, async (inner) => {
          await new Promise((resolve) => inner.signal.addEventListener('abort', resolve, { once: true }));
          expect(inner.signal.reason).toBeInstanceOf(LockLostError);
          expect([inner.held, outer.held, outer.signal.aborted]).toEqual([false, true, false]);
          expect(await b.service.acquire('x', { timeout: 0 })).toBeNull();
        });
      });
    });

    it('tells inner handles when the maxHold of the outer one is over', async () => {
      const [a, b] = openTwo(engine);
      await a.service.advisory('x', { maxHold: 300 }, async (outer) => {
        await a.service.advisory('x', { reentrant: true }, async (inner) => {
          await new Promise((resolve) => inner.signal.addEventListener('abort', resolve, { once: true }));
          expect([inner.held, outer.held]).toEqual([false, false]);
          expect(() => a.service.assertHeld('x')).toThrow(LockLostError);
          await using free = await b.service.acquire('x', { timeout: '60s' });
          expect(free?.held).toBe(true);
        });
      });
    });

    it('tells all handles when the lock is lost, and asks anew from then on', async () => {
      const { service } = engine.open();
      await service.advisory('x', async (outer) => {
        await service.advisory('x', { reentrant: true }, async (inner) => {
          const told = [outer, inner].map(
            (lock: LockHandle) =>
              new Promise((resolve) => lock.signal.addEventListener('abort', resolve, { once: true })),
          );
          await engine.loseEverything(outer);
          await Promise.all(told);
          expect(() => service.assertHeld('x')).toThrow(LockLostError);
          const again = { reentrant: true, timeout: '60s' } as const;
          await service.advisory('x', again, () => service.assertHeld('x'));
        });
      });
    });

    it('finds a deadlock between works that are nested in one lock', async () => {
      const { service } = engine.open();
      const inner = { reentrant: true } as const;
      const [first, second] = [deferred(), deferred()];
      const results = await service.advisory('x', () =>
        Promise.allSettled([
          service.advisory('x', inner, async () => {
            first.resolve();
            await second.promise;
            return service.advisory('y', () => 'through');
          }),
          first.promise.then(() =>
            service.advisory('y', async () => {
              second.resolve();
              return service.advisory('x', inner, () => 'through');
            }),
          ),
        ]),
      );
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const refused = results.find((result) => result.status === 'rejected');
      expect(refused?.reason).toBeInstanceOf(DeadlockError);
    });
  });
}
