import { LockLostError } from '../errors/lock-lost.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { TransactionStateError } from '../errors/transaction-state.error.js';
import type { LockWatch } from '../telemetry/lock-watch.js';
import type { OpenTransaction } from '../transaction/open-transaction.js';
import type { TransactionWatcher } from '../transaction/pg-session-watch.js';
import type { AdvisoryKey, LockId, LockKey } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import type { LockHandle } from './lock-handle.js';
import type { XactLockRequest } from './xact-lock-options.js';

/**
 * An advisory lock that is held until its transaction ends: *held* from when it is handed out, *ended* by the commit or
 * the rollback, or *lost* with the session, when `signal` aborts.
 *
 * The end is known for transactions that the module opened, and for the clients that sit on `pg` in the open (`pg`,
 * TypeORM, Drizzle, Sequelize) or on the pool of this module; for the others as far as they tell (Knex and MikroORM do, Prisma
 * and Kysely do not).
 * Rolling back to a savepoint older than the lock releases it too, and nobody is told of that.
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
  readonly #keyTexts: ReadonlySet<string>;
  readonly #transaction: OpenTransaction;
  readonly #freshToken: () => Promise<bigint>;
  readonly #lost = new AbortController();
  #ended = false;
  #token: Promise<bigint> | undefined;

  constructor(
    request: XactLockRequest,
    readonly pid: number,
    transaction: OpenTransaction,
    freshToken: () => Promise<bigint>,
    { watch, client }: { readonly watch?: LockWatch | undefined; readonly client?: object | undefined } = {},
  ) {
    watch?.acquired(pid);
    this.id = request.id;
    this.keys = request.keys.map((key) => key.toAdvisoryKey());
    this.#keyTexts = new Set(request.keys.map(({ text }) => text));
    this.shared = request.shared;
    this.#transaction = transaction;
    this.#freshToken = freshToken;
    const watcher: TransactionWatcher = {
      ended: () => {
        this.#ended = true;
        watch?.released();
      },
      lost: (cause) => {
        const error = new LockLostError(
          `Advisory lock ${printable(this.id)} was lost with the session of its transaction.`,
          this.id,
          { cause },
        );
        watch?.lost(error);
        this.#lost.abort(error);
      },
    };
    transaction.watch(watcher, client);
  }

  get client(): object {
    return this.#transaction.transaction;
  }

  get key(): AdvisoryKey {
    return this.keys[0] as AdvisoryKey;
  }

  get held(): boolean {
    return !this.#ended && !this.signal.aborted && this.#transaction.isOpen !== false;
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether a key is among those that it holds. */
  covers(key: LockKey): boolean {
    return this.#keyTexts.has(key.text);
  }

  /** On a connection apart, since the transaction's own id may be older than the lock. */
  fencingToken(): Promise<bigint> {
    this.#token ??= this.#askForToken().catch((error: unknown) => {
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

  async #askForToken(): Promise<bigint> {
    this.signal.throwIfAborted();
    if (!this.held)
      throw new TransactionStateError(
        `The transaction that held ${printable(this.id)} has ended; ask for the token before.`,
      );
    return this.#freshToken();
  }
}
