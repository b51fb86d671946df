import type { TickLedger } from '../jobs/tick-ledger.js';
import type { AdvisoryLocks } from '../locks/advisory-locks.js';
import type { FlowTransaction } from '../locks/commit-watch.js';
import type { HeldLocks } from '../locks/held-locks.js';
import type { LockNames } from '../locks/lock-names.js';
import type { FindHolder } from '../locks/named-holder.js';
import type { ResolvedPgLockOptions } from '../options/pg-lock-options.js';
import type { Peers } from '../peers/peers.js';
import type { FlowPids } from '../session/flow-pids.js';
import type { KeptPort } from '../session/kept-look.js';
import type { LockStore } from '../session/lock-store.js';
import type { LockSource } from '../telemetry/lock-channels.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import type { LockOutlook, LockWork } from './pg-lock-parts.js';

/** What a {@link LockServer} is given of the core that stands on it. @internal */
export interface LockServerInit {
  readonly options: ResolvedPgLockOptions;
  readonly names: LockNames;
  readonly held: HeldLocks;
  readonly flowPids: FlowPids;
  readonly source: LockSource;
  readonly emit: EventSink;
  /** The locks at session level, which are there from the end of the construction on. */
  readonly sessions: () => AdvisoryLocks;
}

/**
 * What a core stands on: PostgreSQL, or a table in memory for tests. All that differs between the two is behind this; rules that
 * both have in common stand above it.
 *
 * @internal
 */
export interface LockServer {
  /** Where session-level locks are kept. */
  readonly store: LockStore;
  /** The other processes on it. */
  readonly peers: Peers;
  /** Whether they have clocks of their own, which may be wrong. */
  readonly hasManyClocks: boolean;
  /** Who holds an id, for the error of a refusal. */
  readonly findHolder: FindHolder;
  readonly ledger: TickLedger | undefined;
  readonly work: LockWork;
  readonly admin: LockOutlook;
  /** The transaction that the running flow is in. */
  readonly flowTransaction: FlowTransaction;
  /** Begins to serve the locks that stand on it. */
  serve(locks: AdvisoryLocks): void;
  /** Looks from now on whether sessions of other applications wait for what is kept between runs. */
  watchKept(kept: KeptPort): void;
  /** Looks at no lock any more, and clears no way: before the locks are released. */
  stopLooking(): Promise<void>;
  /** How long the process still answers its peers when its last tick is over, at most. */
  lingerMs(atMostMs: number): number;
  /** Says goodbye to the peers: before the connections close. */
  leave(): void;
  /** Closes the rest of what it opened. */
  close(): Promise<void>;
}
