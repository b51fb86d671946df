import { sqlWords } from './sql-words.js';

/**
 * How a statement stands to transactions. `begin`, `commit` and `rollback` make and end them; `prepare` hands one over;
 * `outside` cannot run in one; `perhaps` cannot in some cases, which only the server knows; `plain` can.
 *
 * @internal
 */
export type StatementKind = 'begin' | 'commit' | 'rollback' | 'prepare' | 'outside' | 'perhaps' | 'plain';

const CONTROL: readonly (readonly [RegExp, StatementKind])[] = [
  [/^(begin|start transaction)\b/, 'begin'],
  [/^(commit|end)\b(?! prepared)/, 'commit'],
  [/^rollback\b(?! (work |transaction )?to\b)(?! prepared)/, 'rollback'],
  [/^abort\b/, 'rollback'],
  [/^prepare transaction\b/, 'prepare'],
];

/** What calls `PreventInTransactionBlock` in every case. */
const OUTSIDE: readonly RegExp[] = [
  /^(commit|rollback) prepared\b/,
  /^create (unique )?index concurrently\b/,
  /^drop index concurrently\b/,
  /^reindex (\([^)]*\bconcurrently\b[^)]*\) )?(index|table|schema|database|system) concurrently\b/,
  /^reindex \([^)]*\bconcurrently\b(?! (false|off|0))[^)]*\)/,
  /^reindex (\([^)]*\) )?(schema|database|system)\b/,
  /^vacuum\b/,
  /^alter table .* detach partition .* concurrently$/,
  /^(create|drop) (database|tablespace)\b/,
  /^alter system\b/,
  /^alter database .* set tablespace\b/,
  /^discard all$/,
];

/** What calls it in some cases: of partitioned tables, with replication slots, of all tables. */
const PERHAPS: readonly RegExp[] = [
  /^reindex\b/,
  /^cluster\b/,
  /^(create|alter|drop) subscription\b/,
  /^repack\b/,
  // Before PostgreSQL 12, and for values used in the transaction that adds them.
];

/** @see https://www.postgresql.org/docs/current/sql-commands.html @internal */
export function statementKind(sql: string): StatementKind {
  const text = headOf(sql);
  const control = CONTROL.find(([pattern]) => pattern.test(text));
  if (control !== undefined) return control[1];
  if (OUTSIDE.some((pattern) => pattern.test(text))) return 'outside';
  return PERHAPS.some((pattern) => pattern.test(text)) ? 'perhaps' : 'plain';
}

/** Whether a statement says how the transaction is to be: `SET TRANSACTION ISOLATION LEVEL …`. @internal */
export function isTransactionMode(sql: string): boolean {
  return /^set (local )?transaction\b/.test(headOf(sql));
}

/** Statements that only read or change rows: they need no look where none was asked for. @internal */
export function isDataStatement(sql: string): boolean {
  return /^(select|insert|update|delete|merge|values|table|show|with|explain|fetch|move|close|execute|deallocate|\()/.test(
    headOf(sql),
  );
}

/** Whether it makes a table of what it selects: `SELECT … INTO`, which is CREATE TABLE AS by another name. @internal */
export function selectsInto(sql: string): boolean {
  if (!/\binto\b/i.test(sql)) return false;
  const words = sqlWords(sql);
  if (!['select', 'with', '('].includes(words[0]?.text ?? '')) return false;
  return words.some(
    ({ text, kind }, at) =>
      text === 'into' && kind === 'word' && !['insert', 'merge'].includes(words[at - 1]?.text ?? ''),
  );
}

/** Its words in lower case, one blank between: `alter table orders detach partition p concurrently`. */
function headOf(sql: string): string {
  return sqlWords(sql, 40)
    .map(({ text }) => text)
    .join(' ')
    .replaceAll('( ', '(')
    .replaceAll(' )', ')');
}
