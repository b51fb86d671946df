import { lockKey, type LockId } from '../../../lib/vocabulary/lock-id.js';
import { eventually, type TestDatabase } from '../../support/database.js';

/** A lock that a session outside of the application holds. */
export interface OutsideHolder {
  /** Lets go, so that whoever waits gets it. */
  release(): Promise<void>;
}

/** Takes an id on a connection of its own, as another replica would. */
export async function holdOutside(
  db: TestDatabase,
  id: LockId,
  options: { readonly shared?: boolean } = {},
): Promise<OutsideHolder> {
  const suffix = options.shared === true ? '_shared' : '';
  const client = await db.connect({ application_name: 'outside' });
  await client.query(`SELECT pg_catalog.pg_advisory_lock${suffix}($1)`, [lockKey(id).int8]);
  const release = async (): Promise<void> => {
    await client.query(`SELECT pg_catalog.pg_advisory_unlock${suffix}($1)`, [lockKey(id).int8]);
  };
  return { release };
}

/** How many sessions hold the id at this moment, as the server sees it. */
export async function holders(db: TestDatabase, id: LockId): Promise<number> {
  const { classId, objId, objSubId } = lockKey(id);
  const { rows } = await db.admin.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted
      AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND classid = $1::bigint::oid AND objid = $2::bigint::oid AND objsubid = $3`,
    [classId, objId, objSubId],
  );
  return rows[0]?.n ?? -1;
}

/** Resolves when nobody holds the id any more. */
export async function untilFree(db: TestDatabase, id: LockId): Promise<void> {
  await eventually(async () => (await holders(db, id)) === 0);
}

/** Resolves when somebody holds the id. */
export async function untilHeld(db: TestDatabase, id: LockId): Promise<void> {
  await eventually(async () => (await holders(db, id)) > 0);
}
