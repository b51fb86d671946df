import type { LockReport } from '../core/lock-reports.js';
import type { BlockedPgLocks } from '../inspection/blocked-pg-locks.js';
import type { Examined } from '../inspection/doctor/examine.js';
import type { PgLocks } from '../inspection/pg-locks.js';
import type { LeaderStatus } from '../leadership/leader-status.js';
import type { FleetPort } from './fleet/fleet-port.js';
import type { JobsPort } from './jobs-port.js';

/** A database that the dashboard shows: what it asks, and whom. @internal */
export interface WatchedDatabase {
  /** What the module, or the command line, calls it. */
  readonly name: string;
  /** The connection that looks; it takes nothing from any pool. */
  readonly observer: Examined['observer'];
  readonly locks: PgLocks;
  readonly blocked: BlockedPgLocks;
  /** Which module of this process speaks of it on the channels; undefined where nothing here takes locks. */
  readonly instance: number | undefined;
  /** What its replicas use to agree on who samples; undefined where each looks for itself. */
  readonly fleet: FleetPort | undefined;
  /** What the processes that hold locks say of them. */
  reports(): Promise<readonly LockReport[]>;
  /** Who leads what. */
  leaders(): Promise<readonly LeaderStatus[]>;
  /** The jobs of the application; undefined where there is none to ask. */
  readonly jobs: JobsPort | undefined;
}
