import { decodedAnswer, encodedAnswer } from '../sql/answer.js';
import type { Statement } from '../sql/statement.js';
import { sendTogether } from './flight.js';

const BEGINNINGS = new WeakMap<object, Beginning>();

/**
 * A transaction of the module's own that begins with its first lock, in one flight: *waiting* until then, *begun* when the lock
 * was granted, *failed* when it was not, so that there is only something to roll back.
 *
 * @internal
 */
export class Beginning {
  #state: 'waiting' | 'begun' | 'failed' = 'waiting';

  private constructor(
    private readonly client: { query(query: object): unknown },
    private readonly statements: readonly Statement[],
  ) {}

  /** Notes that the transaction of a client is to begin with what is asked in it first. */
  static of(client: { query(query: object): unknown }, statements: readonly Statement[]): Beginning {
    const beginning = new Beginning(client, statements);
    BEGINNINGS.set(client, beginning);
    return beginning;
  }

  /** That of a client whose transaction has not begun yet. */
  static waitingOn(client: object): Beginning | undefined {
    const beginning = BEGINNINGS.get(client);
    return beginning?.state === 'waiting' ? beginning : undefined;
  }

  get state(): 'waiting' | 'begun' | 'failed' {
    return this.#state;
  }

  /** It begins, or is over, without any lock. */
  forget(): void {
    BEGINNINGS.delete(this.client);
  }

  /** Begins with a query; what goes before and after it answers nothing. @returns its rows; undefined when they got lost. */
  async query(
    statement: Statement,
    {
      before = [],
      after = [],
    }: { readonly before?: readonly Statement[]; readonly after?: readonly Statement[] } = {},
  ): Promise<readonly object[] | undefined> {
    const first = [...this.statements, ...before];
    this.#state = 'failed';
    const answers = await sendTogether(this.client, [...first, encodedAnswer(statement), ...after]);
    const rows = decodedAnswer(answers[first.length]);
    if (rows !== undefined) this.#state = 'begun';
    return rows;
  }
}
