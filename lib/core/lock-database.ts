import type { ResolvedPgLockOptions } from '../options/pg-lock-options.js';
import type { FindHolder } from '../locks/named-holder.js';
import type { Peers } from '../peers/peers.js';
import type { PgLockService } from '../pg-lock.service.js';
import type { LockSource } from '../telemetry/lock-channels.js';
import type { LockReports } from './lock-reports.js';
import type { PgLockParts } from './pg-lock-parts.js';

/** One database, as everything above the locks knows it: on a server, or a table in memory. @internal */
export interface LockDatabase extends PgLockParts {
  readonly name: string;
  readonly options: ResolvedPgLockOptions;
  readonly source: LockSource;
  readonly service: PgLockService;
  readonly peers: Peers;
  readonly lockReports: LockReports;
  /** Who holds an id, for the error of a refusal. */
  readonly findHolder: FindHolder;
  /** How many methods lead here from the boot on. */
  leaderMethods: number;
  /** What would begin anew is refused; resolves when running jobs have ended, or `shutdown.timeout` has. */
  drain(): Promise<void>;
}
