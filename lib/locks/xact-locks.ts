import type { PoolClient } from 'pg';
import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { TransactionStateError } from '../errors/transaction-state.error.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import type { LockSource } from '../telemetry/lock-channels.js';
import { LockWatch } from '../telemetry/lock-watch.js';
import type { InTransaction } from '../transaction/ambient-transaction.js';
import type { TransactionOptions, Transactions } from '../transaction/transactions.js';
import type { LockId } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import type { AdvisoryLocks } from './advisory-locks.js';
import type { AdvisoryLockOptions } from './advisory-options.js';
import { assertWork } from '../vocabulary/assert-work.js';
import { waitChased } from './chased-wait.js';
import { EnteredLockHandle } from './entered-lock-handle.js';
import type { HeldLocks } from './held-locks.js';
import { LockContext } from './lock-context.js';
import type { NamedKey } from './lock-names.js';
import type { LockReference } from './lock-reference.js';
import { namingHolder, type FindHolder } from './named-holder.js';
import type { LockingTransaction, TransactionBackend } from './transaction-backend.js';
import { PoolWait } from './pool-wait.js';
import { TransactionLock } from './transaction-lock.js';
import { TransactionWait } from './transaction-wait.js';
import { XactLockHandle, type TransactionLockHandle } from './xact-lock-handle.js';
import { xactLockRequest, type XactLockReading, type XactLockRequest } from './xact-lock-options.js';

/** What {@link XactLocks} works with. @internal */
export interface XactLocksContext extends XactLockReading {
  readonly transactions: Transactions;
  readonly backend: TransactionBackend;
  /** Who speaks on the channels of the process. */
  readonly source: LockSource;
  /** Who holds an id, for the error of a refusal. */
  readonly findHolder?: FindHolder;
  /** What the running flow holds, at session level as well. */
  readonly held: HeldLocks;
  /** The lock timeout of the flow, `undefined` where there is none. */
  readonly ambientTimeoutMs: () => number | null | undefined;
  /** The locks at session level, which may be entered again in a transaction. */
  readonly sessions: () => AdvisoryLocks;
}

type TransactionWork<T> = (lock: TransactionLockHandle<PoolClient>) => Promise<T> | T;

/** What was taken in a transaction. */
interface Taken {
  readonly handle: TransactionLockHandle;
  readonly references: readonly LockReference[];
  readonly transaction: LockingTransaction;
}

/** Takes advisory locks that last exactly as long as a transaction. @internal */
export class XactLocks {
  readonly #context: XactLocksContext;

  constructor(context: XactLocksContext) {
    this.#context = context;
  }

