/** What a statement does to the savepoints of a transaction, or to the transaction. @internal */
export type TransactionStep =
  | { readonly kind: 'savepoint' | 'release' | 'rollback to'; readonly name: string }
  | { readonly kind: 'end' };

/** Longer names are cut by the server. */
const NAME_BYTES = 63;
/** No statement about savepoints has more words than `ROLLBACK TRANSACTION TO SAVEPOINT a`. */
const WORDS_MAX = 5;
/** Comments nest. */
const COMMENT = [1, 2, 3].reduce(
  (inner) => String.raw`/\*(?:[^*/]|\*(?!/)|/(?!\*)|${inner})*\*/`,
  String.raw`/\*(?:[^*/]|\*(?!/)|/(?!\*))*\*/`,
);
const STRING = String.raw`e'(?:[^'\\]|\\[^]|'')*'|'(?:[^']|'')*'|\$(?<tag>\w*)\$[^]*?\$\k<tag>\$`;
const WORD = String.raw`"(?<quoted>(?:[^"]|"")*)"|(?<word>[\p{L}_][\p{L}\p{N}_$]*)`;
const TOKEN = new RegExp(
  String.raw`(?<skipped>\s+|--[^\n]*|${COMMENT}|${STRING})|(?<end>;)|${WORD}|[^]`,
  'giu',
);
/** The first words of what is looked for. */
const MAY_HOLD_ONE = /savepoint|release|rollback|abort|commit|end|prepare/i;

interface Word {
  readonly text: string;
  readonly isQuoted: boolean;
}

/**
 * Reads what the statements of a text do to savepoints, and which of them end the transaction; strings, comments and the names
 * in quotes are none of them.
 *
 * @see https://www.postgresql.org/docs/current/sql-rollback-to.html
 * @internal
 */
export function transactionSteps(text: string): TransactionStep[] {
  const steps: TransactionStep[] = [];
  if (!MAY_HOLD_ONE.test(text)) return steps;
  let words: Word[] = [];
  const finish = () => {
    const step = stepOf(words);
    if (step !== undefined) steps.push(step);
    words = [];
  };
  for (const { groups } of text.matchAll(TOKEN)) {
    if (groups?.end !== undefined) finish();
    else if (groups?.skipped === undefined && words.length < WORDS_MAX) words.push(wordOf(groups));
  }
  finish();
  return steps;
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

function wordOf(groups: Readonly<Record<string, string | undefined>> | undefined): Word {
  const quoted = groups?.quoted;
  return quoted === undefined
    ? { text: groups?.word ?? '', isQuoted: false }
    : { text: quoted.replaceAll('""', '"'), isQuoted: true };
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
