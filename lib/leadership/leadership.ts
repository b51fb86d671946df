/**
 * The lead of a name, in the hands of the work that it was given to.
 *
 * It lasts until the work ends, until it is *resigned* (by `resign()`, or by the shutdown of the application), or until it is
 * *lost* (the lock session was closed, or the server did not answer within the lease). In the last two cases `signal` aborts
 * first, and only then another process begins.
 *
 * @publicApi
 */
export interface Leadership {
  /** What is led, as `pglock.lead` was asked for it. */
  readonly name: string;
  /**
   * A number that grows from leader to leader, strictly, in the whole database: write it beside what the leader changes, and
   * refuse smaller ones. The fencing token of the lock `leader:<name>`.
   */
  readonly term: bigint;
  /** Since when this process leads, by its own clock. */
  readonly since: Date;
  /** The backend that holds the lock, as `pg_stat_activity.pid`. */
  readonly pid: number;
  /** Whether this process leads at this moment: neither resigned nor lost, nor older than the last trusted heartbeat. */
  readonly held: boolean;
  /** Aborts when the work has to end: with a `LockLostError` when the lead is lost, with an `AbortError` when it is resigned. */
  readonly signal: AbortSignal;
  /**
   * Gives the lead to another process: `signal` aborts, and the lock is released when the work has ended. For about a second
   * others go first; then this process stands by again. Idempotent.
   *
   * Resolves when the lock is released; called within the work itself, at once.
   */
  resign(): Promise<void>;
}
