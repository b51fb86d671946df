/** One statement: text with `$1` placeholders, and the values that belong to them. @internal */
export interface Statement {
  /** Given, the server keeps the statement prepared under this name for the connection. */
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** One that the server keeps prepared. @internal */
export type NamedStatement = Required<Statement>;

/** Whatever runs one statement and returns its rows: a connection, a pool, a caller's transaction. @internal */
export interface StatementRunner {
  query<Row extends object>(statement: Statement): Promise<Row[]>;
}
