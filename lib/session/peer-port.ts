import type { Statement } from '../sql/statement.js';

/** A row as the server wrote it: every value is a string or null, whatever type parsers the application has set. @internal */
export type TextRow = Readonly<Record<string, string | null>>;

/** What arrived on a channel that the main session listens to. @internal */
export interface PeerNotification {
  /** The backend that sent it. */
  readonly pid: number;
  readonly channel: string;
  readonly payload: string;
}

/** The main lock session, when it is open: told to those who speak over it. @internal */
export interface OpenedMain {
  /** The backend behind it. */
  readonly pid: number;
  /** How long this session and its process trust a lock without an answer, in milliseconds. */
  readonly trustMs: number;
  /** How long the server keeps a lock of a process that says nothing, in milliseconds; null on PostgreSQL 13. */
  readonly leaseMs: number | null;
  /** For how long the server had been up when the session was opened, in milliseconds. */
  readonly serverUptimeMs: number;
}

/** Stops what was begun; calling it again does nothing. @internal */
export type Stop = () => void;

/**
 * What processes of one database use to speak with each other: the main lock session, which LISTENs as part of being
 * opened as long as there is a listener. Errors of a callback reach no other listener, and are reported once.
 *
 * @internal
 */
export interface PeerPort {
  /**
   * Tells of everything that arrives on a channel, in the order in which the server sent it. The main session listens to it
   * from when it is open next, or from now on where it is; {@link PeerPort.whenListening} says when.
   */
  onNotification(channel: string, listener: (notification: PeerNotification) => void): Stop;
  /**
   * Resolves when the main session listens to all channels that were asked for; opens it where none is. What was committed
   * before it resolves may have been missed, what is committed after it is not.
   */
  whenListening(): Promise<OpenedMain>;
  /** Runs one statement on the main session in its turn; opens it where none is. Rejects when the session ends first. */
  runOnMain(statement: Statement): Promise<readonly TextRow[]>;
  /** Tells of each main session when it is open and listens, and at once when one is already. */
  onMainOpened(listener: (main: OpenedMain) => void): Stop;
  /** Tells when a main session that was told of as opened has ended: nothing is heard until the next is opened. */
  onMainEnded(listener: (main: OpenedMain, error: Error) => void): Stop;
  /**
   * Opens the main session in the background and keeps it open, reopened after a growing pause whenever it ends, until all
   * who asked for it have stopped. Told of each attempt that fails.
   */
  keepOpen(onFailed?: (error: unknown) => void): Stop;
  /** The backends of all lock sessions of this process. */
  readonly pids: readonly number[];
  /** Tells when {@link PeerPort.pids} has changed. */
  onPidsChanged(listener: () => void): Stop;
}
