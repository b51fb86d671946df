import { LockInspector } from './lock-inspector.js';
import type { LockQuery } from './lock-query.js';
import type { PgLock } from './pg-lock.js';
import type { RowDecoder, TextRow } from './row-decoder.js';

/**
 * The locks that sessions of the connected database hold and wait for, advisory locks included. The inspecting session
 * itself is left out.
 *
 * Reads `pg_catalog.pg_locks` joined with `pg_stat_activity`, `pg_class` and `pg_prepared_xacts`.
 *
 * @example await pglock.locks.find({ on: 'users', where: { granted: false, activity: { duration: { gte: '5s' } } } })
 * @see https://www.postgresql.org/docs/current/view-pg-locks.html
 * @publicApi
 */
export class PgLocks extends LockInspector<LockQuery, PgLock> {
  /** @internal */
  protected readonly source = 'locks';

  /** @internal */
  protected decode(decoder: RowDecoder, row: TextRow): PgLock {
    return decoder.lock(row);
  }
}
