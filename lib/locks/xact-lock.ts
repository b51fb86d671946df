import type { PoolClient } from 'pg';
import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { TransactionStateError } from '../errors/transaction-state.error.js';
import { monotonicMs } from '../session/monotonic.js';
import { lockXact, tryLockXact, type XactLockRow } from '../sql/advisory-xact-lock.js';
import type { LockSource } from '../telemetry/lock-channels.js';
import { LockWatch } from '../telemetry/lock-watch.js';
import type { InTransaction } from '../transaction/ambient-transaction.js';
import { OpenTransaction } from '../transaction/open-transaction.js';
import type { Transactions } from '../transaction/transactions.js';
import { FlowVariable } from '../vocabulary/flow-variable.js';
import type { LockId, LockKey } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import type { AdvisoryLocks } from './advisory-locks.js';
import type { AdvisoryLockOptions, OnContention } from './advisory-options.js';
import { namingHolder, type FindHolder } from './named-holder.js';
import { xactLockError } from './xact-lock-error.js';
import { XactLockHandle, type TransactionLockHandle } from './xact-lock-handle.js';
import { idsOf, xactLockRequest, type XactLockReading, type XactLockRequest } from './xact-lock-options.js';
import { coveringHandle, heldTwice } from './xact-reentry.js';
import { Contended, type XactWait } from './xact-lock-wait.js';

/** What {@link XactLocks} works with. @internal */
export interface XactLocksContext extends XactLockReading {
  readonly transactions: Transactions;
  readonly wait: XactWait;
  /** Who speaks on the channels of the process. */
  readonly source: LockSource;
  /** Who holds an id, for the error of a refusal. */
  readonly findHolder?: FindHolder;
  /** A transaction id that no transaction had before, from another connection. */
  readonly freshToken: () => Promise<bigint>;
  /** The `pg` client of a backend, where its transaction does not show it: of our pool. */
  readonly clientOf: (pid: number) => object | undefined;
  /** What the running flow holds at session level, on another session, so that a transaction would wait for it. */
  readonly sessions: Pick<AdvisoryLocks, 'isHeld' | 'run'>;
}

const NONE: readonly XactLockHandle[] = [];

/** Takes advisory locks that last exactly as long as a transaction. @internal */
export class XactLocks {
  readonly #context: XactLocksContext;
  readonly #flows = new FlowVariable<readonly XactLockHandle[]>();
  readonly #ambient = new WeakMap<PoolClient, XactLockHandle[]>();

  constructor(context: XactLocksContext) {
    this.#context = context;
  }

  /**
   * Takes the lock in the given transaction, or in the ambient one.
   *
   * Sends `SELECT pg_advisory_xact_lock(…)`, or `pg_try_advisory_xact_lock` where the timeout is 0, behind a savepoint.
   *
   * @returns the handle, or null when the lock was not had in time: the transaction is then as it was before.
   * @throws {TransactionStateError} when no transaction is open.
   * @throws {LockNotAvailableError} under `onContention: 'throw'`.
   * @throws {DeadlockError} when PostgreSQL finds that the wait could never end.
   * @see https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
   */
  async acquire(
    id: LockId | readonly LockId[],
    options: InTransaction<AdvisoryLockOptions>,
  ): Promise<XactLockHandle | null> {
    return this.#take(this.#request(id, options, 'skip'), options.transaction);
  }

