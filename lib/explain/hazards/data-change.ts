import type { ObservedStatement } from '../run/observed-statement.js';
import { commandOf } from '../split/sql-words.js';

const LONG_MS = 1_000;

/** Whether a statement changes rows. @internal */
export function isDataChange({ sql, locks, heldBefore }: ObservedStatement): boolean {
  if (/^(INSERT|UPDATE|DELETE|MERGE|COPY)\b/.test(commandOf(sql))) return true;
  const writes = [...locks, ...heldBefore].some(({ mode }) => mode === 'ROW EXCLUSIVE');
  return writes && /^(WITH|DO|CALL|SELECT)\b/.test(commandOf(sql));
}

/** Whether it went through a whole table, or took long: a row of a migration table does neither. @internal */
export function isLongChange(statement: ObservedStatement): boolean {
  if (!isDataChange(statement)) return false;
  return (
    statement.durationMs >= LONG_MS ||
    (statement.scans.length > 0 && !/^INSERT\b/.test(commandOf(statement.sql)))
  );
}
