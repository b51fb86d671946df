import { replicaError } from '../session/server-check.js';
import { lockXact, tryLockXact, type XactLockRow } from '../sql/advisory-xact-lock.js';
import { OpenTransaction } from '../transaction/open-transaction.js';
import type { TransactionWatcher } from '../transaction/pg-session-watch.js';
import type {
  AskedInTransaction,
  LockingTransaction,
  TransactionBackend,
  TransactionLockRequest,
} from './transaction-backend.js';
import { xactLockError } from './xact-lock-error.js';
import { LockUnavailable, type XactWait } from './xact-lock-wait.js';

/** What {@link ServerTransactions} works with. @internal */
export interface ServerTransactionsInit {
  readonly wait: XactWait;
  /** Whether locks are taken on a read replica as well. */
  readonly allowStandby: boolean;
  /** A transaction id that no transaction had before, from another connection. */
  readonly freshToken: () => Promise<bigint>;
  /** The `pg` client of a backend, where its transaction does not show it: of our pool. */
  readonly clientOf: (pid: number) => object | undefined;
}

/** Transactions of PostgreSQL, of whatever client. @internal */
export class ServerTransactions implements TransactionBackend {
  constructor(private readonly init: ServerTransactionsInit) {}

  open(transaction: object): LockingTransaction {
    return new ServerTransaction(OpenTransaction.of(transaction), this.init);
  }

  freshToken(): Promise<bigint> {
    return this.init.freshToken();
  }
}

class ServerTransaction implements LockingTransaction {
  constructor(
    private readonly open: OpenTransaction,
    private readonly init: ServerTransactionsInit,
  ) {}

  get transaction(): object {
    return this.open.transaction;
  }

  get isOpen(): boolean | undefined {
    return this.open.isOpen;
  }

  async lock({ keys, shared, timeoutMs, signal }: TransactionLockRequest): Promise<number> {
    const { open } = this;
    const { wait, allowStandby } = this.init;
    if (timeoutMs !== 0) {
      const statement = lockXact(keys, shared, allowStandby);
      return pidOf(
        await open.withSavepoint(() => wait.run<XactLockRow>(open, statement, { timeoutMs, signal })),
      );
    }
    const tryOnce = async () =>
      pidOf(await wait.once<XactLockRow>(open, tryLockXact(keys, shared, allowStandby)));
    // One try of one key takes all or nothing, and a transaction that is known to be open needs no savepoint to find out.
    return keys.length === 1 ? open.inTurnOrSavepoint(tryOnce) : open.withSavepoint(tryOnce);
  }

  errorFor(cause: unknown, asked: AskedInTransaction): unknown {
    return xactLockError(cause, asked, this.open);
  }

  watch(watcher: TransactionWatcher, pid: number): boolean {
    return this.open.watch(watcher, this.init.clientOf(pid));
  }

  /** The lock lasts as long as the transaction. */
  async onWorkOver(): Promise<void> {}
}

function pidOf([row]: readonly XactLockRow[]): number {
  if (row?.recovery === true && row.granted === null) throw replicaError('a transaction-level lock');
  if (row?.granted !== true) throw new LockUnavailable(undefined, row?.pid);
  return row.pid;
}
