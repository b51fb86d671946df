import { DeadlockError } from '../../../lib/errors/deadlock.error.js';
import { barrier, inOneOf } from '../waiting.js';
import { openTwo, type LockEngine } from './lock-engine.js';

/** Whose turn it is: order, fairness, and waits that could never end. */
export function turns(engine: LockEngine): void {
  describe('turns', () => {
    it('come in the order of arrival in one process', async () => {
      const { service } = engine.open();
      const order: number[] = [];
      await Promise.all(
        Array.from({ length: 50 }, (_, i) => service.advisory('x', () => void order.push(i))),
      );
      expect(order).toEqual(Array.from({ length: 50 }, (_, i) => i));
    });

    it('come in the order of arrival across processes, for one waiting process each', async () => {
      const cores = Array.from({ length: 5 }, () => engine.open());
      // The order is that of what processes have heard of each other, which comes late where the machine stands still.
      await inOneOf(10, async () => {
        const first = await cores[0]?.service.acquire('x');
        const order: number[] = [];
        const waiting: Promise<unknown>[] = [];
        for (const [i, { service }] of cores.slice(1).entries()) {
          waiting.push(service.advisory('x', () => void order.push(i)));
          await engine.untilWaiting(i + 1);
        }
        await first?.release();
        await Promise.all(waiting);
        expect(order).toEqual([0, 1, 2, 3]);
      });
    });

    it('come to a writer before readers who came after it', async () => {
      const { service } = engine.open();
      const order: string[] = [];
      const reader = await service.acquire('x', { shared: true });
      const writing = service.advisory('x', () => void order.push('writer'));
      const reading = service.advisory('x', { shared: true }, () => void order.push('reader'));
      expect(await service.acquire('x', { shared: true, timeout: 0 })).toBeNull();
      await reader?.release();
      await Promise.all([writing, reading]);
      expect(order).toEqual(['writer', 'reader']);
    });

    it('come to a writer of another process behind readers that overlap without end', async () => {
      const [a, b] = openTwo(engine);
      let stop = false;
      const readers = Array.from({ length: 4 }, async (_, i) => {
        while (!stop) {
          const work = () => new Promise((resolve) => setTimeout(resolve, 3 + i));
          await a.service.advisory('x', { shared: true }, work);
        }
      });
      expect(await b.service.advisory('x', { timeout: '60s' }, () => 'in')).toBe('in');
      stop = true;
      await Promise.all(readers);
    });

    it('come to other processes while many local flows want the same id', async () => {
      const [a, b] = openTwo(engine);
      let stop = false;
      const local = Array.from({ length: 20 }, async () => {
        const work = () => new Promise((resolve) => setImmediate(resolve));
        while (!stop) await a.service.advisory('x', work);
      });
      expect(await b.service.advisory('x', { timeout: '60s' }, () => 'in')).toBe('in');
      stop = true;
      await Promise.all(local);
    });
  });

  describe('a deadlock', () => {
    it.each([
      ['of two flows of one process', 1],
      ['of two processes', 2],
    ])('%s ends in DeadlockError for one of them', async (_who, processes) => {
      const cores = Array.from({ length: processes }, () => engine.open());
      const both = barrier(2);
      const cross = (first: string, second: string, i: number) =>
        cores[i % processes]!.service.advisory(first, async () => {
          await both.arrive();
          return cores[i % processes]!.service.advisory(second, () => 'through');
        });
      const results = await Promise.allSettled([cross('A', 'B', 0), cross('B', 'A', 1)]);
      const refused = results.flatMap((result) =>
        result.status === 'rejected' ? [result.reason as unknown] : [],
      );
      expect(refused).toHaveLength(1);
      expect(refused[0]).toBeInstanceOf(DeadlockError);
      expect(await engine.heldKeys()).toEqual([]);
    });
  });
}
