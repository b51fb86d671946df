import type { Client, Pool } from 'pg';
import { TransactionStateError } from '../errors/transaction-state.error.js';
import type { LockWork } from '../core/pg-lock-parts.js';
import { readLockTimeout, TIMEOUT_CALL, type LockTimeoutOptions } from '../locks/lock-timeout.js';
import { readModelLock, type ModelLockOptions } from '../locks/model-lock.js';
import { FlowContext } from '../session/flow-context.js';
import { SessionScopes } from '../session/scoped-pool-scope.js';
import { resolveTarget } from '../transaction/resolve-target.js';
import { assertWork } from '../vocabulary/assert-work.js';
import type { Duration } from '../vocabulary/duration.js';
import type { LockTarget } from '../vocabulary/lock-target.js';
import { memoryDriver, memoryPool } from './memory-pool.js';
import { MemoryTransactions } from './memory-transactions.js';
import type { MemoryLockTable } from './memory-lock-table.js';
import { MemoryTransactionBackend } from './memory-transaction-backend.js';
import { XactLocks, type XactLocksContext } from '../locks/xact-locks.js';

/** What the work of a tested application stands on: its own pool, if it lends one, and no server of ours. @internal */
export interface MemoryWorkInit extends Omit<
  XactLocksContext,
  'transactions' | 'backend' | 'ambientTimeoutMs'
> {
  readonly pool: Pool | undefined;
  readonly table: MemoryLockTable;
}

/** Lock timeouts that no statement feels; advisory locks wait no longer than they say. @internal */
export class MemoryLockTimeouts {
  constructor(private readonly scopes: SessionScopes) {}

  get ambientMs(): number | null | undefined {
    return this.scopes.current?.lockTimeoutMs;
  }

  async run<T>(
    duration: Duration | null,
    options: LockTimeoutOptions,
    work: (() => Promise<T> | T) | undefined,
  ): Promise<T> {
    assertWork(work, TIMEOUT_CALL);
    const timeoutMs = readLockTimeout(duration, options);
    if (options.transaction !== undefined) return work();
    return this.scopes.withLockTimeout(timeoutMs, async () => work());
  }
}

/** Table locks that are always had: checked as the real ones are, as far as that needs no server. @internal */
export class MemoryModelLocks {
  constructor(private readonly transactions: MemoryTransactions) {}

  lock(targets: LockTarget | readonly LockTarget[], options: ModelLockOptions = {}): Promise<boolean> {
    return Promise.resolve().then(() => this.locked(targets, options));
  }

  private locked(targets: LockTarget | readonly LockTarget[], options: ModelLockOptions): true {
    const { list, signal } = readModelLock(targets, options);
    for (const target of list) resolveTarget(target, ANY_MODEL);
    signal?.throwIfAborted();
    if (options.transaction !== undefined || this.transactions.current() !== undefined) return true;
    throw new TransactionStateError(
      'A table lock needs a transaction: pass { transaction }, or call model() within pglock.transaction().',
    );
  }
}

/** Which table an entity class stands for only its ORM knows, and it is not asked here. */
const ANY_MODEL = { clientName: 'the testing module', tableOf: () => ({ table: 'model' }) };

/** The application's side of a database in memory: pool, transactions, table locks and timeouts. @internal */
export class MemoryWork implements LockWork {
  readonly pool: Pool;
  readonly transactions: MemoryTransactions;
  readonly models: MemoryModelLocks;
  readonly timeouts: MemoryLockTimeouts;
  readonly xact: XactLocks;
  /** Shown by no session, since there are none. */
  readonly flowContext = new FlowContext();
  readonly scopeSession = (): Promise<void> => Promise.resolve();

  constructor({ pool, table, ...context }: MemoryWorkInit) {
    const scopes = new SessionScopes();
    const sessions = (this.pool = pool ?? memoryPool(() => table.newPid()));
    this.timeouts = new MemoryLockTimeouts(scopes);
    const ambientTimeoutMs = () => this.timeouts.ambientMs;
    const backend = new MemoryTransactionBackend(table, ambientTimeoutMs);
    this.transactions = new MemoryTransactions(
      { connect: () => sessions.connect(), lockTimeoutMs: () => undefined },
      backend,
    );
    this.models = new MemoryModelLocks(this.transactions);
    this.xact = new XactLocks({ ...context, transactions: this.transactions, backend, ambientTimeoutMs });
  }

  get pgDriver(): { readonly Pool: typeof Pool; readonly Client: typeof Client } {
    return memoryDriver(this.pool);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
