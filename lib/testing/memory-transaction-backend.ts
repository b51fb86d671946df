import type { TransactionWatcher } from '../transaction/pg-session-watch.js';
import { noTransaction } from '../transaction/transaction-errors.js';
import { LockContext } from '../locks/lock-context.js';
import type {
  AskedInTransaction,
  LockingTransaction,
  TransactionBackend,
  TransactionLockRequest,
} from '../locks/transaction-backend.js';
import { notAvailable } from '../locks/xact-lock-error.js';
import { LockUnavailable } from '../locks/xact-lock-wait.js';
import type { MemoryLock, MemoryLockTable } from './memory-lock-table.js';
import { MemoryClient } from './memory-pool.js';
import { MemorySession } from './memory-session.js';

/**
 * Transactions without a server. Those of `pglock.transaction` and `xact` keep their locks until they end. The end of one that
 * a test passes in cannot be seen: its locks are acquired only if nothing conflicts, and kept for the work of `advisory`.
 *
 * @internal
 */
export class MemoryTransactionBackend implements TransactionBackend {
  private readonly sessions = new WeakMap<object, MemorySession>();

  constructor(
    private readonly table: MemoryLockTable,
    private readonly ambientTimeoutMs: () => number | null | undefined,
  ) {}

  /** A transaction whose end will be told. */
  begin(transaction: object): MemorySession {
    const session = new MemorySession(this.table, true);
    this.sessions.set(transaction, session);
    return session;
  }

  /** It has ended: its client is in none any more, unless it belongs to a pool that gives it to others. */
  end(transaction: object, session: MemorySession): void {
    session.end();
    if (!(transaction instanceof MemoryClient)) this.sessions.delete(transaction);
  }

  open(transaction: object): LockingTransaction {
    return new MemoryTransaction(transaction, this.sessionOf(transaction), this.ambientTimeoutMs);
  }

  /** The session of a transaction. @throws {TransactionStateError} when it is known to have ended. */
  sessionOf(transaction: object): MemorySession {
    const session = this.sessions.get(transaction) ?? new MemorySession(this.table, false);
    if (session.isOpen === false) throw noTransaction('pg');
    this.sessions.set(transaction, session);
    return session;
  }

  freshToken(): Promise<bigint> {
    return Promise.resolve(this.table.nextToken());
  }
}

/** One call in a transaction: what it took is its own where the transaction's end is not told. */
class MemoryTransaction implements LockingTransaction {
  private readonly taken: MemoryLock[] = [];

  constructor(
    readonly transaction: object,
    private readonly session: MemorySession,
    private readonly ambientTimeoutMs: () => number | null | undefined,
  ) {}

  get isOpen(): boolean | undefined {
    return this.session.isOpen;
  }

  async lock({ keys, shared, timeoutMs, signal }: TransactionLockRequest): Promise<number> {
    const limitMs = timeoutMs === undefined ? this.ownLimitMs() : timeoutMs;
    const others = Array.from(LockContext.current?.all() ?? [], ({ queue }) => queue.key.text);
    const taken = await this.session.lock(keys, shared, { limitMs, signal, others });
    if (taken === null) throw new LockUnavailable();
    this.taken.push(...taken);
    return this.session.pid;
  }

  private ownLimitMs(): number | null {
    const ambientMs = this.ambientTimeoutMs();
    const ownMs = ambientMs === undefined ? this.session.lockTimeoutMs : ambientMs;
    return ownMs ?? null;
  }

  errorFor(cause: unknown, asked: AskedInTransaction): unknown {
    return cause instanceof LockUnavailable ? notAvailable(asked, undefined) : cause;
  }

  watch(watcher: TransactionWatcher): boolean {
    this.session.watchers.add(watcher);
    return this.session.endIsKnown;
  }

  onWorkOver(): Promise<void> {
    if (!this.session.endIsKnown) this.session.free(this.taken.splice(0));
    return Promise.resolve();
  }
}
