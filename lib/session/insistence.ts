import { monotonicMs } from '../vocabulary/monotonic.js';
import { isRepeatable } from '../vocabulary/sqlstate.js';

/** For how long a statement is sent again and again that another session cancels. */
const INSIST_MS = 10_000;

/**
 * Whether a statement is sent again that was cancelled although nothing here has asked for that. By time and not by count: who
 * cancels without a pause hits a statement a hundred times before it gets through, and does no harm to what is held meanwhile.
 *
 * @internal
 */
export class Insistence {
  private until: number | undefined;

  /** Whether what has failed so is to be sent once more. */
  mayRepeat(error: unknown): boolean {
    if (!isRepeatable(error)) return false;
    const now = monotonicMs();
    this.until ??= now + INSIST_MS;
    return now < this.until;
  }
}

/** Runs a statement, and again as long as it is cancelled. @internal */
export async function insistently<T>(run: () => Promise<T>): Promise<T> {
  const insistence = new Insistence();
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!insistence.mayRepeat(error)) throw error;
    }
  }
}
