import { readFileSync } from 'node:fs';
import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';
import { printable } from '../../vocabulary/printable.js';
import { assertHazards } from '../hazards/hazard-names.js';
import type { AllowComment, SqlFile, SqlStatement } from '../split/sql-statement.js';
import { splitStatements } from '../split/split-statements.js';

/** Text and what messages call it. @internal */
export interface NamedSql {
  readonly name: string;
  readonly text: string;
}

/** @throws {PgLockUsageError} when a file cannot be read. @internal */
export function readSqlFile(path: string): NamedSql {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
    return { name: path, text };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PgLockUsageError(`${printable(path)} cannot be read: ${reason}`, { cause: error });
  }
}

/**
 * The statements of several files, in order; what a file allows as a whole stands with each of its statements.
 *
 * @throws {PgLockUsageError} when one has a NUL, cannot be cut, allows a hazard that there is not, or when there is no statement at all.
 * @internal
 */
export function statementsOf(files: readonly NamedSql[]): readonly SqlStatement[] {
  const statements = files.flatMap(({ name, text }) => {
    assertNoNul(text, name);
    const file = splitStatements(text, name);
    for (const allow of allAllows(file)) assertHazards(allow.hazards, `${name}:${allow.line}`);
    return file.statements.map((one) => ({ ...one, allows: [...file.allows, ...one.allows] }));
  });
  if (statements.length === 0)
    throw new PgLockUsageError(`There is no statement in ${files.map(({ name }) => name).join(', ')}.`);
  return statements;
}

/** A NUL ends the text of a message: what follows it would be read as something else. */
function assertNoNul(text: string, name: string): void {
  const at = text.indexOf('\0');
  if (at < 0) return;
  const line = text.slice(0, at).split('\n').length;
  throw new PgLockUsageError(`${name}:${line}: there is a NUL character, which no SQL may hold.`);
}

function allAllows(file: SqlFile): readonly AllowComment[] {
  return [...file.allows, ...file.statements.flatMap(({ allows }) => allows)];
}
