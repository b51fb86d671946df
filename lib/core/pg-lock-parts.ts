import type { Pool } from 'pg';
import type { BlockedPgLocks } from '../inspection/blocked-pg-locks.js';
import type { PlaceObserver } from '../inspection/doctor/place.js';
import type { PgLocks } from '../inspection/pg-locks.js';
import type { Jobs } from '../jobs/jobs.js';
import type { Leaders } from '../leadership/leaders.js';
import type { AdvisoryLocks } from '../locks/advisory-locks.js';
import type { HeldLocks } from '../locks/held-locks.js';
import type { LockNames } from '../locks/lock-names.js';
import type { LockTimeouts } from '../locks/lock-timeout.js';
import type { ModelLocks } from '../locks/model-lock.js';
import type { XactLocks } from '../locks/xact-locks.js';
import type { Prioritizer } from '../prioritize/prioritizer.js';
import type { FlowContext } from '../session/flow-context.js';
import type { Transactions } from '../transaction/transactions.js';
import type { PgLockEvents } from './pg-lock-events.js';
import type { PgDriver, TransactionServices } from './transaction-services.js';

/** The application's own sessions, and what happens in their transactions. @internal */
export interface LockWork {
  readonly transactions: Transactions;
  readonly models: Pick<ModelLocks, 'lock'>;
  readonly xact: XactLocks;
  readonly timeouts: Pick<LockTimeouts, 'run' | 'ambientMs' | 'ambientMsIn'>;
  readonly flowContext: FlowContext;
  readonly pool: Pool;
  readonly pgDriver: PgDriver;
  readonly scopeSession: TransactionServices['scopeSession'];
}

/** Looking at locks, and clearing the way. @internal */
export interface LockOutlook {
  /** The connection that looks. */
  readonly observer: PlaceObserver;
  readonly locks: PgLocks;
  readonly blocked: BlockedPgLocks;
  readonly prioritizer: Pick<Prioritizer, 'run' | 'registry'>;
}

/** What `PgLockService` speaks for. @internal */
export interface PgLockParts {
  readonly advisory: AdvisoryLocks;
  readonly work: LockWork;
  readonly admin: LockOutlook;
  readonly leaders: Leaders;
  readonly names: LockNames;
  readonly held: HeldLocks;
  readonly events: PgLockEvents;
  readonly jobs: Jobs;
  /** Waits for the works that run under a lock, and releases everything. Idempotent. */
  close(): Promise<void>;
}
