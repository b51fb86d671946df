/**
 * For how long the locks of a session may be trusted: pure arithmetic, with the time as a parameter.
 *
 * The server frees the locks of a session that has said nothing for the whole lease. It counts from the last statement that
 * it has seen, of which only one thing is known here: not before it was *sent*. So an answered statement proves the locks
 * from when it was sent, for a part of the lease (`trustMs`), and an answer that comes later than that proves nothing.
 *
 * @internal
 */
export class Lease {
  private trustedUntil: number;

  constructor(
    readonly trustMs: number,
    openedAt: number,
  ) {
    this.trustedUntil = openedAt + trustMs;
  }

  /** When an answer is overdue: `allowanceMs` is how long the statement may take by itself. */
  dueAt(sentAt: number, allowanceMs: number): number {
    return sentAt + allowanceMs + this.trustMs;
  }

  /**
   * Notes an answer. False when it came too late to prove anything about locks; a statement that may take long by itself
   * proves nothing when it did, and no harm is done, since it was not to prove anything.
   */
  answered(sentAt: number, allowanceMs: number, now: number): boolean {
    // Answers come in the order of sending, so that this never goes back.
    this.trustedUntil = sentAt + this.trustMs;
    return allowanceMs > 0 || now < this.trustedUntil;
  }

  /** Whether the server cannot have given the locks to others. */
  isTrusted(now: number): boolean {
    return now < this.trustedUntil;
  }

  /**
   * Whether the session is to be given up. With locks, that counts from the last answer, whatever was asked since: the
   * server may have heard nothing of it. Without, an overdue answer decides; `dueAt` is undefined when none is awaited.
   */
  isExpired(now: number, holdsAny: boolean, dueAt: number | undefined): boolean {
    return now >= (holdsAny ? this.trustedUntil : (dueAt ?? Infinity));
  }
}
