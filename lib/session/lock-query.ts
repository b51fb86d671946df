import type { Client, QueryResult } from 'pg';
import { asText } from '../sql/binary-values.js';
import type { NamedStatement } from '../sql/statement.js';

/** The part of `pg`'s connection that sends the messages of a query. */
interface QueryConnection {
  readonly stream: { cork(): void; uncork(): void };
  readonly parsedStatements: Readonly<Record<string, string>>;
  parse(message: { readonly name: string; readonly text: string }): void;
  bind(message: { readonly statement: string; readonly values: readonly unknown[] }): void;
  execute(message: object): void;
  sync(): void;
}

type NumbersCallback = (error: Error | null, numbers: readonly number[]) => void;

/**
 * A named statement whose rows are one number each, in the place of `pg`'s own query: a lock costs two of these. It asks
 * for no description of the row and builds no result.
 *
 * @see https://node-postgres.com/apis/cursor another query that is handed to `client.query()`
 * @internal
 */
class LockQuery {
  readonly name: string;
  readonly text: string;
  private readonly numbers: number[] = [];

  constructor(
    private readonly statement: NamedStatement,
    private readonly callback: NumbersCallback,
  ) {
    this.name = statement.name;
    this.text = statement.text;
  }

  submit(client: unknown): void {
    const { name, text } = this;
    const connection = client as QueryConnection;
    connection.stream.cork();
    if (connection.parsedStatements[name] === undefined) connection.parse({ name, text });
    connection.bind({ statement: name, values: this.statement.values });
    connection.execute({});
    connection.sync();
    connection.stream.uncork();
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.numbers.push(Number(fields[0]));
  }

  handleCommandComplete(): void {
    // `ReadyForQuery` comes behind it, and only then the connection takes the next one.
  }

  handleError(error: Error): void {
    this.callback(error, []);
  }

  handleReadyForQuery(): void {
    this.callback(null, this.numbers);
  }
}

/** Runs a named statement whose rows are one number each. @internal */
export function queryNumbers(client: Client, statement: NamedStatement, callback: NumbersCallback): void {
  if ((client as unknown as { connection?: unknown }).connection !== undefined) {
    client.query(new LockQuery(statement, callback));
    return;
  }
  // `pg-native` speaks no messages of ours, and no binary values.
  const { name, text, values } = statement;
  client.query(
    { name, text, values: values.map(asText) },
    (error: Error | null, result: QueryResult<object>) =>
      callback(error, error ? [] : result.rows.map((row) => Number(Object.values(row)[0]))),
  );
}
