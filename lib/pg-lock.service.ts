import type { ClientBase, Pool, PoolClient } from 'pg';
import type { LeadOptions } from './leadership/lead-options.js';
import type { Leaders } from './leadership/leaders.js';
import type { Leadership } from './leadership/leadership.js';
import type { AdvisoryLockOptions } from './locks/advisory-options.js';
import type { LockHandle } from './locks/lock-handle.js';
import { assertWork } from './vocabulary/assert-work.js';
import type { AdvisoryKey, ListedLockId, LockId } from './vocabulary/lock-id.js';
import type { LockTimeoutOptions } from './locks/lock-timeout.js';
import type { ModelLockOptions } from './locks/model-lock.js';
import type { TransactionLockHandle } from './locks/xact-lock-handle.js';
import type { PgLockEvents } from './core/pg-lock-events.js';
import type { BlockedPgLocks } from './inspection/blocked-pg-locks.js';
import type { PgLocks } from './inspection/pg-locks.js';
import type { PgLockParts } from './core/pg-lock-parts.js';
import type { PgDriver } from './core/transaction-services.js';
import type { FlowContextValues } from './session/flow-context.js';
import type { PrioritizeOptions } from './prioritize/prioritize-options.js';
import { PgLockJobs } from './jobs/pg-lock-jobs.js';
import type { LockStatus } from './telemetry/lock-status.js';
import type { TransactionOptions } from './transaction/transactions.js';
import type { Duration } from './vocabulary/duration.js';
import { outsideFlows } from './vocabulary/flow-variable.js';
import type { LockTarget } from './vocabulary/lock-target.js';

/** One id, or several to be acquired all together or not at all. @publicApi */
export type LockIds = LockId | readonly ListedLockId[];

/** Options with which a lock is acquired or an error thrown, so that there is always a result. @publicApi */
export interface ThrowingOptions {
  /** Contention is an error. */
  readonly onContention?: 'throw' | undefined;
}

/** Options that open a transaction for the lock; the work can query on its client. @publicApi */
export type XactOptions = AdvisoryLockOptions & {
  /** A transaction is opened, and holds the lock until it ends. */
  readonly xact: true;
  /** Not together with `xact`, which opens one. */
  readonly transaction?: never;
};

/** Options that take the lock in an open transaction of the caller. @publicApi */
export type InTransactionOptions<Transaction extends object> = AdvisoryLockOptions & {
  /** A transaction of `pg`, or of any supported ORM. */
  readonly transaction: Transaction;
  /** Not together with `transaction`: none is opened. */
  readonly xact?: false;
};

/**
 * PostgreSQL locks on one database; applications inject it. It sends nothing before a verb is called.
 *
 * @see https://www.postgresql.org/docs/current/explicit-locking.html
 *
 * @publicApi
 */
export class PgLockService {
  readonly #parts: PgLockParts;
  readonly #jobs: PgLockJobs;

  /** @internal */
  constructor(parts: PgLockParts) {
    this.#parts = parts;
    this.#jobs = new PgLockJobs(parts.jobs);
  }

