import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import Bottleneck from 'bottleneck';
import fc from 'fast-check';
import PQueue from 'p-queue';
import { LockNotAvailableError } from '../../../lib/errors/lock-not-available.error.js';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import type { LockHandle } from '../../../lib/locks/lock-handle.js';
import { deferred, type Deferred } from '../waiting.js';
import { openTwo, type LockEngine, type LockProcess } from './lock-engine.js';
import { ModelWork, NestingModel, type Outcome, type Step, type Way } from './nesting-model.js';

const RUNS = Number(process.env['PGLOCK_NESTING_RUNS'] ?? 100);
const KEYS = 2;
const PATIENCE_MS = 60_000;

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('open', 'open', 'open', 'want', 'close', 'close'),
  at: fc.nat({ max: 40 }),
  key: fc.nat({ max: KEYS - 1 }),
  process: fc.nat({ max: 1 }),
  shared: fc.boolean(),
  reentrant: fc.boolean(),
  isSame: fc.constantFrom(true, true, false),
  via: fc.constantFrom<Way[]>('call', 'call', 'call', 'timer', 'listener', 'queue', 'bottleneck'),
});

let programs = 0;

/** Random nestings, siblings, timers and task queues do what a model of the rules says, whatever keeps the locks. */
export function nesting(engine: LockEngine): void {
  describe('random programs', () => {
    it('of nested works, siblings, timers, listeners and task queues do what the rules say', async () => {
      const processes = openTwo(engine);
      const run = async (steps: readonly Step[]) => {
        const program = new Program(processes, ++programs);
        try {
          for (const one of steps) await program.take(one);
        } finally {
          await program.end();
        }
      };
      await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), run), {
        numRuns: RUNS,
        interruptAfterTimeLimit: 60_000,
      });
    });
  });
}

/** A work that runs until it is told to end, and in whose flow more can be called. */
interface Running {
  readonly inFlow: <R>(call: () => R) => R;
  readonly lock: LockHandle;
  readonly end: Deferred<void>;
}

/** What came of one call. */
interface Call {
  readonly outcome: Promise<Outcome>;
  /** When all of it is over. */
  readonly over: Promise<unknown>;
}

class Program {
  private readonly model = new NestingModel();
  private readonly running = new Map<ModelWork, Running>();
  private readonly calls = new Map<ModelWork, Call>();

  constructor(
    private readonly processes: readonly [LockProcess, LockProcess],
    private readonly number: number,
  ) {}

  async take({ kind, at, shared, reentrant, via, isSame, ...target }: Step): Promise<void> {
    const { model } = this;
    if (kind === 'close') {
      const open = [...this.running.keys()].filter(({ active }) => active);
      const chosen = open[at % Math.max(1, open.length)];
      return chosen === undefined ? undefined : this.close(chosen);
    }
    // The newest ones first, so that small numbers nest.
    const callers = [...this.running.keys()].toReversed();
    const caller = [...callers, undefined][at % (callers.length + 1)];
    const { key, process } = isSame && caller !== undefined ? caller : target;
    const work = new ModelWork(model.works.length, key, process, shared, caller);
    // Whose flow a queue runs a task in is the queue's to say; a stranger does not mind.
    const enters = reentrant && via !== 'queue' && via !== 'bottleneck';
    if (model.isUncertain(work)) return;
    if (kind === 'want') {
      this.want(work, enters);
      return;
    }
    const expected = model.open(work, enters);
    model.works.push(work);
    const call = this.call(work, { timeout: 0, reentrant: enters }, via);
    expect([work.number, await this.soon(call.outcome)]).toEqual([work.number, expected]);
    this.check(work);
  }

  /** Closes what is open, until nothing is, and sees that nothing is left. */
  async end(): Promise<void> {
    for (let open = this.openOnes; open.length > 0; open = this.openOnes)
      for (const work of open) await this.close(work);
    await this.soon(Promise.all([...this.calls.values()].map(({ over }) => over)));
    for (const { service } of this.processes)
      for (let key = 0; key < KEYS; key++) {
        const lock = await service.acquire(this.id(key), { timeout: 0 });
        expect(lock).not.toBeNull();
        await lock?.release();
      }
  }

