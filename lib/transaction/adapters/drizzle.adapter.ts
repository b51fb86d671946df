import type { TransactionAdapter, TransactionRow } from '../transaction-adapter.js';

/** The part of Drizzle's `SQL` that `execute` needs: built SQL with its parameters. */
interface BuiltSql {
  getSQL(): BuiltSql;
  toQuery(): { readonly sql: string; readonly params: unknown[] };
}

/** What is used of a Drizzle `PgTransaction`, on node-postgres or another of its drivers. */
interface DrizzleTransaction {
  readonly session?: { readonly client?: object };
  execute(query: BuiltSql): Promise<TransactionRow[] | { readonly rows: TransactionRow[] }>;
}

/**
 * Drizzle: the `tx` of `db.transaction(async (tx) => …)`.
 *
 * @see https://orm.drizzle.team/docs/transactions
 * @internal
 */
export const drizzleAdapter: TransactionAdapter<DrizzleTransaction> = {
  name: 'Drizzle',
  async run(tx, text, values) {
    const answer = await tx.execute(built(text, values));
    return Array.isArray(answer) ? answer : answer.rows;
  },
  // `rollback` is what only a transaction has; whether it has ended, Drizzle does not say.
  isOpen: (tx) => ('rollback' in tx ? undefined : false),
  sessionOf: (tx) => tx.session ?? tx,
  pgClientOf: (tx) => tx.session?.client,
};

function built(text: string, values: readonly unknown[]): BuiltSql {
  const self: BuiltSql = { getSQL: () => self, toQuery: () => ({ sql: text, params: [...values] }) };
  return self;
}
