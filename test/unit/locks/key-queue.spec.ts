import { jest } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { DeadlockError } from '../../../lib/errors/deadlock.error.js';
import { LockNotAvailableError } from '../../../lib/errors/lock-not-available.error.js';
import { LockSessionError } from '../../../lib/errors/lock-session.error.js';
import { KeyQueue } from '../../../lib/locks/key-queue.js';
import type { LockHandle } from '../../../lib/locks/lock-handle.js';
import { LockRequest } from '../../../lib/locks/lock-request.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { MemoryCore } from '../../../lib/testing/memory-core.js';
import { MemoryLock, MemoryLockTable } from '../../../lib/testing/memory-lock-table.js';
import type { HeldKey, LockStore, TryLockCallbacks } from '../../../lib/session/lock-store.js';
import { SharedAnswer } from '../../../lib/session/shared-answer.js';
import { lockKey } from '../../../lib/vocabulary/lock-id.js';
import { deferred } from '../../support/waiting.js';

const HOST = { domain: {}, onSelfWait: () => undefined };

/** A request of a call for `x`, as `LockTaker` makes it. */
function requestOf({
  signal,
  ...times
}: {
  timeoutMs: number | null;
  startedAt?: number;
  signal?: AbortSignal;
}) {
  const options = { shared: false, sticky: false, signal };
  return new LockRequest('x', {
    options,
    startedAt: performance.now(),
    context: undefined,
    pids: undefined,
    ...times,
  });
}

/** A server that answers when the test says so. */
function slowStore(answer?: () => SharedAnswer) {
  const tries: TryLockCallbacks[] = [];
  const waits: ((hold: HeldKey | null) => void)[] = [];
  const store = {
    tryLock: (_key: unknown, _shared: boolean, trier: TryLockCallbacks) => {
      tries.push(trier);
      return answer?.();
    },
    wait: () => ({
      outcome: new Promise<HeldKey | null>((resolve) => waits.push(resolve)),
      cancel: () => undefined,
    }),
    unlock: () => Promise.resolve(),
  };
  return { tries, waits, queue: new KeyQueue(HOST, lockKey('x'), store as unknown as LockStore) };
}

const hold = () => new MemoryLock(lockKey('x'), false, 1, {});

let table: MemoryLockTable;
const cores: MemoryCore[] = [];

const open = () => {
  const core = new MemoryCore(resolveOptions(), table);
  cores.push(core);
  return core.service;
};
const take = async (service: ReturnType<typeof open>, shared = false) =>
  (await service.acquire('x', { shared })) as LockHandle;
const awaited = () => table.waiters(lockKey('x')).length;

beforeEach(() => {
  table = new MemoryLockTable();
});

afterEach(async () => {
  jest.useRealTimers();
  await Promise.all(cores.splice(0).map((core) => core.close()));
  expect([...table.holds(), ...table.waiters()]).toEqual([]);
});

