import { setTimeout as delay } from 'node:timers/promises';
import type { Statement } from '../sql/statement.js';
import { waiting } from '../sql/waiting.js';
import { SQLSTATE } from '../vocabulary/sqlstate.js';
import { onAbort } from '../vocabulary/wait-abort.js';
import { TransactionStateError } from '../errors/transaction-state.error.js';
import type { FindSender } from './given-up.js';
import type { OpenTransaction, StatementsAround } from './open-transaction.js';
import { sqlStateWithin } from './sqlstate-within.js';

/**
 * Cancels a marked statement while it waits for a lock, from another connection. Resolves to whether the server still ran it.
 *
 * @internal
 */
export type CancelWait = (mark: string, pid: number | undefined) => Promise<boolean>;

/** How a wait may end before the lock is granted. @internal */
export interface LockWaitOptions {
  readonly signal: AbortSignal | undefined;
  /** The backend, where it is known. */
  readonly pid: number | undefined;
  readonly cancel: CancelWait;
  readonly findSender: FindSender;
  /** What goes with the statement. */
  readonly around?: StatementsAround;
}

const LOOK_AGAIN_MS = 20;
/** How often a statement that is not seen may still be on its way to the server. */
const UNSEEN_LOOKS = 3;
/** A statement that waits for nothing ends by itself. */
const LOOKS = 250;

/**
 * Runs a statement of the library that waits for locks, alone in its transaction. When the caller or the client gives the
 * wait up (`signal`, `query_timeout`, a transaction's own timeout), the server's wait is cancelled: no lock is granted later to
 * a transaction that never ends.
 *
 * @throws the reason of `signal` when that ended the wait.
 * @internal
 */
export async function waitForLocks<Row extends object>(
  transaction: OpenTransaction,
  statement: Statement,
  { signal, pid, cancel, findSender, around }: LockWaitOptions,
): Promise<Row[]> {
  signal?.throwIfAborted();
  const marked = waiting(statement);
  const wait = new Wait(marked.mark, pid, cancel);
  const end = () => void wait.end();
  const giveUp = () => {
    wait.isGivenUp = true;
    end();
  };
  const stopWatching = transaction.watchGiveUp(marked.mark, giveUp, findSender);
  const stopListening = signal && onAbort(signal, end);
  try {
    return await transaction.query<Row>(marked, around);
  } catch (error) {
    const state = sqlStateWithin(error);
    if (signal?.aborted && state === SQLSTATE.queryCanceled) throw signal.reason;
    if (wait.isGivenUp && state === SQLSTATE.queryCanceled) throw givenUp(transaction, error);
    // Not the server ended it, so that it may still run there.
    if (state === undefined) await wait.end();
    throw error;
  } finally {
    stopListening?.();
    stopWatching();
    await wait.over();
  }
}

function givenUp({ clientName }: OpenTransaction, cause: unknown): TransactionStateError {
  return new TransactionStateError(
    `The ${clientName} transaction was ended by its client, or by a timeout of that, while it waited for a lock: the wait was cancelled. Give the lock a timeout that is shorter than the transaction's.`,
    { cause },
  );
}

/** One wait in the server: *running*, *being ended* from when it is given up, and *over* when its statement has settled. */
class Wait {
  /** By the client, and not by the caller. */
  isGivenUp = false;
  #over = false;
  #ending: Promise<void> | undefined;

  constructor(
    readonly mark: string,
    readonly pid: number | undefined,
    readonly cancel: CancelWait,
  ) {}

  /** Looks, and cancels, until the server shows the statement no more. */
  end(): Promise<void> {
    return (this.#ending ??= this.#end());
  }

  /** A cancel under way must not hit the statement after this one. */
  async over(): Promise<void> {
    this.#over = true;
    await this.#ending;
  }

  async #end(): Promise<void> {
    for (let look = 0, unseen = 0; look < LOOKS && unseen < UNSEEN_LOOKS && !this.#over; look++) {
      const runs = await this.cancel(this.mark, this.pid).catch(() => undefined);
      if (runs === undefined) return;
      unseen = runs ? 0 : unseen + 1;
      await delay(LOOK_AGAIN_MS);
    }
  }
}
