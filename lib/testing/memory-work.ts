import type { Client, Pool } from 'pg';
import { TransactionStateError } from '../errors/transaction-state.error.js';
import type { LockServerInit } from '../core/lock-server.js';
import type { LockWork } from '../core/pg-lock-parts.js';
import type { FlowTransaction } from '../locks/commit-watch.js';
import { readLockTimeout, TIMEOUT_CALL, type LockTimeoutOptions } from '../locks/lock-timeout.js';
import { readModelLock, type ModelLockOptions } from '../locks/model-lock.js';
import type { FindHolder } from '../locks/named-holder.js';
import { XactLocks } from '../locks/xact-locks.js';
import { noTransactionsError } from '../vocabulary/closed-error.js';
import { FlowContext } from '../session/flow-context.js';
import { SessionScopes } from '../session/scoped-pool-scope.js';
import type { InTransaction } from '../transaction/ambient-transaction.js';
import { resolveTarget } from '../transaction/resolve-target.js';
import type { Flow } from '../vocabulary/flow-variable.js';
import { assertWork } from '../vocabulary/assert-work.js';
import type { Duration } from '../vocabulary/duration.js';
import type { LockTarget } from '../vocabulary/lock-target.js';
import type { MemoryLockTable } from './memory-lock-table.js';
import { memoryDriver, MemoryPool } from './memory-pool.js';
import { MemoryTransactionBackend } from './memory-transaction-backend.js';
import { MemoryTransactions } from './memory-transactions.js';

/** What the work of a tested application stands on: its own pool, if it lends one, and no server of ours. @internal */
export interface MemoryWorkInit extends Pick<
  LockServerInit,
  'options' | 'names' | 'held' | 'source' | 'sessions'
> {
  readonly table: MemoryLockTable;
  readonly findHolder: FindHolder;
}

/** Lock timeouts that no statement feels; advisory locks wait no longer than they say. @internal */
export class MemoryLockTimeouts {
  constructor(
    private readonly scopes: SessionScopes,
    private readonly backend: MemoryTransactionBackend,
  ) {}

  get ambientMs(): number | null | undefined {
    return this.scopes.current?.lockTimeoutMs;
  }

  ambientMsIn(flow: Flow): number | null | undefined {
    return this.scopes.in(flow)?.lockTimeoutMs;
  }

  async run<T>(
    duration: Duration | null,
    options: InTransaction<LockTimeoutOptions>,
    work: (() => Promise<T> | T) | undefined,
  ): Promise<T> {
    assertWork(work, TIMEOUT_CALL);
    const timeoutMs = readLockTimeout(duration, options);
    const { transaction } = options;
    if (transaction === undefined) return this.scopes.withLockTimeout(timeoutMs, async () => work());
    return this.backend.sessionOf(transaction).withLockTimeout(timeoutMs, work);
  }
}

/** Table locks that are always acquired: checked as the real ones are, as far as that needs no server. @internal */
export class MemoryModelLocks {
  constructor(
    private readonly transactions: MemoryTransactions,
    private readonly backend: MemoryTransactionBackend,
  ) {}

  lock(
    targets: LockTarget | readonly LockTarget[],
    options: InTransaction<ModelLockOptions> = {},
  ): Promise<boolean> {
    return Promise.resolve().then(() => this.locked(targets, options));
  }

  private locked(
    targets: LockTarget | readonly LockTarget[],
    options: InTransaction<ModelLockOptions>,
  ): true {
    const { list, signal } = readModelLock(targets, options);
    signal?.throwIfAborted();
    const transaction = options.transaction ?? this.transactions.current();
    if (transaction === undefined)
      throw new TransactionStateError(
        'A table lock needs a transaction: pass { transaction }, or call model() within pglock.transaction().',
      );
    this.backend.sessionOf(transaction);
    for (const target of list) resolveTarget(target, ANY_MODEL);
    return true;
  }
}

/** Which table an entity class stands for only its ORM knows, and it is not asked here. */
const ANY_MODEL = {
  clientName: 'the testing module',
  tableOf: (model: object) => (isPlain(model) ? undefined : { table: 'model' }),
};

function isPlain(model: object): boolean {
  return Object.getPrototypeOf(model) === Object.prototype;
}

/** The application's side of a database in memory: pool, transactions, table locks and timeouts. @internal */
export class MemoryWork implements LockWork {
  readonly pool: Pool;
  readonly transactions: MemoryTransactions;
  readonly models: MemoryModelLocks;
  readonly timeouts: MemoryLockTimeouts;
  readonly xact: XactLocks;
  readonly flowTransaction: FlowTransaction;
  /** Shown by no session, since there are none. */
  readonly flowContext = new FlowContext();
  readonly scopeSession = (): Promise<void> => Promise.resolve();
  private readonly own: MemoryPool | undefined;
  private readonly backend: MemoryTransactionBackend;
  private isClosed = false;

  constructor({ table, options, ...context }: MemoryWorkInit) {
    const scopes = new SessionScopes();
    this.own = options.pool === undefined ? new MemoryPool(() => table.newPid()) : undefined;
    this.pool = options.pool ?? (this.own as unknown as Pool);
    const ambientTimeoutMs = () => this.timeouts.ambientMs;
    const backend = (this.backend = new MemoryTransactionBackend(table, ambientTimeoutMs));
    this.timeouts = new MemoryLockTimeouts(scopes, backend);
    const lockTimeoutMs = () => undefined;
    this.transactions = new MemoryTransactions({ connect: () => this.connect(), lockTimeoutMs }, backend);
    this.flowTransaction = flowTransaction(this.transactions, backend);
    this.models = new MemoryModelLocks(this.transactions, backend);
    this.xact = new XactLocks({
      ...{ ...context, transactions: this.transactions, backend, ambientTimeoutMs },
      defaults: options.advisory,
    });
  }

  get pgDriver(): { readonly Pool: typeof Pool; readonly Client: typeof Client } {
    return memoryDriver(this.pool);
  }

  /** The backend of a given transaction, or of the ambient one. @throws {TransactionStateError} when it has ended. */
  pidOf(given: object | undefined): number | undefined {
    const transaction = given ?? this.transactions.peek();
    return transaction && this.backend.sessionOf(transaction).pid;
  }

  /** The lent pool stays its owner's. */
  close(): Promise<void> {
    this.isClosed = true;
    if (this.own !== undefined) this.own.ended = true;
    return Promise.resolve();
  }

  private async connect() {
    if (this.isClosed) throw noTransactionsError();
    return this.pool.connect();
  }
}

/** Only those of `pglock.transaction` are seen. */
function flowTransaction(
  transactions: MemoryTransactions,
  backend: MemoryTransactionBackend,
): FlowTransaction {
  const own = () => {
    const client = transactions.peek();
    return client && backend.sessionOf(client).transaction;
  };
  return { own, visible: () => Promise.resolve(own()) };
}
