import { asPgClient, isOpenOnPg, queryPg, type PgClient } from '../pg-client.js';
import { captured, hasMethods, type DetectingTransactionAdapter } from '../transaction-adapter.js';

/** The client of a Knex transaction, which has one connection. */
interface TransactionClient {
  readonly transacting?: boolean;
  acquireConnection?(): PromiseLike<unknown>;
}

/** What is used of a Knex transaction. */
interface KnexTransaction {
  readonly isTransaction?: boolean;
  readonly client?: TransactionClient;
  raw(text: string, bindings: readonly unknown[]): PromiseLike<unknown>;
  isCompleted?(): boolean;
}

const CONNECTIONS = new WeakMap<object, PgClient>();

/**
 * Knex: the `trx` of `knex.transaction(async (trx) => …)`, and so Objection's. Statements go to the transaction's connection,
 * past `postProcessResponse`.
 *
 * @see https://knexjs.org/guide/transactions.html
 * @internal
 */
export const knexAdapter: DetectingTransactionAdapter<KnexTransaction> = {
  name: 'Knex',
  hooks: '`postProcessResponse`',
  detects: (value) => typeof value === 'function' && hasMethods(value, 'raw', 'transaction'),
  /** One proxy may stand for the transactions of many flows: it is read once. */
  resolve(trx) {
    const { client, isTransaction = false } = trx;
    const isCompleted = captured(trx, 'isCompleted');
    if (client === undefined || isCompleted === undefined) return trx;
    return { client, isTransaction, isCompleted, raw: captured(trx, 'raw') };
  },
  isDirect: (trx) => trx.client?.transacting === true,
  async run(trx, text, values) {
    if (trx.isCompleted?.()) throw new Error('the transaction is complete');
    const connection = await connectionOf(trx);
    if (connection !== undefined) return queryPg(connection, text, values);
    const { sql, bindings } = withQuestionMarks(text, values);
    return trx.raw(sql, bindings);
  },
  isOpen(trx) {
    if (trx.isTransaction !== true || trx.isCompleted?.() !== false) return false;
    return isOpenOnPg(pgClientOf(trx)) ?? true;
  },
  sessionOf: (trx) => trx.client ?? trx,
  pgClientOf,
};

/** Known from the first statement on. */
function pgClientOf({ client }: KnexTransaction): PgClient | undefined {
  return client === undefined ? undefined : CONNECTIONS.get(client);
}

/** Only the client of a transaction has a connection that need not be given back. */
async function connectionOf({ client }: KnexTransaction): Promise<PgClient | undefined> {
  if (client?.transacting !== true) return undefined;
  const known = CONNECTIONS.get(client);
  if (known !== undefined) return known;
  const connection = asPgClient(await client.acquireConnection?.());
  if (connection !== undefined) CONNECTIONS.set(client, connection);
  return connection;
}

/** Knex writes a parameter as `?`, and a question mark (there may be one in a table's name) as `\?`. */
function withQuestionMarks(text: string, values: readonly unknown[]): { sql: string; bindings: unknown[] } {
  const bindings: unknown[] = [];
  const sql = text.replaceAll('?', '\\?').replace(/"(?:[^"]|"")*"|\$(\d+)/g, (match, position?: string) => {
    if (position === undefined) return match;
    bindings.push(values[Number(position) - 1]);
    return '?';
  });
  return { sql, bindings };
}
