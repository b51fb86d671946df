import { captured, type DetectingTransactionAdapter } from '../transaction-adapter.js';

interface PendingQuery extends PromiseLike<unknown> {
  /** Rows as lists of the bytes that the server sent, past every `types` and `transform`. */
  raw?(): PromiseLike<unknown>;
  /** How it will be sent: one for each connection or scope that `sql` stands for. */
  readonly handler?: object;
}

/** What is used of the `sql` of `sql.begin`, and of that of `sql.reserve` after `BEGIN`. @internal */
export interface PostgresJsSql {
  unsafe(text: string, values: unknown[]): PendingQuery;
  savepoint?<T>(work: (sql: PostgresJsSql) => Promise<T>): Promise<T>;
  readonly release?: unknown;
  readonly begin?: unknown;
  readonly session?: object;
}

/** Whether a value is the `sql` of postgres.js, in a transaction or not. @internal */
export function isPostgresJs(value: unknown): value is PostgresJsSql {
  return typeof value === 'function' && 'unsafe' in value && 'typed' in value;
}

/**
 * postgres.js: the `sql` of `sql.begin(async (sql) => …)`, or one of `sql.reserve()` between `BEGIN` and `COMMIT`.
 *
 * It remembers every error of a scope, also one that was caught, and rolls back at the scope's end. So what may fail runs in
 * `sql.savepoint`, a scope of its own.
 *
 * @see https://github.com/porsager/postgres#transactions
 * @internal
 */
export const postgresJsAdapter: DetectingTransactionAdapter<PostgresJsSql> = {
  name: 'postgres.js',
  hooks: '`transform.row`, or a replacement of `unsafe`',
  passesUnknownTypes: true,
  detects: isPostgresJs,
  /** One proxy may stand for the transactions of many flows: it is read once. A query that is not awaited is not sent. */
  resolve(sql) {
    const { handler } = sql.unsafe('', []);
    if (handler === undefined) return sql;
    const { begin, release } = sql;
    const savepoint = captured(sql, 'savepoint');
    return {
      unsafe: captured(sql, 'unsafe'),
      ...(savepoint && { savepoint }),
      ...(begin === undefined ? {} : { begin }),
      ...(release === undefined ? {} : { release }),
      session: handler,
    };
  },
  isDirect: () => true,
  run(sql, text, values) {
    const pending = sql.unsafe(text, [...values]);
    return pending.raw === undefined ? pending : pending.raw();
  },
  scope: (sql, work) => (sql.savepoint === undefined ? work(sql) : sql.savepoint(work)),
  // Only the root begins; of the others nothing tells whether the transaction has ended.
  isOpen: (sql) => (typeof sql.begin === 'function' ? false : undefined),
  sessionOf: (sql) => sql.session ?? sql,
};
