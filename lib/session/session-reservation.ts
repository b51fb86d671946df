import type { LockSession } from './lock-session.js';

/** A place in the line for a session that may wait: *waiting*, until a session *fulfils* it, which is then *taken*. @internal */
export class SessionReservation {
  private session: LockSession | undefined;

  /** @param wake called when there is a session, or one might be opened. */
  constructor(readonly wake: () => void) {}

  isReady(): boolean {
    return this.session !== undefined;
  }

  fulfil(session: LockSession): void {
    this.session = session;
    this.wake();
  }

  /** The session, which its taker gives back. */
  take(): LockSession | undefined {
    const { session } = this;
    this.session = undefined;
    return session;
  }
}
