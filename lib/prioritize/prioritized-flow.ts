import { AsyncLocalStorage } from 'node:async_hooks';
import type { BlockedPgLock } from '../inspection/pg-lock.js';
import type { SignalOutcome } from '../inspection/signal-outcome.js';
import type { PidScope } from '../session/flow-pids.js';
import type { BackendIdentity } from '../sql/signal.js';
import { BlockerRule, type OnBlockedFunction } from './blocker-rule.js';
import type { ResolvedPrioritizeOptions } from './resolve-prioritize-options.js';

interface Cancelled extends BackendIdentity {
  /** When it is to be terminated, on the monotonic clock. */
  readonly dueAt: number;
}

/**
 * One piece of prioritized work: whom the way is cleared for, by which rule, when it is due again, and what came of it.
 *
 * It is *due* when its interval has passed, *busy* while its own function runs, and *over* when the work has ended, or
 * after its only look.
 *
 * @internal
 */
export class PrioritizedFlow {
  /** The first error of `onBlocked` or `onKilled`, or the lack of a privilege. */
  failure: unknown;
  hasFailed = false;
  /** The blockers when last looked. */
  lastBlocked: readonly BlockedPgLock[] = [];
  busy: Promise<void> | undefined;
  /** The function of the caller, in the caller's async context. */
  readonly ask: OnBlockedFunction | undefined;
  /** Flows of one rule share a statement. */
  readonly rule: string;
  readonly #tell: ResolvedPrioritizeOptions['onKilled'];
  readonly #telling: Promise<void>[] = [];
  readonly #told = new Set<string>();
  readonly #cancelled = new Map<string, Cancelled>();
  #nextAt: number;

  constructor(
    readonly pids: PidScope,
    readonly options: ResolvedPrioritizeOptions,
  ) {
    const { onBlocked, onKilled, where, spared, dryRun, escalateMs } = options;
    const action = onBlocked instanceof BlockerRule ? onBlocked.action : 'ask';
    this.rule = JSON.stringify([action, where, spared, dryRun, escalateMs]);
    this.ask = onBlocked instanceof BlockerRule ? undefined : AsyncLocalStorage.bind(onBlocked);
    this.#tell = onKilled && AsyncLocalStorage.bind(onKilled);
    this.#nextAt = performance.now() + options.intervalMs;
  }

  isDue(now: number): boolean {
    return this.busy === undefined && this.pids.size > 0 && now >= this.#nextAt;
  }

  /** Notes that it is being looked after now. */
  begin(now: number): void {
    const escalations = [...this.#cancelled.values()]
      .map(({ dueAt }) => dueAt)
      .filter((dueAt) => dueAt > now);
    const next = this.options.periodic ? now + this.options.intervalMs : Infinity;
    this.#nextAt = Math.min(next, ...escalations);
  }

  /** Those that were cancelled long enough ago to be terminated now. */
  escalations(now: number): readonly BackendIdentity[] {
    return [...this.#cancelled.values()].filter(({ dueAt }) => now >= dueAt);
  }

  /** The first error is the one that the caller gets. */
  fail(error: unknown): void {
    if (this.hasFailed) return;
    this.hasFailed = true;
    this.failure = error;
  }

  /** Takes notice of outcomes; returns what is new among them, and tells the caller without waiting for it. */
  notice(outcomes: readonly SignalOutcome[], now: number): readonly SignalOutcome[] {
    for (const outcome of outcomes) this.#noteCancelled(outcome, now);
    const fresh = outcomes.filter((outcome) => this.#isNews(outcome));
    if (fresh.length > 0 && this.#tell !== undefined) this.#telling.push(this.#report(this.#tell, fresh));
    return fresh;
  }

  /** Resolves when the functions of the caller have settled. */
  async settled(): Promise<void> {
    await this.busy;
    await Promise.all(this.#telling);
  }

  async #report(
    tell: NonNullable<ResolvedPrioritizeOptions['onKilled']>,
    fresh: readonly SignalOutcome[],
  ): Promise<void> {
    const killed = fresh.filter(({ outcome }) => outcome === 'terminated' || outcome === 'cancelled');
    try {
      await tell(Object.freeze({ killed: Object.freeze(killed), outcomes: Object.freeze(fresh) }));
    } catch (error) {
      this.fail(error);
    }
  }

  #isNews({ pid, activity, action, outcome }: SignalOutcome): boolean {
    const key = [pid, activity?.backendStartText ?? activity?.query, action, outcome].join(' ');
    // What dies, dies once; a session may be cancelled again and again.
    if (outcome !== 'cancelled' && this.#told.has(key)) return false;
    this.#told.add(key);
    return true;
  }

  #noteCancelled({ pid, activity, action, outcome }: SignalOutcome, now: number): void {
    const backendStartText = activity?.backendStartText;
    const { escalateMs } = this.options;
    if (action !== 'cancel' || outcome !== 'stillBlocking' || escalateMs === undefined || !backendStartText)
      return;
    const key = `${pid} ${backendStartText}`;
    if (this.#cancelled.has(key)) return;
    const dueAt = now + escalateMs;
    this.#cancelled.set(key, { pid, backendStartText, dueAt });
    this.#nextAt = Math.min(this.#nextAt, dueAt);
  }
}
