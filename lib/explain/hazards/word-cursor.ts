import { sqlWords, type SqlWord } from '../split/sql-words.js';

/** Walks over the words of a statement. @internal */
export class WordCursor {
  readonly #sql: string;
  readonly #words: readonly SqlWord[];
  #at = 0;

  constructor(sql: string, words: readonly SqlWord[] = sqlWords(sql)) {
    this.#sql = sql;
    this.#words = words;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#words.length;
  }

  /** Whether these key words come next. */
  sees(...expected: readonly string[]): boolean {
    return expected.every((text, index) => this.#words[this.#at + index]?.text === text);
  }

  /** Passes these key words, where they come next. */
  takes(...expected: readonly string[]): boolean {
    if (!this.sees(...expected)) return false;
    this.#at += expected.length;
    return true;
  }

  /** Passes any of several phrases, as often as they come. */
  skips(...phrases: readonly string[]): void {
    while (phrases.some((phrase) => this.takes(...phrase.split(' ')))) continue;
  }

  /** A name as it was written, with its schema; empty where there is none. */
  name(): string {
    const parts: string[] = [];
    do {
      const word = this.#words[this.#at];
      if (word === undefined || (word.kind !== 'word' && word.kind !== 'name')) break;
      parts.push(this.#sql.slice(word.start, word.end));
      this.#at += 1;
    } while (this.takes('.'));
    return parts.join('.');
  }

  /** One word, as it was written. */
  next(): string {
    const word = this.#words[this.#at];
    this.#at += 1;
    return word?.text ?? '';
  }

  /** What is left, as it was written. */
  rest(): string {
    const word = this.#words[this.#at];
    const last = this.#words.at(-1);
    return word === undefined || last === undefined ? '' : this.#sql.slice(word.start, last.end);
  }

  /** What is left, cut at commas outside of parentheses. */
  parts(): WordCursor[] {
    const parts: SqlWord[][] = [[]];
    let depth = 0;
    for (const word of this.#words.slice(this.#at)) {
      if (word.text === '(' || word.text === '[') depth += 1;
      if (word.text === ')' || word.text === ']') depth -= 1;
      if (word.text === ',' && depth === 0) parts.push([]);
      else parts.at(-1)?.push(word);
    }
    return parts.filter((part) => part.length > 0).map((part) => new WordCursor(this.#sql, part));
  }

  /** Whether a key word comes anywhere, outside of parentheses. */
  has(...phrase: readonly string[]): boolean {
    let depth = 0;
    return this.#words.some(({ text }, index) => {
      if (text === '(') depth += 1;
      if (text === ')') depth -= 1;
      return depth === 0 && phrase.every((word, offset) => this.#words[index + offset]?.text === word);
    });
  }
}