  /**
   * Runs the work in a transaction of its own; what is acquired in it belongs to the flow of the work.
   *
   * @throws {TransactionStateError} within the ambient transaction.
   */
  async transaction<T>(
    work: (client: PoolClient) => Promise<T> | T,
    options?: TransactionOptions,
  ): Promise<T> {
    assertWork(work, 'transaction(work, options)');
    return this.#context.transactions.run(
      (client) => new LockContext([], LockContext.current, work, client).run(work, client),
      options,
    );
  }

  /**
   * Takes the lock in the given transaction, or in the ambient one.
   *
   * Sends `SELECT pg_advisory_xact_lock(…)`, or `pg_try_advisory_xact_lock` where the timeout is 0, behind a savepoint.
   *
   * @returns the handle, or null when the lock was not acquired in time: the transaction is then as it was before.
   * @throws {TransactionStateError} when no transaction is open.
   * @throws {LockNotAvailableError} under `onContention: 'throw'`.
   * @throws {DeadlockError} when PostgreSQL finds that the wait could never end.
   * @see https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
   */
  async acquire(
    id: LockId | readonly LockId[],
    options: InTransaction<AdvisoryLockOptions>,
  ): Promise<TransactionLockHandle | null> {
    const { transaction: given } = options;
    const request = xactLockRequest(id, options, this.#context, 'skip');
    const transaction = given ?? this.#ambientTransaction();
    if (request.reentrant) this.#assertOf(transaction, request);
    return this.#orSkip(request, async () => {
      const taken = await this.#take(request, this.#open(transaction, request));
      const context = LockContext.ofTransaction(transaction);
      if (context !== undefined) context.add(taken.references);
      else if (taken.handle.isWatched) taken.handle.onOver(attributed(taken.references));
      await taken.transaction.onWorkOver();
      return taken.handle;
    });
  }

  /**
   * Runs the work under the lock: in the given transaction, where the lock outlasts the work until that ends; or, with
   * `xact`, in a transaction of its own, which commits when the work succeeds and rolls back when it throws.
   *
   * @returns what the work returns; undefined when the lock was not acquired in time, under `onContention: 'skip'`.
   * @throws {TransactionStateError} when `xact` would open a transaction within the ambient one.
   */
  async advisory<T>(
    id: LockId | readonly LockId[],
    options: InTransaction<AdvisoryLockOptions>,
    work: TransactionWork<T> | undefined,
  ): Promise<T | undefined> {
    assertWork(work, 'advisory(id, options, work)');
    const { transaction: given } = options;
    const request = xactLockRequest(id, options, this.#context, 'throw');
    const run = work;
    if (given !== undefined) return this.#underLock(request, given, run);
    this.#context.sessions().assertOpen(id);
    request.signal?.throwIfAborted();
    const wait = new PoolWait(request, this.#context.ambientTimeoutMs());
    const underLock = (client: PoolClient) => this.#underLock(wait.rest, client, run, client);
    // A work that enters a lock again may have nothing to lock in the transaction.
    const begins = request.reentrant ? 'at once' : 'with its first lock';
    const take = (connect: () => Promise<PoolClient>) => wait.take(connect);
    try {
      return await this.#context.transactions.run(underLock, {}, { begins, take });
    } catch (error) {
      if (wait.endedWith(error) && request.onContention === 'skip') return undefined;
      throw error;
    }
  }

  /** @param own the transaction, where it ends with the work. */
  async #underLock<T>(
    request: XactLockRequest,
    transaction: object,
    work: TransactionWork<T>,
    own?: object,
  ): Promise<T | undefined> {
    const taken = await this.#orSkip(request, async () => {
      const opened = this.#open(transaction, request);
      return request.reentrant ? this.#enter(request, opened) : this.#take(request, opened);
    });
    if (taken === null) return undefined;
    const { references, handle } = taken;
    const { running } = this.#context.sessions();
    running.begin();
    try {
      const context = new LockContext(references, LockContext.current, work, own);
      return await context.run(work, handle as TransactionLockHandle<PoolClient>);
    } finally {
      await Promise.all(references.map((reference) => reference.release()));
      await taken.transaction.onWorkOver();
      running.end();
    }
  }

  #open(transaction: object, { signal }: XactLockRequest): LockingTransaction {
    signal?.throwIfAborted();
    return this.#context.backend.open(transaction);
  }

  /** Takes the locks in the transaction. */
  async #take(
    request: XactLockRequest,
    transaction: LockingTransaction,
  ): Promise<Taken & { readonly handle: XactLockHandle }> {
    const { source, backend, held } = this.#context;
    const watch = LockWatch.of(source, request.id, request.shared, 'transaction');
    try {
      const pid = await this.#lock(request, transaction);
      const handle = new XactLockHandle(request, pid, transaction, () => backend.freshToken(), watch);
      const locks = request.keys.map((key) => new TransactionLock(held, key, handle));
      const { graph } = this.#context.sessions();
      const stops = handle.isWatched ? locks.map(({ reference }) => graph.addTransaction(reference)) : [];
      handle.onOver((lostBy) => {
        for (const stop of stops) stop();
        for (const lock of locks) lock.end(lostBy);
      });
      return { handle, references: locks.map(({ reference }) => reference), transaction };
    } catch (error) {
      watch?.refused(error);
      throw error;
    }
  }

  /** Runs under the locks that the flow holds already, and takes the others in the transaction. */
  async #enter(request: XactLockRequest, transaction: LockingTransaction): Promise<Taken> {
    const { held, sessions } = this.#context;
    const { named, shared, signal, timeoutMs } = request;
    const entered = named.filter((one) => held.toReenter(one, shared) !== undefined);
    if (entered.length === 0) return this.#take(request, transaction);
    const nested = await sessions().enter(entered, { shared, signal, timeoutMs });
    try {
      const keys = named.filter((one) => !entered.includes(one)).map(({ key }) => key);
      const [first, ...rest] = keys;
      const missing =
        first === undefined
          ? []
          : (await this.#take({ ...request, keys: [first, ...rest] }, transaction)).references;
      const references = [...nested, ...missing].sort(byKey);
      const lock = sessions().handleOf(request.id, shared, references);
      return { handle: new EnteredLockHandle(transaction.transaction, lock), references, transaction };
    } catch (error) {
      for (const reference of nested) void reference.release();
      throw error;
    }
  }

  /** @returns the pid of the backend that holds the locks now. */
  async #lock(request: XactLockRequest, transaction: LockingTransaction): Promise<number> {
    const { id, named, timeoutMs } = request;
    const startedAt = monotonicMs();
    try {
      const own = timeoutMs === 0 ? undefined : this.#behind(named, transaction);
      if (own === undefined) return await this.#waitFor(request, transaction);
      const wait = new TransactionWait(request, own, timeoutMs ?? this.#context.ambientTimeoutMs());
      return await wait.run(this.#context.held, (signal) => transaction.lock({ ...request, signal }));
    } catch (cause) {
      const what = `advisory lock ${printable(id)}`;
      throw transaction.errorFor(cause, { what, id, once: timeoutMs === 0, startedAt });
    }
  }

  async #waitFor(request: XactLockRequest, transaction: LockingTransaction): Promise<number> {
    const { held, sessions } = this.#context;
    const { kept, graph } = sessions();
    if (request.timeoutMs === 0) {
      await kept.lend(request.named);
      return transaction.lock(request);
    }
    const stopAsking = kept.askFor(request.named);
    return waitChased(graph, held, LockContext.current, request, (signal) =>
      transaction.lock(signal === request.signal ? request : { ...request, signal }),
    ).finally(stopAsking);
  }

  /** A lock of the running flow, outside of the transaction, that the transaction would wait for. */
  #behind(named: readonly NamedKey[], { transaction }: LockingTransaction): LockReference | undefined {
    const own = named.map(({ key }) => this.#context.held.own(key));
    return own.find((reference) => reference !== undefined && !isIn(transaction, reference));
  }

  /**
   * What a flow holds elsewhere ends with its work, and not with a transaction.
   *
   * @throws {PgLockUsageError} when the flow holds a key outside of the transaction.
   */
  #assertOf(transaction: object, { id, named, shared }: XactLockRequest): void {
    const { held } = this.#context;
    for (const one of named) {
      const outer = held.toReenter(one, shared);
      if (outer !== undefined && !isIn(transaction, outer))
        throw new PgLockUsageError(
          `This flow holds advisory lock ${printable(id)} outside of the transaction, which cannot keep it until its end: ` +
            'run the work with advisory(…) in place of acquire(…), or take the lock at one level.',
        );
    }
  }

  async #orSkip<T>(request: XactLockRequest, take: () => Promise<T>): Promise<T | null> {
    try {
      return await take();
    } catch (error) {
      if (error instanceof LockNotAvailableError && request.onContention === 'skip') return null;
      throw await namingHolder(error, this.#context.findHolder);
    }
  }

  #ambientTransaction(): PoolClient {
    const ambient = this.#context.transactions.current();
    if (ambient !== undefined) return ambient;
    throw new TransactionStateError(
      'A transaction-level lock needs a transaction: pass { transaction }, or call acquire() within pglock.transaction().',
    );
  }
}

/** Whether a lock, or the one under which it was entered again, is of a transaction. */
function isIn(transaction: object, reference: LockReference): boolean {
  return reference.heldBy instanceof TransactionLock && reference.heldBy.transaction === transaction;
}

/** For deadlocks, a handle is held by the flow that acquired it, until its transaction ends. */
function attributed(references: readonly LockReference[]): () => void {
  return LockContext.current?.attribute(references) ?? (() => undefined);
}

function byKey(a: LockReference, b: LockReference): number {
  return a.queue.key.text < b.queue.key.text ? -1 : 1;
}
