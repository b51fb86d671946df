import { sqlTokens, UnterminatedSqlError, type SqlToken } from '../../sql/sql-tokens.js';

/** A token that means something. @internal */
export interface SqlWord extends SqlToken {
  /** In lower case where it is an unquoted word. */
  readonly text: string;
}

/** The tokens of a statement without blanks and comments. What cannot be read to its end is read as far as it can. @internal */
export function sqlWords(sql: string, limit = Infinity): SqlWord[] {
  const words: SqlWord[] = [];
  try {
    for (const token of sqlTokens(sql)) {
      if (token.kind === 'space' || token.kind === 'comment') continue;
      if (words.length >= limit) break;
      const text = sql.slice(token.start, token.end);
      words.push({ ...token, text: token.kind === 'word' ? text.toLowerCase() : text });
    }
  } catch (error) {
    if (!(error instanceof UnterminatedSqlError)) throw error;
  }
  return words;
}

/** The key words that a statement begins with, in upper case: `ALTER TABLE`. @internal */
export function commandOf(sql: string): string {
  const words = sqlWords(sql, 3);
  const leading = words.findIndex(({ kind }) => kind !== 'word');
  return words
    .slice(0, leading === -1 ? 2 : Math.min(leading, 2))
    .map(({ text }) => text.toUpperCase())
    .join(' ');
}
