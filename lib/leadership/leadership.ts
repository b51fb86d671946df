/**
 * The lead of a name, as the work that leads receives it.
 *
 * It lasts until the work ends, until it is *resigned* (by `resign()`, or by the shutdown of the application), or until it is
 * *lost* (the lock session was closed, or the server did not answer within the lease). In the last two cases `signal` aborts
 * before another process begins.
 *
 * @publicApi
 */
export interface Leadership {
  /** The name that was given to `pglock.lead`. */
  readonly name: string;
  /**
   * A number that increases strictly from leader to leader across the whole database: store it next to the data that the leader
   * changes, and refuse smaller ones. It is the fencing token of the lock `leader:<name>`.
   */
  readonly term: bigint;
  /** When this process began to lead, by its own clock. */
  readonly since: Date;
  /** The backend that holds the lock, as `pg_stat_activity.pid`. */
  readonly pid: number;
  /** Whether this process leads at this moment: neither resigned nor lost, nor older than the last trusted heartbeat. */
  readonly held: boolean;
  /** Aborts when the work has to end: with a `LockLostError` when the lead is lost, with an `AbortError` when it is resigned. */
  readonly signal: AbortSignal;
  /**
   * Gives the lead to another process: `signal` aborts, and the lock is released when the work has ended. For about a second
   * other processes take precedence; then this process stands by again. Idempotent.
   *
   * Resolves when the lock is released; if called within the work itself, at once.
   */
  resign(): Promise<void>;
}