  /**
   * Acquires an advisory lock, runs the work, and releases the lock: on success, on error, and when the process dies.
   *
   * Several ids are acquired all together or not at all, always in the same order, so that two callers cannot deadlock over
   * them. A flow gets no special treatment for locks that it holds itself: inside the work the same id is contention, unless
   * `reentrant` says that the inner work runs under the outer lock.
   *
   * Sends `SELECT pg_catalog.pg_try_advisory_lock($1)` on a connection that all locks of the process share, in one statement with
   * all other requests of the same turn of the event loop; if another session holds the lock,
   * `SELECT pg_catalog.pg_advisory_lock(…)` on a connection that only waits; at the end
   * `SELECT pg_catalog.pg_advisory_unlock($1)`.
   *
   * @param id a string (hashed), a bigint, a safe integer, a pair of int4, or a list of these.
   * @param work what to do while the lock is held; it gets the handle, whose `signal` aborts when the lock is lost.
   * @returns what the work returns; `undefined` when the lock was not acquired and `onContention` is `'skip'`.
   * @throws {LockNotAvailableError} when the lock was not acquired in time (`onContention: 'throw'`, the default here).
   * @throws {DeadlockError} when waiting could never end.
   * @throws {PgLockUsageError} on bad ids or options, before any SQL; and, with `reentrant`, when the flow holds the id shared
   * and requests it exclusively.
   * @throws {LockSessionError} when no connection for locks could be opened in time, or it ended during the request.
   * @throws {LockTableBudgetError} when the process holds its share of the server's lock table.
   * @throws {PoolerError} behind a transaction pooler.
   * @throws {ReadReplicaError} on a standby.
   * @throws {TransactionStateError} when `transaction` is not an open one, or with `xact` within an ambient transaction.
   * @see https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
   */
  advisory<R>(id: LockIds, work: (lock: LockHandle) => R | Promise<R>): Promise<R>;
  advisory<R>(
    id: LockIds,
    options: XactOptions & ThrowingOptions,
    work: (lock: TransactionLockHandle<PoolClient>) => R | Promise<R>,
  ): Promise<R>;
  advisory<R>(
    id: LockIds,
    options: XactOptions,
    work: (lock: TransactionLockHandle<PoolClient>) => R | Promise<R>,
  ): Promise<R | undefined>;
  advisory<R, Transaction extends object>(
    id: LockIds,
    options: InTransactionOptions<Transaction> & ThrowingOptions,
    work: (lock: TransactionLockHandle<Transaction>) => R | Promise<R>,
  ): Promise<R>;
  advisory<R, Transaction extends object>(
    id: LockIds,
    options: InTransactionOptions<Transaction>,
    work: (lock: TransactionLockHandle<Transaction>) => R | Promise<R>,
  ): Promise<R | undefined>;
  advisory<R>(
    id: LockIds,
    options: AdvisoryLockOptions & ThrowingOptions,
    work: (lock: LockHandle) => R | Promise<R>,
  ): Promise<R>;
  advisory<R>(
    id: LockIds,
    options: AdvisoryLockOptions,
    work: (lock: LockHandle) => R | Promise<R>,
  ): Promise<R | undefined>;
  advisory<R>(
    id: LockIds,
    optionsOrWork: AdvisoryLockOptions | UnderLock<R>,
    work?: UnderLock<R>,
  ): Promise<R | undefined> {
    if (typeof optionsOrWork === 'function' && work === undefined)
      return this.#advisory(id, undefined, optionsOrWork);
    return this.#advisory(id, optionsOrWork as AdvisoryLockOptions, work);
  }

