import type { PgLockModuleOptions } from '../../../lib/options/pg-lock-options.js';
import type { PgLockService } from '../../../lib/pg-lock.service.js';

/** One "process" as far as locks go. */
export interface LockProcess {
  readonly service: PgLockService;
  /** Lets go of everything. Also called after the test. */
  close(): Promise<void>;
}

/** Where locks are kept: what the suite needs of it. */
export interface LockEngine {
  /** A process of its own, which meets the others only in the engine. Closed after the test. */
  open(options?: PgLockModuleOptions): LockProcess;
  /** The keys that anybody holds or awaits, as `classId:objId:objSubId`, sorted. */
  heldKeys(): Promise<string[]>;
  /** Resolves when so many processes wait in the engine. */
  untilWaiting(count?: number): Promise<void>;
  /** Throws when anything was asked of the engine in this test. */
  expectUntouched(): Promise<void>;
  /** Ends what holds the locks of a process, as a terminated session does. */
  loseEverything(held: { readonly pid: number }): Promise<void>;
}

/** Two processes. */
export function openTwo(engine: LockEngine, options?: PgLockModuleOptions): [LockProcess, LockProcess] {
  return [engine.open(options), engine.open(options)];
}
