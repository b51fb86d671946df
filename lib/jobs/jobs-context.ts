import type { AdvisoryLocks } from '../locks/advisory-locks.js';
import type { LockNames } from '../locks/lock-names.js';
import type { AssertPeers, Peers } from '../peers/peers.js';
import type { LockSource } from '../telemetry/lock-channels.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import type { LeaseFigures, ResolvedJobsOptions } from './job-options.js';
import type { TickLedger } from './tick-ledger.js';
import type { RecentTicks } from './recent-ticks.js';
import type { TickMemory } from './tick-memory.js';

/** What jobs of one database stand on. @internal */
export interface JobsInit {
  readonly advisory: AdvisoryLocks;
  readonly names: LockNames;
  readonly peers: Peers;
  /** Whether replicas have clocks of their own, which may be wrong. */
  readonly hasManyClocks: boolean;
  /** @throws {ReadReplicaError} where there are no peers. */
  readonly assertPeers?: AssertPeers;
  readonly options: ResolvedJobsOptions;
  readonly lease: LeaseFigures;
  readonly ledger: TickLedger | undefined;
  readonly emit: EventSink;
  /** Who speaks on the channels of the process. */
  readonly source: LockSource;
  /** Which process this is, for people: `host:pid`. */
  readonly replica: string;
}

/** What all jobs of one database share. @internal */
export interface JobsContext extends JobsInit {
  readonly memory: TickMemory;
  /** What was told right before this process listened. */
  readonly recent: RecentTicks;
  /** Whether the module shuts down: what is due now is left to others. */
  readonly isStopping: () => boolean;
  /** Keeps a call in mind, for the shutdown to wait for. */
  readonly track: <Result>(call: Promise<Result>) => Promise<Result>;
  /** A job of this process knows when it is due. */
  readonly onScheduled: (identity: string) => void;
  /** Up to which instant ticks can have been run by now: what is later is of a clock that is wrong. */
  readonly believableUntil: () => number;
  /** Since when this process has its jobs, by the wall clock. */
  readonly startedAt: () => number;
}
