/** Another process (or module instance) on the same database. Module instances are peers of their own. @internal */
export interface PeerInfo {
  /** Random for each module instance: equal to no other, also not after a restart. */
  readonly id: string;
  /** The backend of its main lock session, as the server says: what speaks cannot choose it. */
  readonly pid: number;
  /** All its lock backends as far as it has told, `pid` included. */
  readonly pids: readonly number[];
  /** What the application calls itself. */
  readonly applicationName: string;
  readonly host: string;
  /** Since when it listens, on the monotonic clock of this process, as far as it has told; late by the time of its message. */
  readonly listensSince?: number | undefined;
}

/**
 * A kind of message: the name on the wire, and what reads a body that came from outside. Every role that can connect can speak, so
 * `read` believes nothing: it answers `undefined` for what it does not understand, and takes fields that it does not know.
 *
 * @internal
 */
export interface PeerMessageKind<Body> {
  readonly name: string;
  readonly read: (body: unknown) => Body | undefined;
}

/** A kind of question, and of the answers to it. @internal */
export interface PeerQuestionKind<Question, Answer> {
  readonly name: string;
  readonly readQuestion: (body: unknown) => Question | undefined;
  readonly readAnswer: (body: unknown) => Answer | undefined;
}

/** What one peer has answered. @internal */
export interface PeerAnswer<Answer> {
  readonly body: Answer;
  readonly from: PeerInfo;
}

/** For how long answers are collected. @internal */
export interface AskOptions<Answer> {
  /** How long to wait for answers, in milliseconds. */
  readonly waitMs: number;
  /** Whether the answers so far are enough. Left out: all that come in time are collected. */
  readonly isEnough?: (answers: readonly PeerAnswer<Answer>[]) => boolean;
}

/** What gives the answers to a question. @internal */
export interface AnswerOptions {
  /**
   * Whether an answer of another peer with the same body makes ours superfluous: answers are then delayed at random for up
   * to 100 ms, and dropped when such a one was heard. For questions to which many know the same answer.
   */
  readonly suppressed?: boolean;
}

/** @throws {ReadReplicaError} where no peers can speak, for what needs them: its plural. @internal */
export type AssertPeers = (what: string) => void;

/**
 * The other processes on one database: what they say, and what is said to them, over one `LISTEN`/`NOTIFY` channel on the
 * main lock session.
 *
 * *Silent* until something keeps it listening; *listening* from the answer to `LISTEN` on; after a lost session *broken*
 * until the next one listens: what was told in between was missed. Everything here runs outside of any flow. A message is
 * never sent for a lock: a `NOTIFY` makes commits wait for each other.
 *
 * @internal
 */
export interface Peers {
  /** Random for each module instance. */
  readonly id: string;
  /** What this process says of itself. */
  readonly self: PeerInfo;
  /** Since when nothing can have been missed, on the monotonic clock; `undefined` while it does not listen. */
  readonly listeningSince: number | undefined;
  /**
   * The same, without counting the times at which no peer could speak, because the server was down: what may have been missed
   * is only what was told between its start and `listeningSince`.
   */
  readonly attentiveSince: number | undefined;
  /** Whether the module was shut down: nothing is told or asked any more. */
  readonly isClosed: boolean;
  /** Opens the lock session in the background, and keeps it open and listening until the returned function is called. */
  keepListening(): () => void;
  /** Hears what other peers tell. What cannot be read is ignored; own messages are not heard. Returns the way to stop. */
  on<Body>(kind: PeerMessageKind<Body>, listener: (body: Body, from: PeerInfo) => void): () => void;
  /**
   * Tells all peers. All messages of one turn travel in one statement; one message takes at most 7 999 bytes with about 250
   * for the envelope. Resolves when committed. Rejects when it could not be told: it is not told again.
   */
  tell<Body>(kind: PeerMessageKind<Body>, body: Body): Promise<void>;
  /** The same for what need not be known at once: it travels with whatever is told next, or by itself when so long has passed. */
  tellWithin<Body>(kind: PeerMessageKind<Body>, body: Body, ms: number): Promise<void>;
  /** Sends now what waits to be told. */
  flush(): void;
  /**
   * One statement on the listening session: what was committed before is heard before it resolves. Rejects when nothing is
   * listening, or the session is lost meanwhile.
   */
  sync(): Promise<void>;
  /** Tells a question and collects answers. Rejects only when the question could not be told. */
  ask<Question, Answer>(
    kind: PeerQuestionKind<Question, Answer>,
    body: Question,
    options: AskOptions<Answer>,
  ): Promise<readonly PeerAnswer<Answer>[]>;
  /** Answers questions of peers; `undefined` says nothing. Returns the way to stop. */
  answer<Question, Answer>(
    kind: PeerQuestionKind<Question, Answer>,
    answerer: (body: Question, from: PeerInfo) => Answer | undefined | Promise<Answer | undefined>,
    options?: AnswerOptions,
  ): () => void;
  /** The peers heard of, until they have been silent for long or have said goodbye. */
  known(): readonly PeerInfo[];
  /** Whether the server would show a backend that has spoken what our sessions do. Rejects when it cannot be asked. */
  maySeeOurs(pid: number): Promise<boolean>;
  /** The listening session was lost: from now on messages are missed. Returns the way to stop. */
  onBreak(listener: () => void): () => void;
  /** It listens (for the first time, or again); what was told before it was not heard. Returns the way to stop. */
  onListening(listener: () => void): () => void;
  /** Gives no more answers, and says goodbye on the session that is about to be closed. */
  close(): void;
}
