import { LockLostError } from '../../../lib/errors/lock-lost.error.js';
import { LockNotAvailableError } from '../../../lib/errors/lock-not-available.error.js';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { MemoryCore } from '../../../lib/testing/memory-core.js';
import { MemoryLockTable } from '../../../lib/testing/memory-lock-table.js';
import { deferred } from '../../support/waiting.js';

const open = (timeout: number, table = new MemoryLockTable()) =>
  new MemoryCore(resolveOptions({ shutdown: { timeout } }), table);

describe('close', () => {
  it('waits for work under a lock, which may still acquire, and refuses what begins anew', async () => {
    const table = new MemoryLockTable();
    const core = open(10_000, table);
    const { service } = core;
    const [began, gate] = [deferred(), deferred()];
    const waiting = deferred<unknown>();
    const work = service.advisory('x', async (lock) => {
      began.resolve();
      await gate.promise;
      const inner = await service.advisory('y', () => service.advisory('z', { xact: true }, () => 'inner'));
      return [inner, lock.held];
    });
    await began.promise;
    void service.advisory('x', () => 'begun anew').catch(waiting.resolve);
    const closing = service.close();
    expect(await waiting.promise).toBeInstanceOf(LockNotAvailableError);
    await expect(service.advisory('new', () => 1)).rejects.toThrow(/shutting down/);
    await expect(service.advisory('new', { xact: true }, () => 1)).rejects.toThrow(LockNotAvailableError);
    gate.resolve();
    expect(await work).toEqual(['inner', true]);
    await closing;
    await expect(service.acquire('new')).rejects.toThrow(PgLockUsageError);
    expect(table.holds()).toEqual([]);
  });

  it('refuses several ids that begin anew, whether it comes before their first, between two, or while they wait', async () => {
    const table = new MemoryLockTable();
    const other = open(10_000, table);
    const held = await other.service.acquire('b');
    const core = open(10_000, table);
    const { service } = core;
    const [began, gate] = [deferred(), deferred()];
    const work = service.advisory('x', async () => {
      began.resolve();
      await gate.promise;
    });
    await began.promise;
    const waiting = service.advisory(['a', 'b'], { timeout: null }, () => 'begun anew');
    waiting.catch(() => undefined);
    await table.until(() => table.waiters().length > 0);
    const trying = service.advisory(['b', 'c'], { timeout: null }, () => 'begun anew');
    trying.catch(() => undefined);
    const permits = service.advisory('b', { permits: 2, timeout: null }, () => 'begun anew');
    const closing = service.close();
    await expect(waiting).rejects.toThrow(/shutting down/);
    await expect(trying).rejects.toThrow(/shutting down/);
    await expect(permits).rejects.toThrow(/shutting down/);
    gate.resolve();
    await work;
    await closing;
    await held?.release();
    expect(table.holds()).toEqual([]);
    await other.close();
  });

  it('tells work that takes too long that it was shut down', async () => {
    const { service } = open(30);
    const lost = await service.advisory('x', async (lock) => {
      const told = new Promise((resolve) => lock.signal.addEventListener('abort', resolve, { once: true }));
      void service.close();
      await told;
      return lock.signal.reason as unknown;
    });
    expect(lost).toBeInstanceOf(LockLostError);
    expect((lost as Error).message).toContain('shut down');
  });

  it('refuses what waits under a lock when the time is over, in the same words', async () => {
    const table = new MemoryLockTable();
    const other = open(30, table);
    await other.service.acquire('y');
    const { service } = open(30, table);
    const refused = await service.advisory('x', async () => {
      const waiting = service.advisory('y', () => 1).catch((error: unknown) => error);
      void service.close();
      return waiting;
    });
    expect(refused).toBeInstanceOf(LockNotAvailableError);
    expect(refused).toMatchObject({ id: 'y', message: expect.stringContaining('shutting down') as string });
  });

  it('runs no work that waits to enter a lock whose time is over', async () => {
    const { service } = open(30);
    const reentrant = { reentrant: true, timeout: null } as const;
    const ran: string[] = [];
    const gate = deferred();
    const outer = service.advisory('x', async () => {
      const first = service.advisory('x', reentrant, () => gate.promise);
      const second = service.advisory('x', reentrant, () => ran.push('second'));
      const closing = service.close();
      await expect(second).rejects.toThrow(PgLockUsageError);
      gate.resolve();
      await first;
      return closing;
    });
    await outer;
    expect(ran).toEqual([]);
  });

  it('does not wait for the work that it is called in', async () => {
    const { service } = open(60_000);
    await service.advisory('x', () => service.close());
  });
});
