import { setLocal } from '../sql/settings-without-snapshot.js';
import type { OpenTransaction } from '../transaction/open-transaction.js';
import type { TransactionWatcher } from '../transaction/pg-session-watch.js';

/** Which of those that one rollback takes back was sent last, by `pg` client. */
const takenBack = new WeakMap<object, FormerTimeout>();

/**
 * The `lock_timeout` that a transaction had before `pglock.timeout`: it is sent at the end of the work, and again whenever a
 * rollback to a savepoint that began within the work takes it back; only a rollback to an older one restores it by itself.
 * Later rollbacks are seen where the `pg` client is.
 *
 * @see https://www.postgresql.org/docs/current/sql-set.html
 * @internal
 */
export class FormerTimeout {
  /** Whether the work's timeout was not taken back by a rollback. */
  #wasSet = true;
  readonly #onSet: TransactionWatcher = { ended: () => (this.#wasSet = false), lost: ignore };
  readonly #onSentBack: TransactionWatcher = { ended: () => this.#sendAgain(), lost: ignore };

  constructor(
    private readonly transaction: OpenTransaction,
    private readonly former: string,
    /** The `pg` client underneath, where the transaction does not show it. */
    private readonly client: object | undefined,
  ) {
    transaction.watch(this.#onSet, client);
  }

  /** @throws the client's error: also where the transaction has failed, and a rollback may still come. */
  async sendBack(): Promise<void> {
    try {
      await this.#send();
    } finally {
      this.transaction.watch(this.#onSentBack, this.client);
    }
  }

  /** Behind the rollback, which is on its way. */
  #sendAgain(): void {
    const client = this.transaction.pgClient ?? this.client;
    if (!this.#wasSet || client === undefined) return;
    this.transaction.watch(this.#onSentBack, client);
    takenBack.set(client, this);
    queueMicrotask(() => {
      if (takenBack.get(client) !== this) return;
      takenBack.delete(client);
      this.#send().catch(ignore);
    });
  }

  #send(): Promise<unknown> {
    const { transaction, former } = this;
    return transaction.inTurn(() => transaction.query(setLocal('lock_timeout', former)));
  }
}

/** A transaction that is over has nothing to restore. */
function ignore(): void {}
