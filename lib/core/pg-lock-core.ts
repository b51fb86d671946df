import type { ResolvedPgLockOptions } from '../options/pg-lock-options.js';
import { LockCore } from './lock-core.js';
import { PgLockServer } from './pg-lock-server.js';

/** One database on a PostgreSQL server. @internal */
export class PgLockCore extends LockCore<PgLockServer> {
  constructor(options: ResolvedPgLockOptions) {
    super(options, (init) => new PgLockServer(init));
  }
}

/** Builds everything of one database. @internal */
export function createCore(options: ResolvedPgLockOptions): PgLockCore {
  return new PgLockCore(options);
}
