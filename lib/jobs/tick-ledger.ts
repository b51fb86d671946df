import type { TickEnd } from './tick-memory.js';

/** What the durable record says of one job. @internal */
export interface LedgerRow extends Partial<TickEnd> {
  readonly job: string;
  readonly at: number;
  readonly replica: string;
  readonly late: number;
}

/** A tick that is to be taken. @internal */
export interface LedgerClaim {
  readonly job: string;
  readonly name: string;
  readonly at: number;
  readonly late: number;
  readonly windowMs: number;
  readonly replica: string;
  /** Whether it is from before this process began: then it is only run where the ledger knows the job. */
  readonly isFromBefore: boolean;
}

/** Where ticks are recorded so that it outlives all replicas that knew. @internal */
export interface TickLedger {
  /** Takes the tick: false where it, or a later one, was taken before, or its time is over by the server's clock. */
  claim(claim: LedgerClaim): Promise<boolean>;
  /** Notes how a run ended. */
  finish(job: string, at: number, end: TickEnd): Promise<void>;
  rows(): Promise<readonly LedgerRow[]>;
  /** @throws {PgLockConfigurationError} with the DDL, when table, columns or grants are missing. */
  check(): Promise<void>;
  close(): Promise<void>;
}
