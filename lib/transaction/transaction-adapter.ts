import type { NamedTable } from '../vocabulary/lock-target.js';

/** One row of an answer, by column name. @publicApi */
export type TransactionRow = Readonly<Record<string, unknown>>;

/**
 * How the library talks through an open transaction of one database client. Adapters for the usual clients come with the
 * library; teach it another with `registerTransactionAdapter`.
 *
 * An adapter never begins, commits or rolls back: the transaction is the caller's. The library itself sends
 * `SAVEPOINT`, `ROLLBACK TO SAVEPOINT` and `RELEASE SAVEPOINT` through {@link run}.
 *
 * @example
 * registerTransactionAdapter({
 *   name: 'My client',
 *   detects: (value) => value instanceof MyTransaction,
 *   run: (tx: MyTransaction, text, values) => tx.query(text, [...values]),
 * });
 * @publicApi
 */
export interface TransactionAdapter<Transaction extends object = object> {
  /** What error messages call the client, such as `'TypeORM'`. */
  readonly name: string;
  /** What in this client may change what comes back, such as `` `postProcessResponse` ``: for the message of an error. */
  readonly hooks?: string;
  /** Whether a value of a type that the client does not know comes back as text. @default false */
  readonly passesUnknownTypes?: boolean;
  /** Whether {@link run} reaches the driver past all plugins, so that an answer cannot be lost on the way. @default false */
  readonly isDirect?: (transaction: Transaction) => boolean;
  /**
   * Sends one statement on the transaction's own connection and resolves to its rows; to whatever else for a command.
   *
   * `text` has `$1` placeholders, `values` are strings, numbers and booleans. A query answers with one text, which is found
   * wherever it is in what comes back: rows as objects or arrays, columns renamed or not. Errors may come wrapped, as long
   * as the SQLSTATE is found on the error or along its `cause`, `original`, `driverError` or `meta`.
   */
  run(transaction: Transaction, text: string, values: readonly unknown[]): PromiseLike<unknown>;
  /**
   * The transaction itself, where an object stands for whatever transaction the running flow is in (a proxy, an entity
   * manager with a context). Called once for each call of the library, synchronously; everything after goes to what it gives.
   */
  resolve?(transaction: Transaction): Transaction;
  /**
   * Runs statements that may fail so that the client forgets their error, in a scope of its own; left out where it minds none.
   */
  scope?<T>(transaction: Transaction, work: (inner: Transaction) => Promise<T>): Promise<T>;
  /**
   * Tells when the client gives up the transaction by itself while a statement of the library still runs in it, where the
   * statement's promise does not tell.
   *
   * @returns a function that stops looking; undefined where nothing tells.
   */
  watchGiveUp?(transaction: Transaction, gaveUp: () => unknown): (() => void) | undefined;
  /**
   * Whether the transaction is open, as far as the client knows without asking the server. `undefined` where it does
   * not know: then the server is asked, by the `SAVEPOINT` that is sent anyway.
   */
  isOpen?(transaction: Transaction): boolean | undefined;
  /** The table of a model (an entity class) of this client; `undefined` when it does not know the model. */
  tableOf?(transaction: Transaction, model: object): NamedTable | undefined;
  /** The same object for all objects that stand for one session. Left out: the transaction itself. */
  sessionOf?(transaction: Transaction): object;
  /** The `pg` client underneath, where it can be reached: it tells when the transaction ends and when the session is lost. */
  pgClientOf?(transaction: Transaction): object | undefined;
}

/** An adapter that also recognises its transactions. @publicApi */
export interface DetectingTransactionAdapter<
  Transaction extends object = object,
> extends TransactionAdapter<Transaction> {
  /** Whether a value is a transaction of this client, judged by its shape alone. Must not send anything. */
  detects(value: object): boolean;
}

/** Whether a value has all of these methods. @internal */
export function hasMethods(value: object, ...methods: readonly string[]): boolean {
  return methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function');
}

/** A method as it is at this moment: what stands for many transactions gives that of another one later. @internal */
export function captured<Target extends object, Name extends keyof Target>(
  target: Target,
  name: Name,
): Target[Name] {
  const method = target[name];
  return typeof method === 'function' ? (method.bind(target) as Target[Name]) : method;
}