  private get openOnes(): ModelWork[] {
    return [...this.running.keys()].filter(({ active }) => active);
  }

  private want(work: ModelWork, reentrant: boolean): void {
    if (!this.model.want(work, reentrant)) return;
    this.model.works.push(work);
    this.call(work, { timeout: null, reentrant }, 'call');
  }

  private async close(work: ModelWork): Promise<void> {
    const { lock, end } = this.running.get(work) as Running;
    expect([work.number, lock.held]).toEqual([work.number, true]);
    const granted = this.model.close(work);
    end.resolve();
    await this.soon((this.calls.get(work) as Call).over);
    expect(lock.held).toBe(false);
    if (granted === undefined) return;
    expect(await this.soon((this.calls.get(granted) as Call).outcome)).toBe('held');
    this.check(granted);
  }

  /** What a work sees of its own lock. */
  private check(work: ModelWork): void {
    if (!work.active) return;
    const { inFlow, lock } = this.running.get(work) as Running;
    const { service } = this.processes[work.process] as LockProcess;
    expect([lock.held, lock.shared, inFlow(() => service.isHeld(this.id(work.key)))]).toEqual([
      true,
      work.shared,
      true,
    ]);
  }

  private id(key: number): string {
    return `program ${String(this.number)}, key ${String(key)}`;
  }

  private call(
    work: ModelWork,
    options: { readonly timeout: 0 | null; readonly reentrant: boolean },
    via: Way,
  ): Call {
    const { service } = this.processes[work.process] as LockProcess;
    const outcome = deferred<Outcome>();
    const begin = (lock: LockHandle) => {
      const end = deferred();
      this.running.set(work, { inFlow: AsyncLocalStorage.snapshot(), lock, end });
      outcome.resolve('held');
      return end.promise;
    };
    const ask = () =>
      service
        .advisory(this.id(work.key), { ...options, shared: work.shared }, begin)
        .catch((error: unknown) => {
          if (error instanceof LockNotAvailableError) outcome.resolve('refused');
          else if (error instanceof PgLockUsageError) outcome.resolve('usage');
          else outcome.reject(error);
        });
    const inFlow = work.caller && (this.running.get(work.caller) as Running).inFlow;
    const over = inFlow === undefined ? WAYS[via](ask) : inFlow(() => WAYS[via](ask));
    const call = { outcome: outcome.promise, over };
    this.calls.set(work, call);
    return call;
  }

  private async soon<T>(promise: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('It hangs.')), PATIENCE_MS);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }
}

/** Each resolves when the call is over. */
const WAYS: Readonly<Record<Way, (ask: () => Promise<unknown>) => Promise<unknown>>> = {
  call: (ask) => ask(),
  timer: (ask) => new Promise((resolve) => setTimeout(() => resolve(ask()), 0)),
  listener: (ask) =>
    new Promise((resolve) => {
      const emitter = new EventEmitter().once('now', () => resolve(ask()));
      emitter.emit('now');
    }),
  queue: (ask) => {
    const queue = new PQueue({ concurrency: 1 });
    return afterAnother((task) => queue.add(task), ask);
  },
  bottleneck: (ask) => {
    const queue = new Bottleneck({ maxConcurrent: 1 });
    return afterAnother((task) => queue.schedule(task), ask);
  },
};

/** Behind a task that was added by this flow, and from outside of it: in one of the two flows it runs. */
async function afterAnother(
  add: (task: () => Promise<unknown>) => Promise<unknown>,
  ask: () => Promise<unknown>,
): Promise<unknown> {
  const first = add(() => new Promise((resolve) => setImmediate(resolve)));
  const second = outside(() => add(ask));
  await first;
  return second;
}

const outside = AsyncLocalStorage.snapshot();
