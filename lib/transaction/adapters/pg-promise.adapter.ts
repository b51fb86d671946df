import { captured, hasMethods, type DetectingTransactionAdapter } from '../transaction-adapter.js';

/** What is used of a pg-promise `ITask`. */
interface PgPromiseTask {
  readonly ctx?: object & { readonly inTransaction?: boolean; readonly finish?: unknown };
  result(query: { readonly text: string; readonly values: unknown[] }): Promise<unknown>;
}

/**
 * pg-promise: the `t` of `db.tx(async (t) => …)`, and a task within one. Statements go as parametrised queries.
 *
 * @see https://vitaly-t.github.io/pg-promise/Database.html#tx
 * @internal
 */
export const pgPromiseAdapter: DetectingTransactionAdapter<PgPromiseTask> = {
  name: 'pg-promise',
  hooks: 'the event `receive`, or a type parser',
  passesUnknownTypes: true,
  detects: (value) => hasMethods(value, 'oneOrNone', 'manyOrNone', 'txIf', 'result'),
  /** One proxy may stand for the transactions of many flows: it is read once. */
  resolve(task) {
    const { ctx } = task;
    return ctx === undefined ? task : { ctx, result: captured(task, 'result') };
  },
  run: (task, text, values) => task.result({ text, values: [...values] }),
  isOpen: ({ ctx }) => ctx?.inTransaction === true && !ctx.finish,
  sessionOf: (task) => task.ctx ?? task,
};
