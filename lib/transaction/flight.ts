import type { Statement } from '../sql/statement.js';
import { FIRST_TEXT } from '../sql/statement-text.js';
import { isWaiting } from '../sql/waiting.js';
import { NEVER_MS } from './pg-client.js';

/** What is used of `pg`'s connection: the messages of the extended protocol. */
interface Connection {
  readonly stream: { cork(): void; uncork(): void };
  parse(message: { readonly text: string }): void;
  bind(message: { readonly values: readonly (string | null)[] }): void;
  execute(message: object): void;
  sync(): void;
}

type Fields = readonly unknown[];

/** What several statements are handed to. @internal */
export interface FlightClient {
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
  client: FlightClient,
  statements: readonly Statement[],
): Promise<readonly unknown[]> {
  return (canFly(client) ? await fly(client, statements) : undefined) ?? sendInTurn(client, statements);
}

/**
 * Sends statements of a transaction in one write, to a client that {@link canFly}; its `query_timeout` counts only where one
 * waits for locks.
 *
 * @returns the rows of each, as lists of what the server wrote; undefined when nothing was sent.
 * @internal
 */
export function flyTogether(
  client: FlightClient,
  statements: readonly Statement[],
): Promise<Fields[][] | undefined> {
  const waits = statements.some(({ text }) => isWaiting(text));
  return fly(client, statements, waits ? {} : { query_timeout: NEVER_MS });
}

function fly(
  client: FlightClient,
  statements: readonly Statement[],
  options: { readonly query_timeout?: number } = {},
): Promise<Fields[][] | undefined> {
  return new Promise((resolve, reject) => {
    const flight = new Flight(statements, (error, answers) => {
      if (!flight.isSubmitted) resolve(undefined);
      else if (error) reject(error);
      else resolve(answers);
    });
    client.query(Object.assign(flight, options));
  });
}

async function sendInTurn(client: FlightClient, statements: readonly Statement[]): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const { text, values } of statements)
    answers.push(await client.query({ text, ...(values && { values: [...values] }) }));
  return answers;
}
