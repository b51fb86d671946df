import type { TransactionAdapter, TransactionRow } from '../transaction-adapter.js';

/** What is used of a Knex transaction. */
interface KnexTransaction {
  readonly isTransaction?: boolean;
  raw(text: string, bindings: readonly unknown[]): PromiseLike<{ readonly rows?: TransactionRow[] }>;
  isCompleted?(): boolean;
}

/**
 * Knex: the `trx` of `knex.transaction(async (trx) => …)`.
 *
 * @see https://knexjs.org/guide/transactions.html
 * @internal
 */
export const knexAdapter: TransactionAdapter<KnexTransaction> = {
  name: 'Knex',
  async run(trx, text, values) {
    const { sql, bindings } = withQuestionMarks(text, values);
    const { rows } = await trx.raw(sql, bindings);
    return Array.isArray(rows) ? rows : [];
  },
  isOpen: (trx) => trx.isTransaction === true && trx.isCompleted?.() === false,
};

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