describe('among the flows of one process', () => {
  it('asks the store once for all of them', async () => {
    const [a, b] = [open(), open()];
    const held = await take(a);
    const waiting = Array.from({ length: 20 }, () => b.advisory('x', () => undefined));
    await table.until(() => awaited() > 0);
    expect(awaited()).toBe(1);
    await held.release();
    await Promise.all(waiting);
  });

  it('gives an exclusive lock to one at a time, shared ones together, whoever comes', async () => {
    const requests = fc.array(fc.boolean(), { minLength: 1, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(requests, async (modes) => {
        const service = open();
        let [readers, writers] = [0, 0];
        const started: number[] = [];
        const work = async (shared: boolean, index: number) => {
          started.push(index);
          if (shared) readers++;
          else writers++;
          expect(writers).toBeLessThanOrEqual(1);
          expect(writers === 0 || readers === 0).toBe(true);
          await Promise.resolve();
          if (shared) readers--;
          else writers--;
        };
        await Promise.all(modes.map((shared, i) => service.advisory('x', { shared }, () => work(shared, i))));
        expect(started).toEqual(modes.map((_, i) => i));
      }),
      { numRuns: 40 },
    );
  });

  it('lets readers in together behind the writer that they came after', async () => {
    const service = open();
    const first = await take(service, true);
    const writer = take(service);
    const readers = [take(service, true), take(service, true)];
    await first.release();
    const write = await writer;
    expect(await Promise.race([...readers, 'none'])).toBe('none');
    await write.release();
    for (const reader of await Promise.all(readers)) await reader.release();
  });

  it('goes on to the next when one who waits gives up', async () => {
    const service = open();
    const first = await take(service, true);
    const controller = new AbortController();
    const writer = service.acquire('x', { signal: controller.signal });
    const reader = take(service, true);
    controller.abort(new Error('enough'));
    await expect(writer).rejects.toThrow('enough');
    await (await reader).release();
    await first.release();
  });
});

describe('among processes', () => {
  /** Only the clock is played; what goes on in promises goes on. */
  const stopTheClock = () =>
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });

  it('passes the key on at home only as long as its tenure', async () => {
    stopTheClock();
    const [home, away] = [open(), open()];
    let held = await take(home);
    const foreign = take(away);
    await table.until(() => awaited() === 1);
    for (let turn = 0; turn < 3; turn++) {
      const next = take(home);
      jest.advanceTimersByTime(1);
      await held.release();
      held = await next;
    }
    const last = take(home);
    jest.advanceTimersByTime(2);
    await held.release();
    const theirs = await foreign;
    expect(theirs.held).toBe(true);
    expect(await Promise.race([last, 'waits'])).toBe('waits');
    await theirs.release();
    await (await last).release();
  });

  it('passes the key on to so many works at home, and lines up behind those who wait elsewhere', async () => {
    stopTheClock();
    const [home, away] = [open(), open()];
    const held = await take(home);
    const order: string[] = [];
    const works = Array.from({ length: 600 }, () => home.advisory('x', () => void order.push('home')));
    works.push(away.advisory('x', () => void order.push('away')));
    await table.until(() => awaited() === 1);
    await held.release();
    await Promise.all(works);
    expect(order.indexOf('away')).toBe(255); // with the one that was held, a turn of 256
    expect(order).toHaveLength(601);
  });

  it('makes up in the next turn for what time has cut off', async () => {
    stopTheClock();
    const [home, away] = [open(), open()];
    const held = await take(home);
    const order: string[] = [];
    const note = (who: string) => () => void order.push(who);
    const works = Array.from({ length: 700 }, (_, index) =>
      // After the tenth, the turn is over by time.
      home.advisory('x', () => {
        if (index === 9) jest.advanceTimersByTime(6);
        order.push('home');
      }),
    );
    works.push(away.advisory('x', note('away')).then(() => away.advisory('x', note('away'))));
    await table.until(() => awaited() === 1);
    await held.release();
    await Promise.all(works);
    const [first, second] = [order.indexOf('away'), order.lastIndexOf('away') - order.indexOf('away') - 1];
    expect(first).toBe(10);
    expect(first + 1 + second).toBe(2 * 256); // with the one that was held
  });

  it('gives a process that is alone more time before it lets others have the key', async () => {
    stopTheClock();
    const home = open();
    const works = Array.from({ length: 2_000 }, () => home.advisory('x', () => undefined));
    const taken = jest.spyOn(table, 'take');
    await Promise.all(works);
    expect(taken.mock.calls.length).toBeLessThan(3); // one of them by the wait that ended the first turn
  });

  it('keeps readers at home from shutting out a writer elsewhere for longer than their tenure', async () => {
    stopTheClock();
    const [home, away] = [open(), open()];
    const first = await take(home, true);
    const writer = take(away);
    await table.until(() => awaited() === 1);
    const early = await take(home, true);
    jest.advanceTimersByTime(11);
    const late = take(home, true);
    expect(await Promise.race([late, setImmediate('waits')])).toBe('waits');
    await Promise.all([first.release(), early.release()]);
    const write = await writer;
    expect(await Promise.race([late, 'waits'])).toBe('waits');
    await write.release();
    await (await late).release();
  });

  it('lets readers go on together while no writer waits elsewhere, however long', async () => {
    stopTheClock();
    const home = open();
    const readers: LockHandle[] = [await take(home, true)];
    for (let i = 0; i < 5; i++) {
      jest.advanceTimersByTime(11);
      readers.push(await take(home, true));
    }
    expect(table.holds()).toHaveLength(1);
    await Promise.all(readers.map((reader) => reader.release()));
  });

  /** A reader of `x` that waits for `y`, which the work of another flow holds; that begins when readers have had their time. */
  async function readerBehind(service: ReturnType<typeof open>) {
    const [reads, joins] = [deferred(), deferred()];
    const reader = service.advisory('x', { shared: true }, async () => {
      reads.resolve();
      await joins.promise;
      await service.advisory('y', () => undefined);
    });
    await reads.promise;
    const join = (work: () => Promise<string>) =>
      service.advisory('y', async () => {
        joins.resolve();
        await setImmediate();
        jest.advanceTimersByTime(11);
        return work();
      });
    return { reader, join };
  }

  it('lets a reader join, though one of the readers waits for its flow: that is no deadlock', async () => {
    stopTheClock();
    const service = open();
    const { reader, join } = await readerBehind(service);
    const joined = join(async () => {
      const late = service.advisory('x', { shared: true, timeout: 0 }, () => 'read');
      await expect(service.advisory('x', () => 'written')).rejects.toThrow(DeadlockError);
      return late;
    });
    await expect(joined).resolves.toBe('read');
    await reader;
  });

  it('refuses a reader that would wait behind a writer elsewhere for its own flow', async () => {
    stopTheClock();
    const [home, away] = [open(), open()];
    const { reader, join } = await readerBehind(home);
    const writer = away.advisory('x', () => undefined);
    await table.until(() => awaited() === 1);
    const joined = join(() => home.advisory('x', { shared: true }, () => 'read'));
    await expect(joined).rejects.toThrow(DeadlockError);
    await Promise.all([reader, writer]);
  });

  it('keeps a sticky key for its process, whatever its tenure', async () => {
    stopTheClock();
    const [home, away] = [open(), open()];
    const once = { timeout: 0, onContention: 'skip', sticky: true } as const;
    await home.advisory('x', once, () => 'ran');
    jest.advanceTimersByTime(1_000);
    expect(await away.advisory('x', once, () => 'ran')).toBeUndefined();
    expect(await home.advisory('x', once, () => 'ran')).toBe('ran');
  });
});

