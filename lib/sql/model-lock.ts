import type { LockMode } from '../vocabulary/lock-mode.js';
import type { Statement } from './statement.js';

/**
 * Locks tables, one after the other in the order given, until the transaction ends.
 *
 * @param tables quoted names, ready to stand in SQL.
 * @param nowait fail with SQLSTATE 55P03 rather than wait.
 * @see https://www.postgresql.org/docs/current/sql-lock.html
 * @internal
 */
export function lockTables(tables: readonly string[], mode: LockMode, nowait: boolean): Statement {
  return { text: `LOCK TABLE ${tables.join(', ')} IN ${mode} MODE${nowait ? ' NOWAIT' : ''}` };
}
