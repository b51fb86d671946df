import { setTimeout as delay } from 'node:timers/promises';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { PrioritizeError } from '../errors/prioritize.error.js';
import type { FlowPids, PidScope } from '../session/flow-pids.js';
import { sqlStateWithin } from '../transaction/sqlstate-within.js';
import { assertWork } from '../vocabulary/assert-work.js';
import { SQLSTATE } from '../vocabulary/sqlstate.js';
import { PrioritizeLoop } from './prioritize-loop.js';
import type { PrioritizeTimerRegistry } from './prioritize-timer-registry.js';
import type { PrioritizeOptions } from './prioritize-options.js';
import { PrioritizedFlow } from './prioritized-flow.js';
import {
  resolvePrioritizeOptions,
  type ResolvedPrioritizeDefaults,
  type ResolvedPrioritizeOptions,
} from './resolve-prioritize-options.js';
import { StillBlockedError } from './still-blocked.error.js';
import type { BlockerSweepParts } from './blocker-sweep.js';
import type { InTransaction } from '../transaction/ambient-transaction.js';

/** What prioritizing needs of one database. @internal */
export interface PrioritizerParts extends BlockerSweepParts {
  /** The name of the database in the module. */
  readonly name: string;
  readonly namespace: string;
  readonly fallbacks: ResolvedPrioritizeDefaults;
  readonly flowPids: FlowPids;
  /** The backend of a caller's transaction; of the ambient one, where none is given; undefined where there is none. */
  readonly pidOf: (transaction: object | undefined) => Promise<number | undefined>;
  /** Runs work with a lock timeout: `LockTimeouts.run`. */
  readonly withTimeout: <T>(
    timeoutMs: number | null,
    options: { readonly transaction?: object },
    work: () => Promise<T>,
  ) => Promise<T>;
}

const LONGEST_RETRY_DELAY_MS = 30_000;

/**
 * Clears the way for work. Which sessions are prioritized is known from the pool, the lock engine and given transactions;
 * their blockers are looked for, and signalled, on a connection of its own.
 *
 * @internal
 */
export class Prioritizer {
  readonly #parts: PrioritizerParts;
  readonly #loop: PrioritizeLoop;

  constructor(parts: PrioritizerParts) {
    this.#parts = parts;
    this.#loop = new PrioritizeLoop(`pglock:${parts.name}:prioritize`, parts);
  }

  /** Where the timer of the loop is shown while anything is prioritized. */
  set registry(registry: PrioritizeTimerRegistry | undefined) {
    this.#loop.registry = registry;
  }

  async run<T>(
    given: InTransaction<PrioritizeOptions>,
    work: (() => T | Promise<T>) | undefined,
  ): Promise<T> {
    const { fallbacks, namespace, pidOf, flowPids } = this.#parts;
    const options = resolvePrioritizeOptions(given, fallbacks, namespace);
    assertWork(work, 'prioritize(options, work)');
    if (this.#loop.isClosed)
      throw new PgLockUsageError('The module is shutting down: nothing is prioritized any more.');
    const pid = await pidOf(options.transaction);
    return flowPids.run((pids) => {
      const leave = pid === undefined ? undefined : pids.enter(pid);
      return this.#guarded(pids, options, work).finally(leave);
    });
  }

  /** Stops looking, for all flows and for good; they go on without. */
  close(): Promise<void> {
    return this.#loop.close();
  }

  async #guarded<T>(
    pids: PidScope,
    options: ResolvedPrioritizeOptions,
    work: () => T | Promise<T>,
  ): Promise<T> {
    const flow = new PrioritizedFlow(pids, options);
    this.#loop.add(flow);
    const [outcome] = await Promise.allSettled([this.#attempts(flow, work)]);
    await this.#loop.remove(flow);
    if (flow.hasFailed) throw prioritizeError(flow.failure, outcome);
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }

  async #attempts<T>(flow: PrioritizedFlow, work: () => T | Promise<T>): Promise<T> {
    const { retries, retryDelayMs } = flow.options;
    const began = performance.now();
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt(flow.options, work);
      } catch (error) {
        if (retries === 0 || sqlStateWithin(error) !== SQLSTATE.lockNotAvailable) throw error;
        const waited = Math.round(performance.now() - began);
        if (attempt === retries) throw new StillBlockedError(retries + 1, waited, flow.lastBlocked, error);
      }
      await delay(jittered(Math.min(retryDelayMs * 2 ** attempt, LONGEST_RETRY_DELAY_MS)));
    }
  }

  async #attempt<T>(
    { timeoutMs, transaction }: ResolvedPrioritizeOptions,
    work: () => T | Promise<T>,
  ): Promise<T> {
    const run = async () => work();
    if (timeoutMs === undefined) return run();
    return this.#parts.withTimeout(timeoutMs, transaction === undefined ? {} : { transaction }, run);
  }
}

/** Several that gave up together must not come back together. */
function jittered(milliseconds: number): number {
  return milliseconds * (0.5 + Math.random());
}

function prioritizeError(cause: unknown, work: PromiseSettledResult<unknown>): PrioritizeError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const end =
    work.status === 'fulfilled'
      ? 'The work itself succeeded.'
      : `The work failed, too: ${String(work.reason)}`;
  return new PrioritizeError(
    `The blockers of prioritized work could not be signalled: ${reason} ${end}`,
    work,
    {
      cause,
    },
  );
}
