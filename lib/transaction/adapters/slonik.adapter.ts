import { captured, hasMethods, type DetectingTransactionAdapter } from '../transaction-adapter.js';

/** What is used of the connection that Slonik gives to the work of a transaction. */
interface SlonikConnection {
  query(query: object): Promise<unknown>;
  readonly connect?: unknown;
  readonly session?: object;
}

/** Slonik validates what a query answers where an interceptor does so; ours is not for it to judge. */
const ANYTHING = {
  parse: (value: unknown) => value,
  safeParse: (data: unknown) => ({ success: true, data }),
  safeParseAsync: (data: unknown) => Promise.resolve({ success: true, data }),
};

/**
 * Slonik: the connection of `pool.transaction(async (connection) => …)`.
 *
 * @see https://github.com/gajus/slonik#transactions
 * @internal
 */
export const slonikAdapter: DetectingTransactionAdapter<SlonikConnection> = {
  name: 'Slonik',
  hooks: 'an interceptor (`transformRow`), or a type parser',
  passesUnknownTypes: true,
  detects: (value) => hasMethods(value, 'anyFirst', 'maybeOneFirst', 'query', 'transaction'),
  /** One proxy may stand for the transactions of many flows: it is read once. */
  resolve(connection) {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- says which connection it is
    const { connect, query: session } = connection;
    return { query: captured(connection, 'query'), connect, session };
  },
  run: (connection, sql, values) =>
    connection.query({ type: 'SLONIK_TOKEN_QUERY', sql, values: [...values], parser: ANYTHING }),
  // Only a pool connects; of a connection nothing tells whether it is in a transaction.
  isOpen: (connection) => (typeof connection.connect === 'function' ? false : undefined),
  sessionOf: (connection) => connection.session ?? connection,
};
