import type { NamedTable } from '../vocabulary/lock-target.js';

/** One row of an answer, by column name. @publicApi */
export type TransactionRow = Readonly<Record<string, unknown>>;

/**
 * How the library talks through an open transaction of one database client. Eight come with the library; teach it
 * another with `registerTransactionAdapter`.
 *
 * An adapter never begins, commits or rolls back: the transaction is the caller's. The library itself sends
 * `SAVEPOINT`, `ROLLBACK TO SAVEPOINT` and `RELEASE SAVEPOINT` through {@link run}.
 *
 * @example
 * registerTransactionAdapter({
 *   name: 'postgres.js',
 *   detects: (value) => typeof value === 'function' && 'savepoint' in value,
 *   run: (sql: TransactionSql, text, values) => sql.unsafe(text, [...values]),
 * });
 * @publicApi
 */
export interface TransactionAdapter<Transaction extends object = object> {
  /** What error messages call the client, such as `'TypeORM'`. */
  readonly name: string;
  /**
   * Sends one statement on the transaction's own connection and resolves to its rows; to none for a command.
   *
   * `text` has `$1` placeholders, `values` are strings, numbers and booleans. `int4` must come back as a number and
   * `bool` as a boolean; column names are lower case, so that naming plugins leave them alone. Errors may come wrapped,
   * as long as the SQLSTATE is found on the error or along its `cause`, `original`, `driverError` or `meta`.
   */
  run(transaction: Transaction, text: string, values: readonly unknown[]): Promise<readonly TransactionRow[]>;
  /**
   * Whether the transaction is open, as far as the client knows without asking the server. `undefined` where it does
   * not know: then the server is asked, by the `SAVEPOINT` that is sent anyway.
   */
  isOpen?(transaction: Transaction): boolean | undefined;
  /** The table of a model (an entity class) of this client; `undefined` when it does not know the model. */
  tableOf?(transaction: Transaction, model: object): NamedTable | undefined;
  /** The same object for all objects that stand for one session. Left out: the transaction itself. */
  sessionOf?(transaction: Transaction): object;
  /** The `pg` client underneath, where it can be had: it tells when the transaction ends and when the session is lost. */
  pgClientOf?(transaction: Transaction): object | undefined;
}

/** An adapter that also knows its transactions by sight. @publicApi */
export interface DetectingTransactionAdapter<
  Transaction extends object = object,
> extends TransactionAdapter<Transaction> {
  /** Whether a value is a transaction of this client, judged by its shape alone. Must not send anything. */
  detects(value: object): boolean;
}
