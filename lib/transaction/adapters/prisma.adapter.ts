import { answersRows } from '../../sql/answer.js';
import { hasMethods, type DetectingTransactionAdapter } from '../transaction-adapter.js';

type Send = (text: string, ...values: unknown[]) => Promise<unknown>;

/** What is used of Prisma's interactive transaction client. */
interface PrismaTransaction {
  readonly $queryRawUnsafe: Send;
  readonly $executeRawUnsafe: Send;
  readonly $connect?: unknown;
  readonly [TRANSACTION_ID]?: unknown;
  readonly [SCOPE_CONTEXT]?: { readonly txId?: unknown };
}

/** Which of the two there is depends on the version. */
const TRANSACTION_ID = Symbol.for('prisma.client.transaction.id');
const SCOPE_CONTEXT = Symbol.for('prisma.client.transaction.scope_context');
const RESOLVED = new Map<unknown, WeakRef<PrismaTransaction>>();
const forgotten = new FinalizationRegistry<unknown>((id) => {
  if (RESOLVED.get(id)?.deref() === undefined) RESOLVED.delete(id);
});

/**
 * Prisma 7 with a driver adapter: the `tx` of `prisma.$transaction(async (tx) => …)`. The values are parameters; "Unsafe"
 * only means that Prisma cannot check the text.
 *
 * @see https://www.prisma.io/docs/orm/prisma-client/queries/transactions#interactive-transactions
 * @internal
 */
export const prismaAdapter: DetectingTransactionAdapter<PrismaTransaction> = {
  name: 'Prisma',
  hooks: '`$extends` (`query` or `result`) of the Prisma client',
  detects: (value) => hasMethods(value, '$queryRawUnsafe', '$executeRawUnsafe'),
  /** By the id of the transaction: several objects stand for one, and one proxy may stand for many. */
  resolve(tx) {
    const id = tx[TRANSACTION_ID] ?? tx[SCOPE_CONTEXT]?.txId;
    if (id === undefined) return tx;
    const known = RESOLVED.get(id)?.deref();
    if (known !== undefined) return known;
    const { $queryRawUnsafe, $executeRawUnsafe } = tx;
    const real: PrismaTransaction = {
      [TRANSACTION_ID]: id,
      $queryRawUnsafe: (text, ...values) => $queryRawUnsafe.call(tx, text, ...values),
      $executeRawUnsafe: (text, ...values) => $executeRawUnsafe.call(tx, text, ...values),
    };
    RESOLVED.set(id, new WeakRef(real));
    forgotten.register(real, id);
    return real;
  },
  run: (tx, text, values) =>
    answersRows(text) ? tx.$queryRawUnsafe(text, ...values) : tx.$executeRawUnsafe(text, ...values),
  // Only the root client connects; of a transaction client nothing tells whether it has ended.
  isOpen: (tx) => (typeof tx.$connect === 'function' ? false : undefined),
};
