import { TransactionStateError } from '../errors/transaction-state.error.js';
import { printable } from '../vocabulary/printable.js';
import { adapterOf } from './transaction-adapters.js';

/**
 * Finds the transaction that the running flow is in, synchronously: the transaction, an object that stands for it, or
 * undefined where the flow is in none.
 *
 * @publicApi
 */
export type TransactionResolver = () => object | undefined;

/** An open transaction of any supported client; `'ambient'` for the one that the running flow is in. @publicApi */
export type TransactionOption = object | 'ambient';

/** Options whose transaction is known. @internal */
export type InTransaction<Options> = Omit<Options, 'transaction'> & { readonly transaction?: object };

const registered: TransactionResolver[] = [];
const discovered = new Set<TransactionResolver>();

/**
 * Registers, for the whole process, where `transaction: 'ambient'` finds the transaction of the running flow. The
 * latest is asked first, after the module's own (`pglock.transaction`). nestjs-cls, typeorm-transactional and MikroORM are found
 * by themselves in an application of Nest.
 *
 * @example registerTransactionResolver(() => storage.getStore()?.tx)
 * @returns a function that forgets the resolver again.
 * @publicApi
 */
export function registerTransactionResolver(resolver: TransactionResolver): () => void {
  const entry: TransactionResolver = () => resolver();
  registered.unshift(entry);
  return () => {
    const position = registered.indexOf(entry);
    if (position !== -1) registered.splice(position, 1);
  };
}

/** As {@link registerTransactionResolver}, for what an application is seen to have; asked last. @internal */
export function discoverTransactionResolver(resolver: TransactionResolver): () => void {
  discovered.add(resolver);
  return () => discovered.delete(resolver);
}

/**
 * The transaction that the running flow is in. Sends nothing.
 *
 * @throws {TransactionStateError} when the flow is in several of those that were discovered.
 * @internal
 */
export function ambientTransaction(): object | undefined {
  for (const resolve of registered) {
    const found = resolve();
    if (found !== undefined) return found;
  }
  const known = new Map<object, object>();
  for (const resolve of discovered) {
    const found = resolve();
    // Two that know of one transaction may have different objects for it.
    if (found !== undefined) known.set(sessionOf(found), found);
  }
  const [found, ...others] = known.values();
  if (others.length === 0) return found;
  throw new TransactionStateError(
    `This flow is in ${others.length + 1} transactions at once: pass the one that is meant, or register a resolver with registerTransactionResolver().`,
  );
}

function sessionOf(transaction: object): object {
  const adapter = adapterOf(transaction);
  const real = adapter.resolve?.(transaction) ?? transaction;
  return adapter.pgClientOf?.(real) ?? adapter.sessionOf?.(real) ?? real;
}

/**
 * What the option `transaction` of a verb says: undefined where it is left out.
 *
 * @param own the module's own ambient transaction.
 * @throws {TransactionStateError} when the key is there without a transaction, or `'ambient'` finds none.
 * @internal
 */
export function givenTransaction(
  options: object | undefined,
  own: () => object | undefined,
): object | undefined {
  // What is no object is refused by the verb itself.
  if (typeof options !== 'object' || (options as unknown) === null || !('transaction' in options))
    return undefined;
  const { transaction } = options;
  const found = transaction === 'ambient' ? (own() ?? ambientTransaction()) : transaction;
  if (typeof found === 'object' ? found !== null : typeof found === 'function') return found as object;
  throw new TransactionStateError(
    transaction === 'ambient'
      ? `transaction: 'ambient' found none: this flow is in no transaction that pglock.transaction, nestjs-cls, typeorm-transactional, MikroORM or registerTransactionResolver() knows.`
      : `transaction is ${printable(transaction)}, so no transaction would hold the lock: pass an open one, or leave the option out.`,
  );
}
