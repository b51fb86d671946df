import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { LockNotAvailableError } from '../../lib/errors/lock-not-available.error.js';
import { PgLockUsageError } from '../../lib/errors/pg-lock-usage.error.js';
import type { AdvisoryLockOptions } from '../../lib/locks/advisory-options.js';
import { PermitHead } from '../../lib/locks/permit-head.js';
import { permitKey } from '../../lib/locks/permit-keys.js';
import { lockKey } from '../../lib/vocabulary/lock-id.js';
import { advisoryLocks, openCore, openTwo } from '../support/cores.js';
import { barrier, eventually, quickest, useDatabase } from '../support/database.js';

const database = useDatabase();

describe('permits', () => {
  it('lets so many hold an id in all processes together, each with a number of its own', async () => {
    const [a, b] = openTwo(database);
    const full = barrier(3); // the first three leave together
    let inside = 0;
    let most = 0;
    const numbers = new Set<number | undefined>();
    const work = async ({ permit }: { readonly permit?: number | undefined }) => {
      most = Math.max(most, ++inside);
      numbers.add(permit);
      await full.arrive();
      await delay(5);
      inside--;
    };
    const all = Array.from({ length: 60 }, (_, i) =>
      (i % 2 === 0 ? a : b).service.advisory('gpu', { permits: 3 }, work),
    );
    await Promise.all(all);
    expect(most).toBe(3);
    expect([...numbers].sort()).toEqual([1, 2, 3]);
    expect(await advisoryLocks(database)).toEqual([]);
  });

  it('is a lock apart from that of the id itself', async () => {
    const { service } = openCore(database);
    await using plain = await service.acquire('gpu');
    await using permit = await service.acquire('gpu', { permits: 1, timeout: 0 });
    expect([plain?.permit, permit?.permit]).toEqual([undefined, 1]);
  });

  it('refuses, skips and times out as a plain lock does', async () => {
    const [a, b] = openTwo(database);
    await using held = await a.service.acquire('gpu', { permits: 1 });
    expect(held?.held).toBe(true);
    expect(await b.service.acquire('gpu', { permits: 1, timeout: 0 })).toBeNull();
    expect(
      await b.service.advisory('gpu', { permits: 1, timeout: 0, onContention: 'skip' }, () => 1),
    ).toBeUndefined();
    const timesOut = () =>
      expect(b.service.advisory('gpu', { permits: 1, timeout: 200 }, () => 1)).rejects.toThrow(
        LockNotAvailableError,
      );
    expect(await quickest(400, timesOut)).toBeLessThan(400);
    const controller = new AbortController();
    const waiting = b.service.acquire('gpu', { permits: 1, timeout: null, signal: controller.signal });
    await delay(50);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  it('goes on as soon as a permit is given back in another process', async () => {
    const [a, b] = openTwo(database);
    const first = await a.service.acquire('gpu', { permits: 1 });
    const asIs = PermitHead.prototype.pause;
    const pause = jest.spyOn(PermitHead.prototype, 'pause');
    database.defer(() => pause.mockRestore());
    pause.mockImplementation(function (this: PermitHead, _ms, signal) {
      return asIs.call(this, 100_000, signal); // without the news it would look so late
    });
    const waiting = b.service.acquire('gpu', { permits: 1, timeout: null });
    await eventually(() => pause.mock.calls.length > 0);
    const releasedAt = performance.now();
    await first!.release();
    await (await waiting)?.release();
    expect(performance.now() - releasedAt).toBeLessThan(60_000);
  });

  it('enters a permit again where it is asked for', async () => {
    const { service } = openCore(database);
    const options = { permits: 1, timeout: 0, reentrant: true } as const;
    const inner = await service.advisory('gpu', options, () =>
      service.advisory('gpu', options, ({ permit }) => permit),
    );
    expect(inner).toBe(1);
  });

  it('takes one of each of several ids, or none', async () => {
    const [a, b] = openTwo(database);
    await using both = await a.service.acquire(['x', 'y'], { permits: 1 });
    expect(both?.keys).toHaveLength(2);
    expect(await b.service.acquire(['w', 'y'], { permits: 1, timeout: 0 })).toBeNull();
    await using free = await b.service.acquire('w', { permits: 1, timeout: 0 });
    expect(free?.held).toBe(true);
  });

  it('holds to the smaller number where two are in use, and says so', async () => {
    const [a, b] = openTwo(database);
    const told: unknown[] = [];
    for (const { service } of [a, b])
      service.events.on('permitsDiffer', ({ permits }: { readonly permits: readonly number[] }) =>
        told.push(permits),
      );
    await using one = await a.service.acquire('gpu', { permits: 2 });
    await using two = await a.service.acquire('gpu', { permits: 2 });
    expect([one?.permit, two?.permit]).toEqual([1, 2]);
    expect(await b.service.acquire('gpu', { permits: 3, timeout: 0 })).toBeNull();
    expect(told).toContainEqual([2, 3]);
  });

  it('is shown by its number', async () => {
    const { service } = openCore(database);
    await using held = await service.acquire('gpu', { permits: 3 });
    const [lock] = await service.locks.find({ where: { granted: true, type: 'ADVISORY' } });
    expect(held?.permit).toBe(1);
    expect(lock?.advisoryId).toBe('gpu (1 of 3)');
  });

  it('derives its keys in one way for ever', () => {
    expect([0, 1, 2].map((slot) => permitKey(lockKey('gpu'), slot).int8)).toEqual([
      '7714479447450356787',
      '-9079515403593348586',
      '-6486875065020963816',
    ]);
  });

  it.each([
    [{ permits: 0 }],
    [{ permits: 1.5 }],
    [{ permits: '3' }],
    [{ permits: 2, shared: true }],
    [{ permits: 2, xact: true }],
    [{ permits: 2, transaction: {} }],
  ])('refuses %j before any SQL', async (options) => {
    const { service } = openCore(database);
    await expect(service.acquire('gpu', options as AdvisoryLockOptions)).rejects.toThrow(PgLockUsageError);
    expect(await database.sessions()).toEqual([]);
  });
});
