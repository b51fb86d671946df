import type { Statement } from '../sql/statement.js';
import { FIRST_TEXT } from '../sql/statement-text.js';

/** What is used of `pg`'s connection: the messages of the extended protocol. */
interface Connection {
  readonly stream: { cork(): void; uncork(): void };
  parse(message: { readonly text: string }): void;
  bind(message: { readonly values: readonly (string | null)[] }): void;
  execute(message: object): void;
  sync(): void;
}

type Fields = readonly unknown[];

interface Sender {
  query(query: object): unknown;
}

/**
 * Several statements in one write, answered together: they are on their way before the first is answered. When one fails,
 * those behind it are not run. Stands in the place of `pg`'s own query.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 * @see https://node-postgres.com/apis/cursor another query that is handed to `client.query()`
 * @internal
 */
class Flight {
  /** `pg` puts its `query_timeout` around it. */
  callback: (error: unknown) => void;
  readonly [FIRST_TEXT]: string;
  /** Whether it was sent: what wraps `query` may make a plain object of it, which is none. */
  isSubmitted = false;
  readonly #statements: readonly Statement[];
  readonly #answers: Fields[][];
  #answered = 0;

  constructor(statements: readonly Statement[], settled: (error: unknown, answers: Fields[][]) => void) {
    this.#statements = statements;
    this[FIRST_TEXT] = statements[0]?.text ?? '';
    this.#answers = statements.map(() => []);
    this.callback = (error) => settled(error, this.#answers);
  }

  submit(sender: unknown): void {
    this.isSubmitted = true;
    const connection = sender as Connection;
    connection.stream.cork();
    for (const { text, values = [] } of this.#statements) {
      connection.parse({ text });
      connection.bind({
        values: values.map((value) => (value === null ? null : String(value as string | number | boolean))),
      });
      connection.execute({});
    }
    connection.sync();
    connection.stream.uncork();
  }

  handleDataRow({ fields }: { readonly fields: Fields }): void {
    this.#answers[this.#answered]?.push(fields);
  }

  handleCommandComplete(): void {
    this.#answered++;
  }

  handleError(error: unknown): void {
    this.callback(error);
  }

  handleReadyForQuery(): void {
    this.callback(null);
  }
}

/** Whether several statements can go to a client in one write: of `pg`, but not of `pg-native`, nor with its own pipeline. @internal */
export function canFly(client: object): boolean {
  const { connection, pipeline } = client as {
    connection?: { readonly parse?: unknown; readonly stream?: { readonly cork?: unknown } };
    pipeline?: unknown;
  };
  return (
    typeof connection?.parse === 'function' && typeof connection.stream?.cork === 'function' && !pipeline
  );
}

/**
 * Sends several statements in one write; one after the other where that cannot be.
 *
 * @returns the rows of each, as lists of what the server wrote; or what the client made of them.
 * @internal
 */
export async function sendTogether(
  client: Sender,
  statements: readonly Statement[],
): Promise<readonly unknown[]> {
  return (canFly(client) ? await fly(client, statements) : undefined) ?? sendInTurn(client, statements);
}

/** @returns undefined when it was not sent as it is. */
function fly(client: Sender, statements: readonly Statement[]): Promise<Fields[][] | undefined> {
  return new Promise((resolve, reject) => {
    const flight = new Flight(statements, (error, answers) => {
      if (!flight.isSubmitted) resolve(undefined);
      else if (error) reject(error);
      else resolve(answers);
    });
    client.query(flight);
  });
}

async function sendInTurn(client: Sender, statements: readonly Statement[]): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const { text, values } of statements)
    answers.push(await client.query({ text, ...(values && { values: [...values] }) }));
  return answers;
}
