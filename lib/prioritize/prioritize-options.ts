import type { PgActivityWhere } from '../inspection/lock-where.js';
import type { SignalOutcome } from '../inspection/signal-outcome.js';
import type { Duration } from '../vocabulary/duration.js';
import type { OnBlocked } from './blocker-rule.js';
import type { TransactionOption } from '../transaction/ambient-transaction.js';

/** What became of the blockers that one look found. Frozen. @publicApi */
export interface PrioritizeReport {
  /** The blockers that are out of the way: `terminated` or `cancelled`. */
  readonly killed: readonly SignalOutcome[];
  /** Everything new about blockers, also those that were left alone or are still blocking. */
  readonly outcomes: readonly SignalOutcome[];
}

/** How to clear the way for work. @publicApi */
export interface PrioritizeOptions {
  /** How often blockers are looked for; for the first time after one interval. @default '1s' */
  readonly interval?: Duration | undefined;
  /** Look again and again; false looks once, after the first interval. @default true */
  readonly periodic?: boolean | undefined;
  /**
   * The `lock_timeout` of the work, as `pglock.timeout` sets it: a statement that waits longer fails with 55P03. `null` is none.
   * Longer than `interval`, or no blocker is gone in time.
   */
  readonly timeout?: Duration | null | undefined;
  /** @default terminate() */
  readonly onBlocked?: OnBlocked | undefined;
  /** Cancel first, and terminate what is still blocking this Duration later. */
  readonly escalate?: Duration | undefined;
  /** Blockers that are never touched, such as `{ applicationName: 'backup' }`. */
  readonly protect?: PgActivityWhere | undefined;
  /** Find and report, and signal nothing. @default false */
  readonly dryRun?: boolean | undefined;
  /** An open transaction of the caller, of any supported client: its session is cleared the way for. */
  readonly transaction?: TransactionOption;
  /** Called after each look that came to something new. Its errors become a `PrioritizeError`, like those of `onBlocked`. */
  readonly onKilled?: ((report: PrioritizeReport) => unknown) | undefined;
  /**
   * How often the work is run again when it fails by its lock timeout (55P03): for migrations that try briefly, step back and
   * try again, so that the queue behind them moves on. Not with `transaction`, which has failed by then.
   *
   * @default 0
   */
  readonly retries?: number | undefined;
  /** The pause before the first retry; it doubles from retry to retry, up to 30 s, each more or less by half. @default '1s' */
  readonly retryDelay?: Duration | undefined;
}
