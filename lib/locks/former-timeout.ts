import { setLocal } from '../sql/settings-without-snapshot.js';
import type { Statement } from '../sql/statement.js';
import { afterAnswer } from '../transaction/after-answer.js';
import type { OpenTransaction } from '../transaction/open-transaction.js';
import { queryPg, type PgClient } from '../transaction/pg-client.js';
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
    const { transaction } = this;
    // What was rolled back, or committed to begin another transaction, has what it had.
    if (!this.#wasSet) return;
    try {
      await transaction.inTurn(() => transaction.query(this.#statement));
    } finally {
      transaction.watch(this.#onSentBack, this.client);
    }
  }

  get #statement(): Statement {
    return setLocal('lock_timeout', this.former);
  }

  /** On the `pg` client, so that it is the first statement behind the rollback. */
  #sendAgain(): void {
    const client = this.transaction.pgClient ?? this.client;
    if (!this.#wasSet || client === undefined) return;
    this.transaction.watch(this.#onSentBack, client);
    takenBack.set(client, this);
    afterAnswer(client, () => {
      if (takenBack.get(client) !== this) return;
      takenBack.delete(client);
      queryPg(client as PgClient, this.#statement.text, []).catch(ignore);
    });
  }
}

/** A transaction that is over has nothing to restore. */
function ignore(): void {}
