import type { LockReport } from '../../core/lock-reports.js';
import type { PgLockWhere } from '../../inspection/lock-where.js';
import type { PgLock } from '../../inspection/pg-lock.js';
import { LockKey } from '../../vocabulary/lock-id.js';
import type { WatchedDatabase } from '../watched-database.js';
import type { DashboardLock, LocksAnswer } from '../wire.js';

/** The most locks that one answer carries; those that are waited for come first. */
const MOST = 2_000;

/** Locks that say something: not a transaction's own on itself, nor those that every statement takes on the catalogs. */
const WHERE: PgLockWhere = {
  type: { in: ['RELATION', 'ADVISORY', 'TUPLE', 'TRANSACTIONID', 'OBJECT', 'EXTEND', 'PAGE'] },
};

/** Who holds which lock, and who waits; with what those say of it that hold it. @internal */
export async function locksView(
  { name, locks }: WatchedDatabase,
  reports: readonly LockReport[],
): Promise<LocksAnswer> {
  const found = await locks.find({ where: WHERE, limit: MOST + 1 });
  const truncated = found.length > MOST;
  const byLock = new Map(reports.map((report) => [`${report.pid}/${report.key}`, report]));
  const items = found
    .slice(0, MOST)
    .filter((lock) => isTelling(lock))
    .map((lock) => withReport(lock, byLock));
  return { connection: name, at: new Date(), items, truncated };
}

function withReport(lock: PgLock, reports: ReadonlyMap<string, LockReport>): DashboardLock {
  const { activityId, advisoryKey, granted } = lock;
  const key = advisoryKey === null ? '' : LockKey.ofAdvisoryKey(advisoryKey).text;
  const report = granted ? reports.get(`${activityId}/${key}`) : undefined;
  return { ...lock, heldSince: report?.since ?? null, waitingWithin: report?.waiting ?? 0 };
}

function isTelling({ granted, type, relSchema }: PgLock): boolean {
  if (!granted) return true;
  return type !== 'TRANSACTIONID' && relSchema !== 'pg_catalog' && relSchema !== 'pg_toast';
}
