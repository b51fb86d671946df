import { overhearCalls } from '../overheard-calls.js';
import { hasMethods, type DetectingTransactionAdapter } from '../transaction-adapter.js';

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
  executeQuery(query: CompiledQuery): Promise<unknown>;
  withoutPlugins?(): KyselyTransaction;
  getExecutor?(): object;
}

interface ResolvedTransaction extends KyselyTransaction {
  /** One for each transaction, whatever proxy stands for it. */
  readonly session?: object;
  /** What its user commits or rolls back by hand. */
  readonly controlled?: object;
}

/** Each waits until no statement of the transaction is running. */
const ENDS = ['commit', 'rollback', 'rollbackToSavepoint', 'releaseSavepoint'];

/**
 * Kysely: the `trx` of `db.transaction().execute(…)`, or a controlled transaction of `db.startTransaction()`. Plugins are
 * left out.
 *
 * @see https://kysely.dev/docs/examples/transactions/simple-transaction
 * @internal
 */
export const kyselyAdapter: DetectingTransactionAdapter<ResolvedTransaction> = {
  name: 'Kysely',
  hooks: 'a plugin (`transformResult`), or a type parser of the driver',
  passesUnknownTypes: true,
  detects: (value) => 'isTransaction' in value && hasMethods(value, 'executeQuery'),
  resolve(trx) {
    const plain = trx.withoutPlugins?.() ?? trx;
    return {
      isTransaction: trx.isTransaction,
      // Of a proxy these may be another transaction's tomorrow; the plain one shares the state of the real one.
      get isCommitted() {
        return plain.isCommitted as boolean;
      },
      get isRolledBack() {
        return plain.isRolledBack as boolean;
      },
      executeQuery: (query) => plain.executeQuery(query),
      session: trx.getExecutor?.() ?? trx,
      ...(hasMethods(trx, 'commit', 'rollback') ? { controlled: trx } : {}),
    };
  },
  run: (trx, text, values) => trx.executeQuery(compiled(text, values)),
  isOpen(trx) {
    if (!trx.isTransaction || trx.isCommitted || trx.isRolledBack) return false;
    return trx.isCommitted === false ? true : undefined;
  },
  sessionOf: (trx) => trx.session ?? trx,
  watchGiveUp: ({ controlled }, gaveUp) => controlled && overhearCalls(controlled, ENDS, gaveUp),
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