describe('requests that one answer of the server tells', () => {
  /** As a verb awaits it. */
  async function taken(request: LockRequest) {
    await request.answered;
    return request.taken() ?? (await request.settled());
  }

  function askTogether(options: { timeoutMs: number | null; signal?: AbortSignal }[]) {
    const answer = new SharedAnswer();
    return options.map((one) => {
      const { tries, queue } = slowStore(() => answer);
      const request = requestOf(one);
      queue.submit(request);
      return { trier: tries[0]!, request, taking: taken(request) };
    });
  }

  it('are all told by it, with one promise', async () => {
    const [one, other, last] = askTogether([{ timeoutMs: null }, { timeoutMs: 0 }, { timeoutMs: null }]);
    expect(one!.request.answered).toBe(other!.request.answered);
    one!.trier.onAcquired(hold());
    other!.trier.onUnavailable();
    last!.trier.onAcquired(hold());
    await expect(one!.taking).resolves.toHaveLength(1);
    await expect(last!.taking).resolves.toHaveLength(1);
    await expect(other!.taking).rejects.toThrow(LockNotAvailableError);
  });

  it('one that gives up does so at once, and the others are told when it comes', async () => {
    const controller = new AbortController();
    const [leaving, staying] = askTogether([
      { timeoutMs: null, signal: controller.signal },
      { timeoutMs: null },
    ]);
    let isTaken = false;
    void staying!.taking.then(() => (isTaken = true));
    controller.abort(new Error('enough'));
    await expect(leaving!.taking).rejects.toThrow('enough');
    expect(isTaken).toBe(false);
    staying!.trier.onAcquired(hold());
    await expect(staying!.taking).resolves.toHaveLength(1);
    leaving!.trier.onUnavailable();
  });

  it('one that is tried for again, after a wait that came to nothing, is told by the first', async () => {
    const { tries, waits, queue } = slowStore(() => new SharedAnswer());
    const request = requestOf({ timeoutMs: null });
    queue.submit(request);
    const taking = taken(request);
    tries.shift()?.onUnavailable();
    waits.shift()?.(null);
    await setImmediate();
    tries.shift()?.onAcquired(hold());
    await expect(taking).resolves.toHaveLength(1);
  });

  it('one that has to wait is told when its wait is over', async () => {
    const [waiting, other] = askTogether([{ timeoutMs: null }, { timeoutMs: null }]);
    waiting!.trier.onUnavailable();
    other!.trier.onAcquired(hold());
    await other!.taking;
    expect(waiting!.request.taken()).toBeUndefined();
    waiting!.request.giveUp(new Error('over'));
    await expect(waiting!.taking).rejects.toThrow('over');
  });
});

