import type { PgActivityWhere } from '../inspection/lock-where.js';
import type { SignalOutcome } from '../inspection/signal-outcome.js';
import type { Duration } from '../vocabulary/duration.js';
import type { OnBlocked } from './blocker-rule.js';
import type { TransactionOption } from '../transaction/ambient-transaction.js';

/** The outcomes for the blockers that one look found. Frozen. @publicApi */
export interface PrioritizeReport {
  /** The sessions that no longer block: `terminated` or `cancelled`. */
  readonly killed: readonly SignalOutcome[];
  /** Everything new about blockers, including those that were left alone or still block. */
  readonly outcomes: readonly SignalOutcome[];
}

/** Options of `pglock.prioritize`. @publicApi */
export interface PrioritizeOptions {
  /** How often to look for blockers; the first look is after one interval. @default '1s', or the module's */
  readonly interval?: Duration | undefined;
  /** Keep looking; `false` looks once, after the first interval. @default true, or the module's */
  readonly periodic?: boolean | undefined;
  /**
   * The `lock_timeout` of the work, as `pglock.timeout` sets it: a statement that waits longer fails with 55P03. `null` is none.
   * Must be longer than `interval`, since no blocker would be gone in time otherwise.
   *
   * @default none, or the module's
   */
  readonly timeout?: Duration | null | undefined;
  /** What to do about blockers. @default terminate() */
  readonly onBlocked?: OnBlocked | undefined;
  /** Cancel first, and terminate sessions that still block after this Duration. @default the module's */
  readonly escalate?: Duration | undefined;
  /** Conditions on blockers that are never signalled, such as `{ applicationName: 'backup' }`. @default the module's */
  readonly protect?: PgActivityWhere | undefined;
  /** Report, and signal nothing. @default false, or the module's */
  readonly dryRun?: boolean | undefined;
  /** An open transaction of the caller, of any supported client: its session is prioritized. @default the ambient transaction */
  readonly transaction?: TransactionOption;
  /** Called after each look with a new outcome. Its errors become a `PrioritizeError`, like those of `onBlocked`. */
  readonly onKilled?: ((report: PrioritizeReport) => unknown) | undefined;
  /**
   * How often to rerun the work when it runs into its lock timeout (55P03): for migrations that wait briefly, give up and retry, so
   * that the queue behind them moves on. Not with `transaction`, which has failed by then.
   *
   * @default 0
   */
  readonly retries?: number | undefined;
  /** The pause before the first retry; it doubles from retry to retry, up to 30 s, each varied at random by up to half. @default '1s' */
  readonly retryDelay?: Duration | undefined;
}
