/** The state of one module's locks at a moment, read from memory without querying the server. @publicApi */
export interface LockStatus {
  /** Lock connections that are open. */
  readonly sessions: number;
  /** The most that may be open: `sessions.max`. */
  readonly maxSessions: number;
  /** Keys that this process holds at the server, those included that it is trying to get. */
  readonly held: number;
  /** The most keys that it may hold; `null` until the first connection has told the size of the server's lock table. */
  readonly budget: number | null;
  /** Requests that stand in line for a lock. */
  readonly waiting: number;
}
