import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { TransactionStateError } from '../errors/transaction-state.error.js';
import type { LockHandle } from '../locks/lock-handle.js';
import type { TransactionLockHandle } from '../locks/xact-lock-handle.js';
import type { XactLockRequest } from '../locks/xact-lock-options.js';
import type { AdvisoryKey, LockId, LockKey } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';

/** What a {@link MemoryXactHandle} stands for. @internal */
export interface MemoryXactHandleInit {
  readonly request: XactLockRequest;
  readonly transaction: object;
  /** What was taken for it; `null` where the transaction had everything already. */
  readonly lock: LockHandle | null;
  /** What holds its keys: `lock`, or an older handle of the transaction. */
  readonly covering: LockHandle;
  readonly nextToken: () => bigint;
}

/** A lock that lasts as long as its transaction, in memory. @internal */
export class MemoryXactHandle implements TransactionLockHandle {
  readonly id: LockId | readonly LockId[];
  readonly keys: readonly AdvisoryKey[];
  readonly shared: boolean;
  readonly pid: number;
  readonly #init: MemoryXactHandleInit;
  readonly #keyTexts: ReadonlySet<string>;
  #ended = false;
  #token: bigint | undefined;

  constructor(init: MemoryXactHandleInit) {
    const { request, covering } = init;
    this.#init = init;
    this.id = request.id;
    this.keys = request.keys.map((key) => key.toAdvisoryKey());
    this.#keyTexts = new Set(request.keys.map(({ text }) => text));
    this.shared = request.shared;
    this.pid = covering.pid;
  }

  get client(): object {
    return this.#init.transaction;
  }

  get key(): AdvisoryKey {
    return this.keys[0] as AdvisoryKey;
  }

  get held(): boolean {
    return !this.#ended && !this.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.#init.covering.signal;
  }

  covers(key: LockKey): boolean {
    return this.#keyTexts.has(key.text);
  }

  async fencingToken(): Promise<bigint> {
    this.signal.throwIfAborted();
    if (this.#ended)
      throw new TransactionStateError(
        `The transaction that held ${printable(this.id)} has ended; ask for the token before.`,
      );
    this.#token ??= this.#init.nextToken();
    return Promise.resolve(this.#token);
  }

  release(): Promise<never> {
    return Promise.reject(
      new PgLockUsageError(
        `Advisory lock ${printable(this.id)} belongs to a transaction: only its COMMIT or ROLLBACK releases it.`,
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Frees what was taken, while the handle goes on saying that its transaction holds it. */
  async letGo(): Promise<void> {
    await this.#init.lock?.release();
  }

  /** Its transaction has ended. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.letGo();
  }
}
