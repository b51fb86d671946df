import type { Statement } from '../sql/statement.js';

/** What arrived on the channel. @internal */
export interface PeerNotification {
  /** The backend that sent it, as the server says. */
  readonly pid: number;
  readonly payload: string;
}

/** The main lock session, when it is open and listens. @internal */
export interface PeerSession {
  readonly pid: number;
  /** How long this session and its process trust a lock without an answer, in milliseconds. */
  readonly trustMs: number;
  /** For how long the server had been up by then, in milliseconds. */
  readonly serverUptimeMs: number;
}

/** Stops what was begun; calling it again does nothing. @internal */
export type Stop = () => void;

/** What peers speak over: the main lock session of this process. @internal */
export interface PeerPort {
  /** Listens to a channel from the next (or the open) main session on. */
  onNotification(channel: string, listener: (notification: PeerNotification) => void): Stop;
  /** Tells of each main session when it is open and listens, and at once when one is already. */
  onMainOpened(listener: (main: PeerSession) => void): Stop;
  /** Tells when a main session that was told of has ended. */
  onMainEnded(listener: (main: PeerSession, error: Error) => void): Stop;
  /** Runs one statement on the main session; opens it where none is. */
  runOnMain(statement: Statement): Promise<readonly Readonly<Record<string, string | null>>[]>;
  /** Opens the main session in the background, and again whenever it ends. */
  keepOpen(): Stop;
  /** The backends of all lock sessions of this process. */
  readonly pids: readonly number[];
}
