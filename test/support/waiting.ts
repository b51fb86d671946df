import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 10;

/** A promise whose end is decided elsewhere. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** A meeting point: `arrive()` resolves for everybody once `parties` flows have called it. */
export function barrier(parties: number): { arrive(): Promise<void> } {
  const complete = deferred();
  let missing = parties;
  return {
    arrive() {
      missing -= 1;
      if (missing === 0) complete.resolve();
      return complete.promise;
    },
  };
}

export interface EventuallyOptions {
  /** Milliseconds, default 60 000: only what goes wrong takes so long, however slow the machine is. */
  readonly timeout?: number;
}

/**
 * Calls `attempt` again and again until it neither throws nor gives `undefined`, `null` or `false`, and
 * resolves to what it gave. In the end the last failure is the one that is thrown.
 */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  { timeout = 60_000 }: EventuallyOptions = {},
): Promise<Exclude<Awaited<T>, null | undefined | false>> {
  const deadline = performance.now() + timeout;
  for (;;) {
    let failure: unknown;
    try {
      const result = await attempt();
      if (isSomething(result)) return result;
      failure = new Error(`nothing happened within ${String(timeout)} ms (last result: ${String(result)})`);
    } catch (error) {
      failure = error;
    }
    if (performance.now() >= deadline) throw failure;
    await delay(POLL_MS);
  }
}

/**
 * The milliseconds of the quickest of some rounds; ends with the first that takes less than `enoughMs`. A machine that is busy or
 * stands still spoils a round; what is slow of itself is slow in every one.
 */
export async function quickest(
  enoughMs: number,
  round: () => unknown,
  { rounds = 30 }: { readonly rounds?: number } = {},
): Promise<number> {
  let least = Infinity;
  for (let done = 0; done < rounds && least >= enoughMs; done++) {
    const startedAt = performance.now();
    const measured = await round();
    least = Math.min(least, typeof measured === 'number' ? measured : performance.now() - startedAt);
  }
  return least;
}

/** Tries until one try does not throw: a fault of the machine spoils some, a fault of what is tried spoils them all. */
export async function inOneOf<T>(tries: number, attempt: () => Promise<T>): Promise<T> {
  for (let left = tries - 1; ; left--)
    try {
      return await attempt();
    } catch (error) {
      if (left <= 0) throw error;
    }
}

function isSomething<T>(result: T): result is Exclude<T, null | undefined | false> {
  return result !== undefined && result !== null && result !== false;
}
