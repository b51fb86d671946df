import type { PooledTransaction } from '../transaction/pooled-transaction.js';
import type { Flow } from '../vocabulary/flow-variable.js';
import type { LockId } from '../vocabulary/lock-id.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import type { TracedPlace } from '../vocabulary/traced-place.js';
import { printable } from '../vocabulary/printable.js';
import { placesIn } from './call-places.js';
import type { LockContext, TransactionUse } from './lock-context.js';
import type { SessionLockHandle } from './session-lock-handle.js';

/** As many places are remembered as a program may have. */
const PLACES_MAX = 1_000;
const UNKNOWN = 'a place that is not known';

/**
 * Locks that are released while a transaction is open that began before them and was used under them: who gets the lock next
 * does not see what was written. Told once per place.
 *
 * @internal
 */
export class CommitWatch {
  readonly #told = new Set<string>();

  constructor(private readonly emit: EventSink) {}

  /** Releases at the end of the work, or with `untilCommit` at the end of such transactions, which is not awaited. */
  release(
    handle: SessionLockHandle,
    context: LockContext,
    untilCommit: boolean,
    onReleased: () => void,
  ): Promise<void> {
    const uses = context.openTransactions();
    if (uses.length > 0 && handle.held) {
      if (untilCommit) {
        context.handToTransaction();
        void endOf(uses, handle)
          .then(() => handle.release())
          .finally(onReleased);
        return Promise.resolve();
      }
      this.#tell(handle.id, context, uses[0] as TransactionUse);
    }
    return handle.release().finally(onReleased);
  }

  #tell(id: LockId | readonly LockId[], context: LockContext, use: TransactionUse): void {
    const { locked, began } = placesOf(use, context);
    const place = `${locked}\n${began}`;
    if (this.#told.has(place) || this.#told.size >= PLACES_MAX) return;
    this.#told.add(place);
    const message =
      `Advisory lock ${printable(id)} was released before the transaction in which its work wrote or read has ended: the next ` +
      `holder does not see what is not committed. It is locked at ${locked}; the transaction began at ${began}. ` +
      'Begin the transaction within the lock, or give `untilCommit: true`, or pass the transaction as `transaction`.';
    this.emit({ type: 'releasedBeforeCommit', id, locked, began, message });
  }
}

/** Resolves when all of them are over, or the lock is lost before. */
function endOf(uses: readonly TransactionUse[], handle: SessionLockHandle): Promise<unknown> {
  const lost = new Promise<void>((resolve) => (handle.onEnded = resolve));
  return Promise.race([lost, Promise.all(uses.map(({ transaction }) => transaction.ended))]);
}

function placesOf(
  { transaction, at, isAtLock }: TransactionUse,
  context: LockContext,
): { readonly locked: string; readonly began: string } {
  const { asked, held, outermost } = placesIn(at);
  return {
    locked: context.methodName ?? (isAtLock ? asked : held) ?? context.workName ?? UNKNOWN,
    // What begins it without `await` leaves no trace of its caller; nor does the stack of the work go beyond what it called.
    began:
      placeOf(transaction.began) ??
      placeOf(transaction.taken) ??
      (isAtLock ? held : undefined) ??
      outermost ??
      UNKNOWN,
  };
}

function placeOf(traced: TracedPlace | undefined): string | undefined {
  return traced && placesIn(traced).asked;
}

/** Finds the transaction that a flow is in before it asks for a lock. @internal */
export interface FlowTransaction {
  /** That of `pglock.transaction`. */
  own(flow: Flow): PooledTransaction | undefined;
  /**
   * That of `pglock.transaction`, or the one that the flow is known to be in. Asks that for its backend, where its client does
   * not show the connection.
   *
   * @throws {TransactionStateError} when it is on no session of the pool, so that its end cannot be seen.
   */
  visible(): Promise<PooledTransaction | undefined>;
}
