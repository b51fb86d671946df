import { sqlTokens, UnterminatedSqlError, type SqlToken } from '../sql/sql-tokens.js';
import { StatementShape } from '../sql/statement-shape.js';

/** What a statement does to the savepoints of a transaction, or to the transaction. @internal */
export type TransactionStep =
  | { readonly kind: 'savepoint' | 'release' | 'rollback to'; readonly name: string }
  | { readonly kind: 'end' };

/** Longer names are cut by the server. */
const NAME_BYTES = 63;
/** No statement about savepoints has more words than `ROLLBACK TRANSACTION TO SAVEPOINT a`. */
const WORDS_MAX = 5;
/** The first words of what is looked for. */
const FIRST_WORDS = String.raw`(?:savepoint|release|rollback|abort|commit|end|prepare)\b`;
const MAY_HOLD_ONE = new RegExp(String.raw`\b${FIRST_WORDS}`, 'i');
/** A statement that begins with another word, behind comments that hold no comments. */
const COMMENTS = String.raw`(?:\s|--[^\n\r]*[\n\r]|/\*(?:(?!\*/|/\*)[^])*\*/)*`;
const IS_ANOTHER = new RegExp(String.raw`^${COMMENTS}(?!${FIRST_WORDS})[a-z(]`, 'i');

interface Word {
  readonly text: string;
  readonly isQuoted: boolean;
}

/**
 * Reads what the statements of a text do to savepoints, and which of them end the transaction; strings, comments, the names in
 * quotes and the bodies of functions are none of them. The server carries out nothing of a text that has no end.
 *
 * @see https://www.postgresql.org/docs/current/sql-rollback-to.html
 * @internal
 */
export function transactionSteps(text: string): TransactionStep[] {
  if (!MAY_HOLD_ONE.test(text) || (!text.includes(';') && IS_ANOTHER.test(text))) return [];
  try {
    return statementsOf(text)
      .map(stepOf)
      .filter((step) => step !== undefined);
  } catch (error) {
    if (error instanceof UnterminatedSqlError) return [];
    throw error;
  }
}

/** The words with which each statement begins. */
function statementsOf(text: string): readonly (readonly Word[])[] {
  let words: Word[] = [];
  const statements = [words];
  let shape = new StatementShape();
  for (const token of sqlTokens(text)) {
    if (token.kind === 'space' || token.kind === 'comment') continue;
    const written = text.slice(token.start, token.end);
    if (written === ';' && shape.isComplete) {
      shape = new StatementShape();
      statements.push((words = []));
    } else {
      shape.add(token, written);
      if (words.length < WORDS_MAX) words.push(wordOf(token, written));
    }
  }
  return statements;
}

function stepOf([first, ...rest]: readonly Word[]): TransactionStep | undefined {
  switch (first && keyword(first)) {
    case 'savepoint':
      return { kind: 'savepoint', name: nameOf(rest) };
    case 'release':
      return { kind: 'release', name: nameOf(without(rest, 'savepoint')) };
    case 'rollback':
    case 'abort':
      return rollback(without(rest, 'work', 'transaction'));
    case 'commit':
    case 'end':
      return { kind: 'end' };
    case 'prepare':
      return keyword(rest[0]) === 'transaction' ? { kind: 'end' } : undefined;
    default:
      return undefined;
  }
}

function rollback([to, ...rest]: readonly Word[]): TransactionStep {
  if (keyword(to) !== 'to') return { kind: 'end' };
  return { kind: 'rollback to', name: nameOf(without(rest, 'savepoint')) };
}

/** Without the first word, where that is one of some, and not the last. */
function without(words: readonly Word[], ...optional: readonly string[]): readonly Word[] {
  const [first, second] = words;
  return second !== undefined && optional.includes(keyword(first) ?? '') ? words.slice(1) : words;
}

function wordOf({ kind }: SqlToken, written: string): Word {
  if (kind === 'name')
    return { text: written.slice(written.indexOf('"') + 1, -1).replaceAll('""', '"'), isQuoted: true };
  return { text: kind === 'word' ? written : '', isQuoted: false };
}

function keyword(word: Word | undefined): string | undefined {
  return word === undefined || word.isQuoted
    ? undefined
    : word.text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** As the server reads a name: A to Z in lower case, unless it is quoted, and no longer than it keeps. */
function nameOf([name]: readonly Word[]): string {
  const read = keyword(name) ?? name?.text ?? '';
  return Buffer.byteLength(read) <= NAME_BYTES ? read : Buffer.from(read).toString('latin1', 0, NAME_BYTES);
}
