import { LockLostError } from '../errors/lock-lost.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { TransactionStateError } from '../errors/transaction-state.error.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import type { LockWatch } from '../telemetry/lock-watch.js';
import type { TransactionWatcher } from '../transaction/pg-session-watch.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import type { AdvisoryKey, LockId, LockKey } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import { wantsEpoch, type FencingToken, type FencingTokenOptions } from './fencing-token.js';
import type { LockHandle } from './lock-handle.js';
import type { Confirmation } from './lock-reference.js';
import type { LockingTransaction } from './transaction-backend.js';
import type { XactLockRequest } from './xact-lock-options.js';

/**
 * An advisory lock that is held until its transaction ends: *held* from when it is handed out, *ended* by the commit or
 * the rollback, or *lost* with the session, when `signal` aborts.
 *
 * The end is known for transactions that the module opened, and for all clients that send their statements by the module's copy
 * of `pg`; for the others as far as they tell. There a rollback to a savepoint older than the lock releases it as well, and so
 * does a statement that fails: PostgreSQL takes back at once what came after the innermost savepoint, or everything.
 * Where that is not known, works that enter the lock again (`reentrant`) ask the server first.
 *
 * @publicApi
 */
export interface TransactionLockHandle<Client extends object = object> extends LockHandle {
  /** The transaction that holds the lock: the one that was passed, or the `pg` client of the one that was opened. */
  readonly client: Client;
  /**
   * Refuses: only the end of the transaction releases the lock. The end of an `await using` block does nothing.
   *
   * @throws {PgLockUsageError} always.
   */
  release(): Promise<never>;
}

/** @internal */
export class XactLockHandle implements TransactionLockHandle {
  readonly id: LockId | readonly LockId[];
  readonly keys: readonly AdvisoryKey[];
  readonly shared: boolean;
  /** Whether the end of the transaction will be known. */
  readonly isWatched: boolean;
  readonly #transaction: LockingTransaction;
  readonly #freshToken: () => Promise<bigint>;
  readonly #lost = new AbortController();
  readonly #overListeners: ((lostBy: LockLostError | undefined) => void)[] = [];
  #ended = false;
  #token: Promise<bigint> | undefined;

  constructor(
    { id, keys, shared }: XactLockRequest,
    readonly pid: number,
    transaction: LockingTransaction,
    freshToken: () => Promise<bigint>,
    watch: LockWatch | undefined,
  ) {
    watch?.acquired(pid);
    this.id = id;
    this.keys = keys.map((key) => key.toAdvisoryKey());
    this.shared = shared;
    this.#transaction = transaction;
    this.#freshToken = freshToken;
    this.isWatched = transaction.watch(this.#watcher(watch), pid);
  }

  get client(): object {
    return this.#transaction.transaction;
  }

  get key(): AdvisoryKey {
    return this.keys[0] as AdvisoryKey;
  }

  get held(): boolean {
    if (this.#ended || this.signal.aborted) return false;
    // A nested transaction that was committed leaves its locks to the outer one.
    return this.isWatched || this.#transaction.isOpen !== false;
  }

  get pids(): readonly number[] {
    return this.keys.map(() => this.pid);
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** On a connection apart, since the transaction's own id may be older than the lock. */
  fencingToken(): Promise<bigint>;
  fencingToken(options: { readonly epoch: true }): Promise<FencingToken>;
  fencingToken(options?: FencingTokenOptions): Promise<bigint | FencingToken>;
  async fencingToken(options?: FencingTokenOptions): Promise<bigint | FencingToken> {
    if (wantsEpoch(options)) throw noEpoch(this.id);
    this.signal.throwIfAborted();
    if (!this.held)
      throw new TransactionStateError(
        `The transaction that held ${printable(this.id)} has ended; ask for the token before.`,
      );
    this.#token ??= this.#freshToken().catch((error: unknown) => {
      this.#token = undefined;
      throw error;
    });
    return this.#token;
  }

  release(): Promise<never> {
    return Promise.reject(
      new PgLockUsageError(
        `Advisory lock ${printable(this.id)} belongs to a transaction: only its COMMIT or ROLLBACK releases it.`,
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Takes one of its keys once more: a rollback to a savepoint may have released it. */
  async lockAgain(key: LockKey, { timeoutMs, signal }: Confirmation): Promise<void> {
    const startedAt = monotonicMs();
    try {
      await this.#transaction.lock({ keys: [key], shared: this.shared, timeoutMs, signal });
    } catch (cause) {
      const what = `advisory lock ${printable(this.id)}`;
      throw this.#transaction.errorFor(cause, { what, id: this.id, once: timeoutMs === 0, startedAt });
    }
  }

  /** Calls back once, when the transaction has ended: with the error where it ended with its session. */
  onOver(listener: (lostBy: LockLostError | undefined) => void): void {
    this.#overListeners.push(listener);
  }

  #over(lostBy: LockLostError | undefined): void {
    for (const listener of this.#overListeners.splice(0)) listener(lostBy);
  }

  #watcher(watch: LockWatch | undefined): TransactionWatcher {
    const ended = () => {
      this.#ended = true;
      watch?.released();
      this.#over(undefined);
    };
    return {
      ended,
      failed: ended,
      lost: (cause) => {
        const error = new LockLostError(
          `Advisory lock ${printable(this.id)} was lost with the session of its transaction.`,
          this.id,
          { cause },
        );
        outsideFlows(() => {
          this.#lost.abort(error);
          watch?.lost(error);
          this.#over(error);
        });
      },
    };
  }
}

/** Its transaction may run on any client, and its token comes from another connection. @internal */
export function noEpoch(id: LockId | readonly LockId[]): PgLockUsageError {
  return new PgLockUsageError(
    `The epoch of a fencing token is there for session-level locks only; ${printable(id)} belongs to a transaction.`,
  );
}
