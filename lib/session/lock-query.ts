import type { Client, QueryResult } from 'pg';
import { asText } from '../sql/binary-values.js';
import type { NamedStatement, Statement } from '../sql/statement.js';
import { isUnprepared } from '../vocabulary/sqlstate.js';
import { preparedMessage } from './prepared-message.js';

/** The part of `pg`'s connection that sends the messages of a query. */
interface QueryConnection {
  readonly stream: { readonly writable: boolean; write(message: Buffer): void; cork(): void; uncork(): void };
  readonly parsedStatements: Record<string, string | undefined>;
  /** What was sent to be parsed, and is not answered yet; from 8.23 on. */
  readonly submittedNamedStatements?: Record<string, string>;
  parse(message: { readonly name: string; readonly text: string }): void;
  bind(message: { readonly statement: string; readonly values: readonly unknown[] }): void;
  execute(message: object): void;
  sync(): void;
}

/** A client as far as a {@link LockQuery} knows it: 8.23 takes only queries of its own class into a pipeline. */
interface QueryClient {
  readonly connection?: unknown;
  readonly constructor: { readonly Query?: { readonly prototype: object } };
}

type NumbersCallback = (error: Error | null, numbers: readonly number[]) => void;

/**
 * Runs a named statement whose rows are one number each.
 *
 * @param followedBy a statement without values and rows, in the same message and so in the same transaction; only where
 * the client {@link speaksProtocol}.
 * @internal
 */
export type NumbersRunner = (
  statement: NamedStatement,
  callback: NumbersCallback,
  followedBy?: Statement,
) => void;

const NONE: readonly number[] = [];

/**
 * A named statement whose rows are one number each, in the place of `pg`'s own query: a lock costs two of these. It asks
 * for no description of the row and builds no result, which makes a lock a third cheaper for this process (`npm run bench`,
 * 100 tasks at once). A second statement may follow in the same message; it must return no rows.
 *
 * @see https://node-postgres.com/apis/cursor another query that is handed to `client.query()`
 * @internal
 */
class LockQuery {
  readonly name: string;
  readonly text: string;
  private numbers: number[] | undefined;

  constructor(
    private readonly statement: NamedStatement,
    private readonly followedBy: Statement | undefined,
    readonly callback: NumbersCallback,
  ) {
    this.name = statement.name;
    this.text = statement.text;
  }

  submit(connection: QueryConnection): void {
    const { stream } = connection;
    if (this.followedBy !== undefined || !this.isPrepared(connection)) this.submitInParts(connection);
    else if (stream.writable) stream.write(preparedMessage(this.statement));
  }

  private submitInParts(connection: QueryConnection): void {
    connection.stream.cork();
    this.parse(connection);
    connection.bind({ statement: this.name, values: this.statement.values });
    connection.execute({});
    if (this.followedBy !== undefined) {
      // Behind the first, so that the answer to a `Parse` of the first is taken for that of the first.
      connection.parse({ name: '', text: this.followedBy.text });
      connection.bind({ statement: '', values: [] });
      connection.execute({});
    }
    connection.sync();
    connection.stream.uncork();
  }

  /** Whether the server has it prepared, or will have by then. */
  private isPrepared({ parsedStatements, submittedNamedStatements }: QueryConnection): boolean {
    return parsedStatements[this.name] !== undefined || submittedNamedStatements?.[this.name] !== undefined;
  }

  private parse(connection: QueryConnection): void {
    const { name, text } = this;
    const submitted = connection.submittedNamedStatements;
    if (this.isPrepared(connection)) return;
    connection.parse({ name, text });
    if (submitted !== undefined) submitted[name] = text;
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    (this.numbers ??= []).push(Number(fields[0]));
  }

  handleCommandComplete(): void {
    // `ReadyForQuery` comes behind it, and only then the connection takes the next one.
  }

  handleError(error: Error, connection?: QueryConnection): void {
    // The one before it, which was to prepare the statement for both, was cancelled before it came to that.
    if (isUnprepared(error) && connection !== undefined) connection.parsedStatements[this.name] = undefined;
    this.callback(error, []);
  }

  handleReadyForQuery(): void {
    this.callback(null, this.numbers ?? NONE);
  }
}

const queryClasses = new WeakMap<object, typeof LockQuery>();

/** The class whose instances a client takes for queries of its own; none of the code of that class runs. */
function queryClassOf(client: QueryClient): typeof LockQuery {
  const own = client.constructor.Query;
  if (own === undefined) return LockQuery;
  const known = queryClasses.get(own);
  if (known !== undefined) return known;
  const derived = class extends LockQuery {};
  // Between: an instance has the methods of `LockQuery`, and passes for a query of the client.
  const methods = Object.getOwnPropertyDescriptors(LockQuery.prototype);
  const between = Object.create(own.prototype, methods) as object;
  Object.setPrototypeOf(derived.prototype, between);
  queryClasses.set(own, derived);
  return derived;
}

/** Whether a client speaks the protocol itself, as `pg-native` does not. @internal */
export function speaksProtocol(client: Client): boolean {
  return (client as unknown as QueryClient).connection !== undefined;
}

/** Whether a client has several statements under way when it is given them (`pg` from 8.23 on). @internal */
export function hasPipeline(client: Client): boolean {
  return (client as unknown as { pipeline?: unknown }).pipeline === true;
}

/** How a client runs a lock's statements. @internal */
export function numbersRunner(client: Client): NumbersRunner {
  if (!speaksProtocol(client)) return runByDriver.bind(undefined, client);
  const Query = queryClassOf(client as unknown as QueryClient);
  return (statement, callback, followedBy) => void client.query(new Query(statement, followedBy, callback));
}

/** `pg-native` speaks no messages of ours, and no binary values. */
function runByDriver(
  client: Client,
  { name, text, values }: NamedStatement,
  callback: NumbersCallback,
): void {
  client.query(
    { name, text, values: values.map(asText) },
    (error: Error | null, result: QueryResult<object>) =>
      callback(error, error ? [] : result.rows.map((row) => Number(Object.values(row)[0]))),
  );
}
