import type { PgLockWhere } from '../../inspection/lock-where.js';
import type { PgLock } from '../../inspection/pg-lock.js';
import type { WatchedDatabase } from '../watched-database.js';
import type { LocksAnswer } from '../wire.js';

/** The most locks that one answer carries; those that are waited for come first. */
const MOST = 2_000;

/** Locks that say something: not a transaction's own on itself, nor those that every statement takes on the catalogs. */
const WHERE: PgLockWhere = {
  type: { in: ['RELATION', 'ADVISORY', 'TUPLE', 'TRANSACTIONID', 'OBJECT', 'EXTEND', 'PAGE'] },
};

/** Who holds which lock, and who waits. @internal */
export async function locksView({ name, locks }: WatchedDatabase): Promise<LocksAnswer> {
  const found = await locks.find({ where: WHERE, limit: MOST + 1 });
  const truncated = found.length > MOST;
  return {
    connection: name,
    at: new Date(),
    items: found.slice(0, MOST).filter((lock) => isTelling(lock)),
    truncated,
  };
}

function isTelling({ granted, type, relSchema }: PgLock): boolean {
  if (!granted) return true;
  return type !== 'TRANSACTIONID' && relSchema !== 'pg_catalog' && relSchema !== 'pg_toast';
}
