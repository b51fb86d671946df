import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';
import { allowComment } from './allow-comment.js';
import type { AllowComment, SqlFile, SqlStatement } from './sql-statement.js';
import { sqlWords } from './sql-words.js';
import { sqlTokens, UnterminatedSqlError, type SqlToken, type StringRules } from '../../sql/sql-tokens.js';
import { StatementShape } from '../../sql/statement-shape.js';
import { positionAt } from './text-position.js';

/**
 * Cuts a file of SQL into its statements, as PostgreSQL and psql would: at semicolons outside of strings, comments,
 * parentheses and the bodies of SQL functions (`BEGIN ATOMIC … END`).
 *
 * @throws {PgLockUsageError} with file, line and column: a string or comment without an end, a command of psql, the data of
 * a COPY.
 * @internal
 */
export function splitStatements(text: string, file: string): SqlFile {
  const splitter = new Splitter(text.replace(/^\ufeff/, ' '), file);
  try {
    return splitter.split();
  } catch (error) {
    if (!(error instanceof UnterminatedSqlError)) throw error;
    throw misplaced(text, file, error.offset, `a ${error.what} begins here and has no end.`);
  }
}

/**
 * The statements of a message to the server, which is SQL and nothing else; undefined where a string or comment has no end, so that the
 * server refuses the whole of it.
 *
 * @internal
 */
export function statementsOfMessage(text: string): readonly string[] | undefined {
  try {
    return new Splitter(text, '', true).split().statements.map(({ sql }) => sql);
  } catch (error) {
    if (error instanceof UnterminatedSqlError) return undefined;
    throw error;
  }
}

function misplaced(text: string, file: string, offset: number, message: string): PgLockUsageError {
  const { line, column } = positionAt(text, offset);
  return new PgLockUsageError(`${file}:${line}:${column}: ${message}`);
}

class Splitter {
  readonly #text: string;
  readonly #file: string;
  readonly #isMessage: boolean;
  readonly #statements: SqlStatement[] = [];
  #head: readonly AllowComment[] = [];
  #waiting: AllowComment[] = [];
  readonly #rules: StringRules = { isConforming: true };
  #shape = new StatementShape();
  #start: number | undefined;
  #end = 0;
  #lastLine = 0;

  /** @param isMessage whether what only psql reads is left to the server. */
  constructor(text: string, file: string, isMessage = false) {
    this.#text = text;
    this.#file = file;
    this.#isMessage = isMessage;
  }

  split(): SqlFile {
    for (const token of sqlTokens(this.#text, this.#rules)) this.#take(token);
    this.#finish();
    return { statements: this.#statements, allows: this.#head };
  }

  #take(token: SqlToken): void {
    if (token.kind === 'space') return this.#blank(token);
    if (token.kind === 'comment') return this.#comment(token);
    const text = this.#text.slice(token.start, token.end);
    if (!this.#isMessage) this.#refuse(token, text);
    if (text === ';' && this.#shape.isComplete) return this.#finish(token);
    this.#start ??= token.start;
    this.#end = token.end;
    this.#shape.add(token, text);
  }

  /** Comments at the head of the file that a blank line cuts off are about the whole of it. */
  #blank({ start, end }: SqlToken): void {
    if (this.#statements.length > 0 || this.#start !== undefined) return;
    if (this.#text.slice(start, end).split('\n').length < 3) return;
    this.#head = [...this.#head, ...this.#waiting];
    this.#waiting = [];
  }

  #comment({ start, end }: SqlToken): void {
    const { line } = positionAt(this.#text, start);
    const found = allowComment(this.#text.slice(start, end), line);
    if (found === undefined) return;
    const last = this.#statements.at(-1);
    if (last === undefined || this.#start !== undefined || line !== this.#lastLine) this.#waiting.push(found);
    else this.#statements[this.#statements.length - 1] = { ...last, allows: [...last.allows, found] };
  }

  #refuse({ kind, start }: SqlToken, text: string): void {
    if (kind === 'backslash') {
      const command = /\\\S*/.exec(this.#text.slice(start, start + 40))?.[0] ?? text;
      throw this.#misplaced(
        start,
        `${command} is a command of psql, not SQL. Trace psql instead: pglock explain -- psql -f ${this.#file}`,
      );
    }
    if (this.#shape.isVariable(text, this.#text, start))
      throw this.#misplaced(start - 1, 'this is a variable of psql, not SQL.');
  }

  #misplaced(offset: number, message: string): PgLockUsageError {
    return misplaced(this.#text, this.#file, offset, message);
  }

  #finish(semicolon?: SqlToken): void {
    const start = this.#start;
    const shape = this.#shape;
    this.#start = undefined;
    this.#shape = new StatementShape();
    if (start === undefined) return;
    if (shape.readsCopyData && !this.#isMessage)
      throw this.#misplaced(
        start,
        'COPY … FROM STDIN reads data that follow it, which psql does. Use INSERT, COPY from a file, or pglock explain -- psql -f.',
      );
    this.#rules.isConforming = conforming(this.#text.slice(start, this.#end)) ?? this.#rules.isConforming;
    this.#lastLine = positionAt(this.#text, semicolon?.start ?? this.#end).line;
    this.#statements.push({
      file: this.#file,
      ...positionAt(this.#text, start),
      sql: this.#text.slice(start, this.#end),
      allows: this.#waiting,
    });
    this.#waiting = [];
  }
}

/** What a statement says of how strings are read from there on. */
function conforming(sql: string): boolean | undefined {
  if (!/standard_conforming_strings/i.test(sql)) return undefined;
  const words = sqlWords(sql, 5).map(({ text }) => text.replaceAll("'", ''));
  if (words[0] === 'reset') return true;
  if (words[0] !== 'set' || !words.includes('standard_conforming_strings')) return undefined;
  return !['off', 'false', 'no', '0'].includes(words.at(-1) ?? '');
}