  /**
   * Runs the work under the lock: in the given transaction, where the lock outlasts the work until that ends; or, with
   * `xact`, in a transaction of its own, which commits when the work succeeds and rolls back when it throws.
   *
   * @returns what the work returns; undefined when the lock was not had in time, under `onContention: 'skip'`.
   * @throws {TransactionStateError} when `xact` would open a transaction within the ambient one.
   */
  async advisory<T>(
    id: LockId | readonly LockId[],
    options: InTransaction<AdvisoryLockOptions>,
    work: ((lock: TransactionLockHandle<PoolClient>) => Promise<T> | T) | undefined,
  ): Promise<T | undefined> {
    if (typeof work !== 'function')
      throw new PgLockUsageError(
        `The work to run under the lock must be a function; got ${printable(work)}.`,
      );
    const request = this.#request(id, options, 'throw');
    const underLock = (handle: XactLockHandle) => {
      const held = [...(this.#flows.getStore() ?? []), handle];
      return this.#flows.run(held, async () => work(handle as unknown as TransactionLockHandle<PoolClient>));
    };
    const locked = async (transaction: object) => {
      const handle = await this.#take(request, transaction);
      return handle === null ? undefined : underLock(handle);
    };
    if (options.transaction !== undefined) return locked(options.transaction);
    request.signal?.throwIfAborted();
    if (this.#heldBySession(id) === undefined)
      return this.#context.transactions.run(locked, {}, 'with its first lock');
    // The flow has it already, on another session: what it holds is held once more, around the transaction.
    const { sessions, transactions } = this.#context;
    return sessions.run(id, { ...options, xact: false }, ({ pid }) =>
      transactions.run(async (tx) => underLock(this.#handle(request, pid, OpenTransaction.of(tx)))),
    );
  }

  /** Whether the running flow holds the key in one of its transactions. */
  isHeld(key: LockKey): boolean {
    return this.#held().some((handle) => handle.held && handle.covers(key));
  }

  /**
   * The lock under which the running flow has, in one of its transactions, what it asks for at session level.
   *
   * @throws {PgLockUsageError} when it has only a part of it, or has it shared and asks for it exclusively.
   */
  covering(id: LockId | readonly LockId[], shared: boolean): XactLockHandle | undefined {
    const handles = this.#held();
    if (handles.length === 0) return undefined;
    const keys = idsOf(id).map((one) => this.#context.names.keyOf(one));
    return coveringHandle({ id, keys, shared }, handles);
  }

  /** Whether the running flow may hold something in a transaction, so that {@link XactLocks.covering} is worth asking. */
  get holdsAny(): boolean {
    return this.#held().length > 0;
  }

  /** What the running flow holds in transactions, its ambient one included. */
  #held(): readonly XactLockHandle[] {
    const flow = this.#flows.getStore() ?? NONE;
    const ambient = this.#context.transactions.peek();
    return ambient === undefined ? flow : [...flow, ...(this.#ambient.get(ambient) ?? [])];
  }

  #request(
    id: LockId | readonly LockId[],
    options: InTransaction<AdvisoryLockOptions>,
    otherwise: OnContention,
  ): XactLockRequest {
    const request = xactLockRequest(id, options, this.#context, otherwise);
    const own = this.#heldBySession(id);
    const opensItsOwn = options.xact === true && otherwise === 'throw';
    if (own !== undefined && !opensItsOwn)
      throw heldTwice(own, 'at session level, where its transaction would wait');
    return request;
  }

  #heldBySession(id: LockId | readonly LockId[]): LockId | undefined {
    return idsOf(id).find((one) => this.#context.sessions.isHeld(one));
  }

  async #take(request: XactLockRequest, given: object | undefined): Promise<XactLockHandle | null> {
    const ambient = given === undefined ? this.#ambientTransaction() : undefined;
    request.signal?.throwIfAborted();
    const transaction = OpenTransaction.of(given ?? ambient);
    const watch = LockWatch.of(this.#context.source, request.id, request.shared, 'transaction');
    const startedAt = monotonicMs();
    try {
      const pid = await this.#lock(transaction, request);
      const { clientOf, freshToken } = this.#context;
      const handle = new XactLockHandle(request, pid, transaction, freshToken, {
        watch,
        client: clientOf(pid),
      });
      if (ambient !== undefined) this.#ambient.set(ambient, [...(this.#ambient.get(ambient) ?? []), handle]);
      return handle;
    } catch (cause) {
      const what = `advisory lock ${printable(request.id)}`;
      const asked = { what, id: request.id, once: request.timeoutMs === 0, startedAt };
      const error = xactLockError(cause, asked, transaction);
      watch?.refused(error);
      if (error instanceof LockNotAvailableError && request.onContention === 'skip') return null;
      throw await namingHolder(error, this.#context.findHolder);
    }
  }

  #handle(request: XactLockRequest, pid: number, transaction: OpenTransaction): XactLockHandle {
    return new XactLockHandle(request, pid, transaction, this.#context.freshToken);
  }

  /** @returns the pid of the backend that holds the lock now. */
  async #lock(transaction: OpenTransaction, request: XactLockRequest): Promise<number> {
    const { keys, shared, timeoutMs, signal } = request;
    const { wait } = this.#context;
    if (timeoutMs !== 0) {
      const statement = lockXact(keys, shared);
      const rows = await transaction.withSavepoint(() =>
        wait.run<XactLockRow>(transaction, statement, { timeoutMs, signal }),
      );
      return pidOf(rows);
    }
    const tryOnce = async () => pidOf(await wait.once<XactLockRow>(transaction, tryLockXact(keys, shared)));
    // One try of one key takes all or nothing, and a transaction that is known to be open needs no savepoint to find out.
    const plain = keys.length === 1 && transaction.needsNoSavepoint;
    return plain ? transaction.inTurn(tryOnce) : transaction.withSavepoint(tryOnce);
  }

  #ambientTransaction(): PoolClient {
    const ambient = this.#context.transactions.current();
    if (ambient !== undefined) return ambient;
    throw new TransactionStateError(
      'A transaction-level lock needs a transaction: pass { transaction }, or call acquire() within pglock.transaction().',
    );
  }
}

function pidOf([row]: readonly XactLockRow[]): number {
  if (row?.granted !== true) throw new Contended();
  return row.pid;
}
