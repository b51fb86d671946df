/** What a statement says to the server about its lease, if anything. @internal */
export type LeaseChange = 'begin' | 'end' | undefined;

/** A lease that was set for a shorter time than this stays until the session is idle: setting it again costs more. */
const WORTH_ENDING_MS = 1_000;

/**
 * Whether the server frees the locks of the session by itself when it hears nothing for a while (`idle_session_timeout`).
 *
 * It is *off* while nothing is held, so that an idle session needs no heartbeat; *asked* for together with the first try for
 * a lock, in the same message; and *on* once that is answered. What was asked for in a message that failed was not done, so
 * every try asks for it until it is on. It is *always* on where the driver takes no two statements in one message, and
 * *never* where the server has no such lease (PostgreSQL 13).
 *
 * @internal
 */
export class ServerLease {
  private state: 'off' | 'asked' | 'on';
  private onSince = 0;
  /** Counts the ends, so that an answer to what was asked before one of them is recognized. */
  private ends = 0;

  constructor(private readonly kind: 'toggled' | 'always' | 'never') {
    this.state = kind === 'always' ? 'on' : 'off';
  }

  /** Whether the server may end the session for its silence. */
  get mayEnd(): boolean {
    return this.state !== 'off';
  }

  /** What a statement has to say that takes locks. */
  forTries(now: number): LeaseChange {
    if (this.kind !== 'toggled' || this.state === 'on') return undefined;
    if (this.state === 'off') this.onSince = now;
    this.state = 'asked';
    return 'begin';
  }

  /** What a statement has to say that releases the last lock. */
  forLastRelease(now: number): LeaseChange {
    if (this.kind !== 'toggled' || this.state !== 'on' || now - this.onSince < WORTH_ENDING_MS)
      return undefined;
    return this.end();
  }

  /** What a session says that has held nothing for a while. */
  forIdling(): LeaseChange {
    return this.kind === 'toggled' && this.state !== 'off' ? this.end() : undefined;
  }

  /** Marks what is being sent; give it to {@link ServerLease.answered}. */
  get mark(): number {
    return this.ends;
  }

  /** A statement that said something was answered without an error. */
  answered(change: LeaseChange, mark: number): void {
    if (change === 'begin' && mark === this.ends) this.state = 'on';
  }

  /** A statement that said something has failed: nothing of it was done. */
  failed(change: LeaseChange): void {
    if (change === 'end' && this.state === 'off') this.state = 'asked';
  }

  private end(): LeaseChange {
    this.state = 'off';
    this.ends++;
    return 'end';
  }
}
