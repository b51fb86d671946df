/** SQLSTATE of a session that is ended because the whole server starts anew after a crash. */
const CRASH_SHUTDOWN = '57P02';

/**
 * Since when a process has listened, without counting the times at which no peer could speak: while the server was down, all
 * sessions were.
 *
 * *Listening* from `begin` to `end`; then *deaf* until the next `begin`, which goes on with the former time where the server was
 * started meanwhile.
 *
 * @internal
 */
export class Attention {
  private since: number | undefined;
  private endedAt = -Infinity;
  private wasCrash = false;

  /** Undefined before the first session; not cleared by the end of one. */
  get attentiveSince(): number | undefined {
    return this.since;
  }

  /** A session listens, on a server that was started at that moment, as far as is known. */
  begin(now: number, serverStartedAt: number): void {
    const wasDown = this.wasCrash || serverStartedAt > this.endedAt;
    this.since = wasDown ? (this.since ?? now) : now;
  }

  /** The session is over. */
  end(now: number, error: unknown): void {
    this.endedAt = now;
    this.wasCrash = isCrash(error);
  }
}

function isCrash(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if ((at as { readonly code?: unknown }).code === CRASH_SHUTDOWN) return true;
  return false;
}