  /** Hands promises on as they are: another one around each would be a tenth of what a lock costs. */
  #advisory<R>(
    id: LockIds,
    options: AdvisoryLockOptions | undefined,
    work: UnderLock<R> | undefined,
  ): Promise<R | undefined> {
    const { advisory } = this.#parts;
    if (isTransactional(options)) return this.#advisoryInTransaction(id, options, work);
    return advisory.run(id, options, work as ((lock: LockHandle) => R | Promise<R>) | undefined);
  }

  async #advisoryInTransaction<R>(
    id: LockIds,
    options: AdvisoryLockOptions,
    work: UnderLock<R> | undefined,
  ): Promise<R | undefined> {
    const { transactions, xact } = this.#parts.work;
    return xact.advisory(id, transactions.given(options), work);
  }

  /**
   * Acquires an advisory lock and returns a handle to it. The caller releases it: by `await using`, or `release()`. With `xact` or
   * `transaction` only the end of the transaction releases it.
   *
   * The handle belongs to no flow: requesting the id again is contention, and `isHeld` does not see it.
   *
   * Sends what {@link PgLockService.advisory} sends; in a transaction `SELECT pg_catalog.pg_advisory_xact_lock($1)`, with
   * `timeout: 0` `pg_try_advisory_xact_lock`.
   *
   * @returns the handle, or `null` when the lock was not acquired in time.
   * @throws {LockNotAvailableError} when it was not acquired in time and `onContention` is `'throw'`.
   * @throws {DeadlockError} when waiting could never end.
   * @throws {PgLockUsageError} on bad ids or options, before any SQL.
   * @throws {TransactionStateError} when `transaction` is not an open one.
   * @throws the other errors of {@link PgLockService.advisory}.
   * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS
   */
  acquire<Transaction extends object>(
    id: LockIds,
    options: InTransactionOptions<Transaction> & { readonly onContention: 'throw' },
  ): Promise<TransactionLockHandle<Transaction>>;
  acquire<Transaction extends object>(
    id: LockIds,
    options: InTransactionOptions<Transaction>,
  ): Promise<TransactionLockHandle<Transaction> | null>;
  acquire(
    id: LockIds,
    options: XactOptions & { readonly onContention: 'throw' },
  ): Promise<TransactionLockHandle<PoolClient>>;
  acquire(id: LockIds, options: XactOptions): Promise<TransactionLockHandle<PoolClient> | null>;
  acquire(
    id: LockIds,
    options: AdvisoryLockOptions & { readonly onContention: 'throw' },
  ): Promise<LockHandle>;
  acquire(id: LockIds, options?: AdvisoryLockOptions): Promise<LockHandle | null>;
  async acquire(id: LockIds, options?: AdvisoryLockOptions): Promise<LockHandle | null> {
    const { advisory, work } = this.#parts;
    if (isTransactional(options)) return work.xact.acquire(id, work.transactions.given(options));
    return advisory.acquire(id, options);
  }

  /** Whether the running async flow holds the id at this moment. Sends no SQL. @throws {PgLockUsageError} on a bad id. */
  isHeld(id: LockId): boolean {
    return this.#parts.held.isHeld(id);
  }

  /**
   * Throws unless the running async flow holds the id: for code that relies on a decorator far away. Sends no SQL.
   *
   * @throws {LockLostError} when it held the id, and has lost it.
   * @throws {PgLockUsageError} when it does not hold it.
   */
  assertHeld(id: LockId): void {
    this.#parts.held.assertHeld(id);
  }

  /**
   * Runs work outside of every flow of the library: it holds no locks, is in no transaction, and has no timeout, priority or
   * context. For code that merely happens to be started in a flow: queued tasks, timers, listeners. Sends no SQL.
   *
   * @example queue.add(() => pglock.detached(() => this.invoices.export()))
   * @returns what the work returns.
   * @throws {PgLockUsageError} when the work is not a function.
   */
  detached<R>(work: () => R): R {
    assertWork(work, 'detached(work)');
    return outsideFlows(work);
  }

  /**
   * Runs the work on exactly one of all processes that call it with the name, and stands by while another one leads.
   *
   * The lead is the advisory lock `leader:<name>`, which is held while the work runs. When it is lost, `leadership.signal`
   * aborts before another process can begin; when the work has ended, this process stands by again. After an error the work is
   * called again, after a pause; after `giveUpAfter` errors in a row another process gets the lead. At shutdown the lead is
   * resigned, and the next process begins when the work has ended.
   *
   * Runs outside of any flow. Sends `SELECT pg_catalog.pg_advisory_lock(…)` on one connection for each name, within
   * `sessions.max`; beyond that limit the remaining names share one query every 250 ms.
   *
   * @param name the name of the lead; namespaced as lock ids are.
   * @param work what the leader does while it leads; it gets the leadership, whose `signal` aborts when the work has to end.
   * @returns what the work returns, after which this process no longer stands by; `undefined` at shutdown.
   * @throws the last error of work that failed `giveUpAfter` times in a row.
   * @throws the reason of `options.signal`.
   * @throws {PgLockUsageError} on a bad name or option, before any SQL, and after the shutdown has begun.
   */
  lead<R>(name: string, work: (leadership: Leadership) => R | Promise<R>): Promise<R | undefined>;
  lead<R>(
    name: string,
    options: LeadOptions,
    work: (leadership: Leadership) => R | Promise<R>,
  ): Promise<R | undefined>;
  async lead<R>(
    name: string,
    optionsOrWork: LeadOptions | ((leadership: Leadership) => R | Promise<R>),
    work?: (leadership: Leadership) => R | Promise<R>,
  ): Promise<R | undefined> {
    const { leaders } = this.#parts;
    if (typeof optionsOrWork === 'function' && work === undefined)
      return leaders.lead(name, undefined, optionsOrWork);
    return leaders.lead(name, optionsOrWork as LeadOptions, work);
  }

  /** Whether this process leads the name at this moment. Sends no SQL. @throws {PgLockUsageError} on a bad name. */
  isLeader(name: string): boolean {
    return this.#parts.leaders.isLeader(name);
  }

  /** The leaders of all replicas: `find()`. */
  get leaders(): Leaders {
    return this.#parts.leaders;
  }

  /**
   * Locks tables until the transaction ends, which releases them; without `transaction`, in the ambient one of
   * {@link PgLockService.transaction}.
   *
   * Sends `LOCK TABLE "billing"."invoices" IN ACCESS EXCLUSIVE MODE` after a savepoint: with `NOWAIT` if the timeout is 0,
   * else with `lock_timeout` set for it and restored. Several tables are locked in the order of their names.
   *
   * @example await pglock.model([User, 'billing.invoices'], { transaction: tx, mode: 'SHARE', timeout: 0 })
   * @returns true; or false, with the transaction as it was before, when a table was not locked in time.
   * @throws {TransactionStateError} when no transaction is open.
   * @throws {PgLockUsageError} on no table, an unknown mode, an unreadable timeout. Nothing was sent.
   * @throws {LockTargetError} when there is no such table, or the ORM of the transaction does not know the model.
   * @throws {LockNotAvailableError} when a table was not locked in time, with `onContention: 'throw'`.
   * @throws {PermissionError} when the role may not lock the table.
   * @throws {DeadlockError} when waiting could never end.
   * @see https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
   */
  async model(targets: LockTarget | readonly LockTarget[], options?: ModelLockOptions): Promise<boolean> {
    const { models, transactions } = this.#parts.work;
    return models.lock(targets, transactions.given(options));
  }

  /**
   * Runs the work in a transaction on one connection of the module's (or the lent) pool: commits when it succeeds, rolls back
   * when it throws. Within it, `model`, `acquire(id, { xact: true })` and `timeout` use this transaction automatically.
   *
   * Sends `BEGIN`, and `COMMIT` or `ROLLBACK`. Usable behind a pooler in transaction mode.
   *
   * @param work gets the `pg` client of the transaction; an ORM may sit on it (`drizzle({ client: tx })`).
   * @returns what the work returns.
   * @throws {TransactionStateError} within another ambient transaction; and when a statement failed and the work continued, so
   * that the server rolled back instead of committing.
   * @see https://www.postgresql.org/docs/current/tutorial-transactions.html
   */
  transaction<R>(work: (tx: PoolClient) => R | Promise<R>, options?: TransactionOptions): Promise<R> {
    return this.#parts.work.xact.transaction(work, options);
  }

  /**
   * Runs the work with a lock timeout: a statement that waits longer for any lock fails with SQLSTATE 55P03. Calls can be nested;
   * concurrent flows do not see each other's timeouts; the former value is restored afterwards. `null` is no limit.
   *
   * Without `transaction` it applies to every session that the flow takes from the module's (or the lent) pool in the meantime, to
   * the ambient transaction, and as the default wait of the advisory locks that the flow requests. Sends `SET lock_timeout` when
   * such a session is taken, and `RESET` when another flow takes it next; in a transaction
   * `set_config('lock_timeout', …, true)`.
   *
   * @example await pglock.timeout('3s', () => this.orders.closeMonth())
   * @returns what the work returns.
   * @throws {PgLockUsageError} when the duration is unreadable, zero or negative. The work has not begun.
   * @throws {TransactionStateError} when the given transaction is not open.
   * @throws {PoolerError} (where a session is taken) behind a pooler in transaction mode: give it the transaction.
   * @see https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
   */
  timeout<R>(duration: Duration | null, work: () => R | Promise<R>): Promise<R>;
  timeout<R>(duration: Duration | null, options: LockTimeoutOptions, work: () => R | Promise<R>): Promise<R>;
  async timeout<R>(
    duration: Duration | null,
    optionsOrWork: LockTimeoutOptions | (() => R | Promise<R>),
    work?: () => R | Promise<R>,
  ): Promise<R> {
    const { timeouts, transactions } = this.#parts.work;
    if (typeof optionsOrWork === 'function' && work === undefined)
      return timeouts.run(duration, {}, optionsOrWork);
    return timeouts.run(duration, transactions.given(optionsOrWork as LockTimeoutOptions), work);
  }

  /**
   * Runs the work, and terminates the sessions that block it, directly or through others (or does what `onBlocked` says), every
   * `interval` until the work ends.
   *
   * Prioritized are the sessions that the work takes from the module's (or the lent) pool, its waits for advisory locks, and the
   * ambient transaction or that of `transaction`. Only the roots of the queue are signalled: when a migration waits behind a
   * statement that waits for an idle transaction, the idle transaction is ended. Never signalled are sessions that do not block,
   * other prioritized work of this process, replication, anti-wraparound vacuums, and sessions that hold locks of this library.
   *
   * Sends, on a connection of its own, one statement that finds blockers by `pg_catalog.pg_blocking_pids` and signals them by
   * `pg_catalog.pg_terminate_backend`. The connected role must be that of the blockers, or a member of `pg_signal_backend` and
   * `pg_read_all_stats`.
   *
   * @example await pglock.prioritize({ interval: '200ms', timeout: '30s' }, () => migrate())
   * @returns what the work returns.
   * @throws {PrioritizeError} after the work has ended, when `onBlocked` or `onKilled` threw, or (`cause` is a
   * `PermissionError`) a blocker may not be signalled.
   * @throws {StillBlockedError} when the work ran into its lock timeout at each of several attempts (`retries`).
   * @throws {PgLockUsageError} on bad options; nothing was sent and no work done.
   * @throws {TransactionStateError} when the given transaction is not open.
   * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL
   */
  prioritize<R>(work: () => R | Promise<R>): Promise<R>;
  prioritize<R>(options: PrioritizeOptions, work: () => R | Promise<R>): Promise<R>;
  async prioritize<R>(
    optionsOrWork: PrioritizeOptions | (() => R | Promise<R>),
    work?: () => R | Promise<R>,
  ): Promise<R> {
    const { prioritizer } = this.#parts.admin;
    if (typeof optionsOrWork === 'function' && work === undefined) return prioritizer.run({}, optionsOrWork);
    return prioritizer.run(this.#parts.work.transactions.given(optionsOrWork as PrioritizeOptions), work);
  }

  /**
   * Runs the work with context attached to the sessions that it takes from the module's (or the lent) pool, so that listings of
   * locks show which code took them: `activity.context` of {@link PgLockService.locks}. Nested calls add to the outer context.
   *
   * Sends `SELECT pg_catalog.set_config('application_name', …, false)` when a session is taken by a flow with another context
   * than the last one; the server keeps 63 bytes of `api;route=GET /orders/:id`. Behind a transaction pooler nothing is sent.
   *
   * @example await pglock.withContext({ job: 'nightly' }, () => this.reports.rebuild())
   * @throws {PgLockUsageError} when a value is not a string, or the work is not a function.
   * @see https://www.postgresql.org/docs/current/runtime-config-logging.html#GUC-APPLICATION-NAME
   */
  async withContext<R>(context: FlowContextValues, work: () => R | Promise<R>): Promise<R> {
    assertWork(work, 'withContext(context, work)');
    return this.#parts.work.flowContext.run(context, async () => work());
  }

  /**
   * The locks that sessions of this database hold and wait for: find, count, cancel, terminate. Asked on a connection of its own.
   *
   * @see https://www.postgresql.org/docs/current/view-pg-locks.html
   */
  get locks(): PgLocks {
    return this.#parts.admin.locks;
  }

  /**
   * Waiters and blockers of locks: find, count, tree, cancel, terminate. Asked on a connection of its own.
   *
   * @see https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SESSION
   */
  get blocked(): BlockedPgLocks {
    return this.#parts.admin.blocked;
  }

  /**
   * The pool whose sessions follow {@link PgLockService.timeout}: the module's own, or the lent one. For queries and for ORMs,
   * which may call its `end()`: that does nothing, since the module ends its own pool at shutdown.
   *
   * @see https://node-postgres.com/apis/pool
   */
  get pool(): Pool {
    return this.#parts.work.pool;
  }

  /** `pg` with a `Pool` class that always gives {@link PgLockService.pool}: for TypeORM's option `driver`. */
  get pgDriver(): PgDriver {
    return this.#parts.work.pgDriver;
  }

  /**
   * Makes a session of another pool follow {@link PgLockService.timeout}, for an ORM that requires a pool of its own: call it each
   * time that pool hands out a connection (Sequelize: `sequelize.addHook('afterPoolAcquire', pglock.scopeSession)`). Sends `SET` or
   * `RESET` where the session's `lock_timeout` is another one.
   */
  get scopeSession(): (client: ClientBase) => Promise<void> {
    return this.#parts.work.scopeSession;
  }

  /**
   * The key of an id as `pg_locks` shows it, with this module's `namespace` before string ids. Sends no SQL.
   *
   * @throws {PgLockUsageError} on a bad id.
   */
  advisoryKey(id: LockId): AdvisoryKey {
    return this.#parts.names.keyOf(id).toAdvisoryKey();
  }

  /**
   * The state of this process's locks on this database: connections, keys held, requests waiting. For dashboards and health
   * checks; sends no SQL.
   */
  status(): LockStatus {
    return this.#parts.advisory.status();
  }

  /** The scheduled jobs of the application, over all its replicas: find, run, release, wrap. */
  get jobs(): PgLockJobs {
    return this.#jobs;
  }

  /**
   * Shuts the module down, as closing its application does: for scripts without an application. Waits for work that runs under a
   * lock, for `shutdown.timeout` (20 s) at most; then releases all locks and closes the connections that the module opened. A lent
   * pool stays open. Idempotent.
   */
  close(): Promise<void> {
    return this.#parts.close();
  }

  /** Emits what the module also logs: locks lost, sessions ended, backends signalled. Each event under its `type`. */
  get events(): PgLockEvents {
    return this.#parts.events;
  }
}

/** Work of either kind: which handle it gets depends on the options, as the overloads say. */
type UnderLock<R> = (lock: TransactionLockHandle<PoolClient>) => R | Promise<R>;

/** Whether a lock is to last as long as a transaction, rather than as long as its holder wants. */
function isTransactional(
  options: AdvisoryLockOptions | undefined,
): options is XactOptions | InTransactionOptions<object> {
  return (
    options?.xact === true ||
    (typeof options === 'object' && (options as unknown) !== null && 'transaction' in options)
  );
}
