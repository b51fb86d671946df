import { asPgClient, isOpenOnPg, queryPg, type PgClient } from '../pg-client.js';
import { captured, hasMethods, type DetectingTransactionAdapter } from '../transaction-adapter.js';
import { isPostgresJs, postgresJsAdapter } from './postgres-js.adapter.js';

/** The part of Drizzle's `SQL` that `execute` needs: built SQL with its parameters. */
interface BuiltSql {
  getSQL(): BuiltSql;
  toQuery(): { readonly sql: string; readonly params: unknown[] };
}

/** What is used of a Drizzle `PgTransaction`, on node-postgres or another of its drivers. */
interface DrizzleTransaction {
  readonly session?: { readonly client?: object };
  readonly rollback?: unknown;
  execute(query: BuiltSql): Promise<unknown>;
}

/**
 * Drizzle: the `tx` of `db.transaction(async (tx) => …)`, on node-postgres, postgres.js and its other drivers.
 *
 * @see https://orm.drizzle.team/docs/transactions
 * @internal
 */
export const drizzleAdapter: DetectingTransactionAdapter<DrizzleTransaction> = {
  name: 'Drizzle',
  hooks: 'a replacement of `execute`, or `transform` of postgres.js',
  detects: (value) => 'dialect' in value && 'session' in value && hasMethods(value, 'execute'),
  /** One proxy may stand for the transactions of many flows: it is read once. */
  resolve(tx) {
    const { session, rollback } = tx;
    return session === undefined ? tx : { session, rollback, execute: captured(tx, 'execute') };
  },
  isDirect: (tx) => clientOf(tx) !== undefined,
  run(tx, text, values) {
    const client = clientOf(tx);
    if (client !== undefined) return queryPg(client, text, values);
    const sql = tx.session?.client;
    return isPostgresJs(sql) ? postgresJsAdapter.run(sql, text, values) : tx.execute(built(text, values));
  },
  scope(tx, work) {
    const sql = tx.session?.client;
    if (!isPostgresJs(sql) || postgresJsAdapter.scope === undefined) return work(tx);
    return postgresJsAdapter.scope(sql, (client) => work({ ...tx, session: { client } }));
  },
  // `rollback` is what only a transaction has; whether it has ended, Drizzle does not say.
  isOpen: (tx) => (typeof tx.rollback === 'function' ? isOpenOnPg(clientOf(tx)) : false),
  sessionOf: (tx) => tx.session?.client ?? tx.session ?? tx,
  pgClientOf: clientOf,
};

function clientOf(tx: DrizzleTransaction): PgClient | undefined {
  return asPgClient(tx.session?.client);
}

function built(text: string, values: readonly unknown[]): BuiltSql {
  const self: BuiltSql = { getSQL: () => self, toQuery: () => ({ sql: text, params: [...values] }) };
  return self;
}
