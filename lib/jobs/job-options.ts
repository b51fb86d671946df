/** Options of a job's lock as they were read, beside those of the lock itself. @internal */
export interface ResolvedJobsOptions {
  /** How far the clocks of replicas may differ. */
  readonly clockSkewMs: number;
  readonly ledger: ResolvedLedgerOptions | undefined;
}

/** Where the durable record is kept. @internal */
export interface ResolvedLedgerOptions {
  /** As it was given; the first schema of the search path where it names none. */
  readonly table: string;
  /** For how long each run is kept; undefined: the last one of each job only. */
  readonly keepMs: number | undefined;
}

/** What the time to catch up is derived from. @internal */
export interface LeaseFigures {
  readonly leaseMs: number;
  readonly heartbeatMs: number;
}

const CATCH_UP_MOST_MS = 60_000;
const TAKEOVER_MS = 2_000;

/**
 * How late a missed tick may still be run where nothing is said: a minute, or half the period where that is shorter; but long
 * enough for another replica to have the lock of one that was stopped, where the period allows it.
 *
 * @internal
 */
export function defaultCatchUpMs(periodMs: number | undefined, lease: LeaseFigures): number {
  const period = periodMs ?? Infinity;
  const takeover = lease.leaseMs + lease.heartbeatMs + TAKEOVER_MS;
  return Math.max(Math.min(CATCH_UP_MOST_MS, period / 2), Math.min(period, takeover));
}

/** Whether the ticks of a stopped holder can be run by others in time. @internal */
export function outlivesLease(catchUpMs: number, { leaseMs }: LeaseFigures): boolean {
  return catchUpMs > leaseMs + 1_000;
}
