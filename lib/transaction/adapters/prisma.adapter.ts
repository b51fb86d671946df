import type { TransactionAdapter, TransactionRow } from '../transaction-adapter.js';

/** What is used of Prisma's interactive transaction client. */
interface PrismaTransaction {
  $queryRawUnsafe(text: string, ...values: unknown[]): Promise<TransactionRow[]>;
  $executeRawUnsafe(text: string, ...values: unknown[]): Promise<number>;
}

/**
 * Prisma 7 with a driver adapter: the `tx` of `prisma.$transaction(async (tx) => …)`. The values are parameters; "Unsafe"
 * only means that Prisma cannot check the text.
 *
 * @see https://www.prisma.io/docs/orm/prisma-client/queries/transactions#interactive-transactions
 * @internal
 */
export const prismaAdapter: TransactionAdapter<PrismaTransaction> = {
  name: 'Prisma',
  async run(tx, text, values) {
    if (/^(SELECT|WITH)\b/.test(text)) return tx.$queryRawUnsafe(text, ...values);
    await tx.$executeRawUnsafe(text, ...values);
    return [];
  },
  // Only the root client connects; of a transaction client nothing tells whether it has ended.
  isOpen: (tx) => ('$connect' in tx ? false : undefined),
};
