import type { SqlToken } from './sql-tokens.js';

const HEAD = 4;

/**
 * What is known of a statement while it is read: whether a semicolon ends it, and whether it is a COPY that reads data.
 *
 * @internal
 */
export class StatementShape {
  readonly #head: string[] = [];
  #parentheses = 0;
  /** Depth of `BEGIN ATOMIC` and of `CASE` inside of one. */
  #blocks = 0;
  #begins = false;
  #from = false;
  #readsCopyData = false;

  /** Whether a semicolon here would end the statement. */
  get isComplete(): boolean {
    return this.#parentheses === 0 && this.#blocks === 0;
  }

  get readsCopyData(): boolean {
    return this.#readsCopyData;
  }

  /** Takes the next token that means something. */
  add({ kind }: SqlToken, text: string): void {
    if (text === '(') this.#parentheses += 1;
    else if (text === ')') this.#parentheses = Math.max(0, this.#parentheses - 1);
    const word = kind === 'word' ? text.toLowerCase() : '';
    if (this.#parentheses === 0) {
      this.#body(word);
      this.#copy(word);
    }
    if (this.#head.length < HEAD) this.#head.push(word);
  }

  /** `:'name'` and `:"name"` are psql's, and mean nothing else. */
  isVariable(text: string, whole: string, start: number): boolean {
    const quoted = text.startsWith("'") || text.startsWith('"');
    return quoted && whole[start - 1] === ':' && whole[start - 2] !== ':';
  }

  #body(word: string): void {
    if (word === '') return void (this.#begins = false);
    if (this.#begins && word === 'atomic') this.#blocks += 1;
    else if (this.#blocks > 0 && (word === 'case' || word === 'begin')) this.#blocks += 1;
    else if (this.#blocks > 0 && word === 'end') this.#blocks -= 1;
    this.#begins = word === 'begin' && this.#isRoutine;
  }

  get #isRoutine(): boolean {
    const [create, first, second, third] = this.#head;
    const what = first === 'or' && second === 'replace' ? third : first;
    return create === 'create' && (what === 'function' || what === 'procedure');
  }

  #copy(word: string): void {
    if (this.#head[0] !== 'copy' || word === '') return;
    if (this.#from && word === 'stdin') this.#readsCopyData = true;
    this.#from = word === 'from';
  }
}
