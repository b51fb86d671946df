import { sqlStateOf } from '../../vocabulary/sqlstate.js';
import type { ExplainedError } from '../report.js';
import { offsetOfCharacter, positionAt } from '../split/text-position.js';

/** Where a statement stands, so that a position in it becomes one in its file. @internal */
export interface StatementPlace {
  readonly line: number;
  readonly column: number;
  readonly sql: string;
}

/** What the server said of a statement; undefined for an error that is not its. @internal */
export function statementError(
  error: unknown,
  { line, column, sql }: StatementPlace,
): ExplainedError | undefined {
  const code = sqlStateOf(error);
  if (code === undefined || !/^[0-9A-Z]{5}$/.test(code) || !(error instanceof Error)) return undefined;
  const { position } = error as Error & { readonly position?: string };
  if (position === undefined) return { code, message: error.message };
  const place = positionAt(sql, offsetOfCharacter(sql, Number(position)));
  const inFile =
    place.line === 1
      ? { line, column: column + place.column - 1 }
      : { line: line + place.line - 1, column: place.column };
  return { code, message: error.message, ...inFile };
}

/** The connection is gone: the server stopped, or ended the session. */
const CONNECTION_FAILURE = '08006';

/** Like {@link statementError}; a connection that broke meanwhile counts as an error of the statement. @throws what is neither. @internal */
export function failureOf(error: unknown, statement: StatementPlace): ExplainedError {
  const found = statementError(error, statement);
  if (found !== undefined) return found;
  if (error instanceof Error && /^Connection (terminated|ended)|^read E|^write E/.test(error.message))
    return { code: CONNECTION_FAILURE, message: `the server has ended the session (${error.message})` };
  throw error;
}
