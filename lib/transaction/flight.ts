import type { Statement } from '../sql/statement.js';

/** What is used of `pg`'s connection: the messages of the extended protocol. */
interface Connection {
  readonly stream: { cork(): void; uncork(): void };
  parse(message: { readonly text: string }): void;
  bind(message: { readonly values: readonly (string | null)[] }): void;
  execute(message: object): void;
  sync(): void;
}

type Fields = readonly unknown[];

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
  /** What it begins with, for whoever looks at the statements of a client. */
  readonly text: string;
  readonly #statements: readonly Statement[];
  readonly #answers: Fields[][];
  #answered = 0;

  constructor(statements: readonly Statement[], settled: (error: unknown, answers: Fields[][]) => void) {
    this.#statements = statements;
    this.text = statements[0]?.text ?? '';
    this.#answers = statements.map(() => []);
    this.callback = (error) => settled(error, this.#answers);
  }

  submit(sender: unknown): void {
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
 * @returns the rows of each, as lists of what the server wrote.
 * @internal
 */
export async function sendTogether(
  client: { query(query: object): unknown },
  statements: readonly Statement[],
): Promise<readonly (readonly Fields[])[]> {
  if (canFly(client))
    return new Promise((resolve, reject) => {
      client.query(new Flight(statements, (error, answers) => (error ? reject(error) : resolve(answers))));
    });
  const answers: Fields[][] = [];
  for (const { text, values } of statements) {
    const { rows } = (await client.query({ text, ...(values && { values: [...values] }) })) as {
      rows: object[];
    };
    answers.push(rows.map((row) => Object.values(row) as unknown[]));
  }
  return answers;
}
