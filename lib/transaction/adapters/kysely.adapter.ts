import type { TransactionAdapter, TransactionRow } from '../transaction-adapter.js';

/** Kysely's `CompiledQuery`, as `CompiledQuery.raw` makes it. */
interface CompiledQuery {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  readonly query: {
    readonly kind: 'RawNode';
    readonly sqlFragments: readonly string[];
    readonly parameters: readonly unknown[];
  };
  readonly queryId: { readonly queryId: string };
}

/** What is used of Kysely's `Transaction` and `ControlledTransaction`. */
interface KyselyTransaction {
  readonly isTransaction: boolean;
  readonly isCommitted?: boolean;
  readonly isRolledBack?: boolean;
  executeQuery(query: CompiledQuery): Promise<{ readonly rows: TransactionRow[] }>;
}

/**
 * Kysely: the `trx` of `db.transaction().execute(…)`, or a controlled transaction of `db.startTransaction()`.
 *
 * @see https://kysely.dev/docs/examples/transactions/simple-transaction
 * @internal
 */
export const kyselyAdapter: TransactionAdapter<KyselyTransaction> = {
  name: 'Kysely',
  async run(trx, text, values) {
    return (await trx.executeQuery(compiled(text, values))).rows;
  },
  isOpen(trx) {
    if (!trx.isTransaction || trx.isCommitted || trx.isRolledBack) return false;
    return trx.isCommitted === false ? true : undefined;
  },
};

let queries = 0;

function compiled(sql: string, parameters: readonly unknown[]): CompiledQuery {
  return {
    sql,
    parameters,
    query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
    queryId: { queryId: `pglock_${++queries}` },
  };
}