describe('while a wait that nobody needs any more comes to its end', () => {
  function ask(queue: KeyQueue, options: { timeoutMs: number | null; signal?: AbortSignal }) {
    const request = requestOf(options);
    queue.submit(request);
    return request.settled().then(([reference]) => reference);
  }

  async function givenUp() {
    const { tries, waits, queue } = slowStore();
    const controller = new AbortController();
    const patient = ask(queue, { timeoutMs: null, signal: controller.signal });
    tries.shift()?.onUnavailable();
    controller.abort(new Error('enough'));
    await expect(patient).rejects.toThrow('enough');
    return { tries, endWait: waits[0]!, queue };
  }

  it('a try is made after it, and not refused for it', async () => {
    const { tries, endWait, queue } = await givenUp();
    const once = ask(queue, { timeoutMs: 0 });
    endWait(null);
    await Promise.resolve();
    tries.shift()?.onAcquired(hold());
    await (await once).release();
  });

  it('a try is refused when the server refuses it then, or cannot be asked', async () => {
    for (const answer of ['onUnavailable', 'onError'] as const) {
      const { tries, endWait, queue } = await givenUp();
      const once = ask(queue, { timeoutMs: 0 });
      endWait(null);
      await Promise.resolve();
      tries.shift()?.[answer](new Error('gone'));
      await expect(once).rejects.toThrow(answer === 'onError' ? 'gone' : LockNotAvailableError);
      expect(queue.isIdle).toBe(true);
    }
  });

  it('a request whose time is over is told so, also where the server refuses at once whatever it is asked', async () => {
    const store = {
      tryLock: (_key: unknown, _shared: boolean, trier: TryLockCallbacks) =>
        queueMicrotask(() => trier.onError(new LockSessionError('closing'))),
      // Its time is over, too.
      wait: () => ({ outcome: Promise.resolve(null), cancel: () => undefined }),
    };
    const queue = new KeyQueue(HOST, lockKey('x'), store as unknown as LockStore);
    const late = requestOf({ startedAt: performance.now() - 10, timeoutMs: 5 });
    queue.submit(late);
    await expect(late.settled()).rejects.toThrow(LockNotAvailableError);
    expect(queue.isIdle).toBe(true);
  });

  it('a try gets what the wait was given at the last moment', async () => {
    const { endWait, queue } = await givenUp();
    const once = ask(queue, { timeoutMs: 0 });
    endWait(hold());
    await (await once).release();
  });
});
