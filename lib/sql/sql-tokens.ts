/** A piece of SQL as PostgreSQL's own scanner would cut it. @internal */
export interface SqlToken {
  /**
   * `word`: a key word or an unquoted name; `name`: a quoted one; `string`: any kind of string or number; `symbol`: one
   * character of an operator or punctuation; `backslash`: what begins a command of psql; `comment` and `space` mean nothing.
   */
  readonly kind: 'word' | 'name' | 'string' | 'symbol' | 'backslash' | 'comment' | 'space';
  readonly start: number;
  readonly end: number;
}

/** Something that begins and never ends. @internal */
export class UnterminatedSqlError extends Error {
  constructor(
    readonly what: string,
    readonly offset: number,
  ) {
    super(`unterminated ${what}`);
    this.name = 'UnterminatedSqlError';
  }
}

const SPACE = /[ \t\n\r\f\v]+/y;
const LINE_COMMENT = /--[^\n\r]*/y;
/** No letter that belongs to the string or name behind it. */
const WORD = /(?![eEbBxXnN]'|[uU]&['"])[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const NUMBER = /(?:\d|\.\d)[\w.]*/y;
const DOLLAR = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const PARAMETER = /\$\d+/y;
const ESCAPE_STRING = /[eE]'/y;
const PREFIXED_STRING = /(?:[bBxXnN]|[uU]&)'/y;
const PREFIXED_NAME = /[uU]&"/y;

/** How strings are read; it may change while the text is cut. @internal */
export interface StringRules {
  /** `standard_conforming_strings`, which is on by default: a backslash in `'…'` stands for itself. */
  isConforming: boolean;
}

/**
 * Cuts SQL into tokens that together are the whole text.
 *
 * @throws {UnterminatedSqlError} when a string, a quoted name or a comment has no end.
 * @see https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 * @internal
 */
export function* sqlTokens(
  text: string,
  rules: StringRules = { isConforming: true },
): Generator<SqlToken, void, undefined> {
  for (let at = 0; at < text.length;) {
    const token = tokenAt(text, at, rules);
    yield token;
    at = token.end;
  }
}

function tokenAt(text: string, start: number, { isConforming }: StringRules): SqlToken {
  const token = (kind: SqlToken['kind'], end: number): SqlToken => ({ kind, start, end });
  const character = text[start];
  if (character === "'" && !isConforming) return token('string', endOfEscapeString(text, start + 1));
  if (character === "'") return token('string', endOfQuoted(text, start + 1, "'", 'string'));
  if (character === '"') return token('name', endOfQuoted(text, start + 1, '"', 'quoted name'));
  if (character === '\\') return token('backslash', start + 1);
  if (text.startsWith('/*', start)) return token('comment', endOfBlockComment(text, start));
  return lexeme(text, start, token) ?? token('symbol', start + 1);
}

function lexeme(
  text: string,
  start: number,
  token: (kind: SqlToken['kind'], end: number) => SqlToken,
): SqlToken | undefined {
  for (const [pattern, kind] of SIMPLE) {
    const found = endOf(pattern, text, start);
    if (found !== undefined) return token(kind, found);
  }
  const end = (pattern: RegExp): number | undefined => endOf(pattern, text, start);
  const escaped = end(ESCAPE_STRING);
  if (escaped !== undefined) return token('string', endOfEscapeString(text, escaped));
  const prefixed = end(PREFIXED_STRING);
  if (prefixed !== undefined) return token('string', endOfQuoted(text, prefixed, "'", 'string'));
  const named = end(PREFIXED_NAME);
  if (named !== undefined) return token('name', endOfQuoted(text, named, '"', 'quoted name'));
  const dollar = end(DOLLAR);
  return dollar === undefined ? undefined : token('string', endOfDollarQuoted(text, start, dollar));
}

const SIMPLE: readonly (readonly [RegExp, SqlToken['kind']])[] = [
  [SPACE, 'space'],
  [LINE_COMMENT, 'comment'],
  [WORD, 'word'],
  [NUMBER, 'string'],
  [PARAMETER, 'string'],
];

function endOf(pattern: RegExp, text: string, start: number): number | undefined {
  pattern.lastIndex = start;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

/** A doubled quote stands for itself. */
function endOfQuoted(text: string, from: number, quote: string, what: string): number {
  for (let at = text.indexOf(quote, from); at !== -1; at = text.indexOf(quote, at + 2))
    if (text[at + 1] !== quote) return at + 1;
  throw new UnterminatedSqlError(what, from - 1);
}

/** What comes between two parts of one string. */
const CONTINUATION = /[ \t\f\v]*(?:--[^\n\r]*)?[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*'/y;

/** Parts on further lines go on in the same way. */
function endOfEscapeString(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === "'") {
      const next = text[at + 1] === "'" ? at + 2 : endOf(CONTINUATION, text, at + 1);
      if (next === undefined) return at + 1;
      at = next - 1;
    }
  }
  throw new UnterminatedSqlError('string', from - 1);
}

function endOfDollarQuoted(text: string, start: number, from: number): number {
  const tag = text.slice(start, from);
  const at = text.indexOf(tag, from);
  if (at === -1) throw new UnterminatedSqlError(`dollar-quoted string ${tag}`, start);
  return at + tag.length;
}

const COMMENT_EDGE = /\/\*|\*\//g;

/** They nest, unlike those of C. */
function endOfBlockComment(text: string, start: number): number {
  let depth = 0;
  COMMENT_EDGE.lastIndex = start;
  for (let edge = COMMENT_EDGE.exec(text); edge !== null; edge = COMMENT_EDGE.exec(text)) {
    depth += edge[0] === '/*' ? 1 : -1;
    if (depth === 0) return COMMENT_EDGE.lastIndex;
  }
  throw new UnterminatedSqlError('comment', start);
}
