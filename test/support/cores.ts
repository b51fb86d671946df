import { createCore, type PgLockCore } from '../../lib/core/pg-lock-core.js';
import type { PgLockModuleOptions } from '../../lib/options/pg-lock-options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import type { TestDatabase } from './database.js';

/** One "process" as far as locks go: everything of one database, closed after the test. */
export function openCore(database: TestDatabase, options: PgLockModuleOptions = {}): PgLockCore {
  const core = createCore(resolveOptions({ connection: database.url, ...options }));
  database.defer(() => core.close());
  return core;
}

/** Two of them, which meet only at the server. */
export function openTwo(database: TestDatabase, options?: PgLockModuleOptions): [PgLockCore, PgLockCore] {
  return [openCore(database, options), openCore(database, options)];
}

/** `classid:objid:objsubid` of every advisory lock that anybody holds or awaits in this database. */
export async function advisoryLocks(database: TestDatabase): Promise<string[]> {
  const { rows } = await database.admin.query<{ key: string }>(
    `SELECT pg_catalog.concat(classid::int8, ':', objid::int8, ':', objsubid) AS key FROM pg_catalog.pg_locks
     WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
     ORDER BY 1`,
  );
  return rows.map(({ key }) => key);
}

/** Whether the server frees the locks of a process that says nothing any more; PostgreSQL 13 cannot. */
export async function hasLease(database: TestDatabase): Promise<boolean> {
  const { rows } = await database.admin.query<{ has: boolean }>(
    `SELECT pg_catalog.current_setting('idle_session_timeout', true) IS NOT NULL AS has`,
  );
  return rows[0]!.has;
}
