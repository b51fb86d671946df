import type { Duplex } from 'node:stream';
import { anyEvent } from './any-event.js';
import { ExpectedAnswers, type Expected } from './expected-answers.js';
import { nameOf, ownMessages, type OwnStatement } from './own-statements.js';
import { onlyColumn, WIRE, message } from './wire-message.js';
import { WireSplitter, type WirePiece } from './wire-splitter.js';

/** `I` outside of a transaction, `T` inside, `E` inside of one that has failed. @internal */
export type TransactionStatus = 'I' | 'T' | 'E';

const KINDS: Readonly<Record<number, Expected['kind']>> = {
  [WIRE.parse]: 'parse',
  [WIRE.bind]: 'bind',
  [WIRE.execute]: 'execute',
  [WIRE.close]: 'close',
};

/** What came of statements of our own. @internal */
export interface OwnAnswer {
  readonly rows: readonly string[];
  /** The ErrorResponse, where one failed. */
  readonly error: Buffer | undefined;
}

/**
 * The connection to the server of one traced session: sends the tool's messages and ours, and gives the tool the answers to its
 * own.
 *
 * States: *quiet* (everything is answered), *busy*.
 *
 * @internal
 */
export class ServerLink {
  readonly #client: Duplex;
  readonly #server: Duplex;
  readonly #expected = new ExpectedAnswers();
  readonly #prepared = new Set<string>();
  readonly #splitter = new WireSplitter((type) =>
    type === WIRE.dataRow || type === WIRE.copyData ? this.#expected.head?.own !== true : false,
  );
  #waiting: (() => void)[] = [];
  #status: TransactionStatus = 'I';
  #copyIn = false;
  #closed = false;
  /** Answers that nothing gives any more when the connection is gone. */
  readonly #unanswered = new Set<() => void>();
  /** What stands beside the answers, while they are held back. */
  #aside: Buffer[] | undefined;

  constructor(client: Duplex, server: Duplex) {
    this.#client = client;
    this.#server = server;
  }

  /** As of the last answer. */
  get status(): TransactionStatus {
    return this.#status;
  }

  get isQuiet(): boolean {
    return this.#expected.isEmpty;
  }

  /** The server takes the data of a COPY. */
  get isInCopy(): boolean {
    return this.#copyIn;
  }

  /** Whether the server still works on something. */
  get isRunning(): boolean {
    return !this.#closed && (!this.#expected.isEmpty || this.#status !== 'I');
  }

  /** Resolves when everything is answered, or the connection is gone. */
  async quiet(): Promise<void> {
    while (!this.#expected.isEmpty && !this.#closed)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Passes a message of the tool on. */
  async send(bytes: Buffer, expected?: Expected): Promise<void> {
    if (expected !== undefined && !this.#copyIn) this.#expected.add(expected);
    await written(this.#server, bytes);
  }

  endOfCopy(): void {
    this.#copyIn = false;
  }

  /** The session may have lost the statements that we prepared. */
  forgetPrepared(): void {
    this.#prepared.clear();
  }

  /** Runs a statement of ours among the messages of the tool, before its next Sync. */
  async askInline(statement: OwnStatement, onRow: (text: string) => void): Promise<void> {
    await written(this.#server, Buffer.concat(this.#messagesOf(statement, onRow)));
  }

  /** Runs statements of ours by themselves. */
  async ask(...statements: readonly OwnStatement[]): Promise<OwnAnswer> {
    const { bytes, answer } = this.prepareAsk(...statements);
    await written(this.#server, bytes);
    return answer;
  }

  /** The same, for what is to be sent with something behind it. */
  prepareAsk(...statements: readonly OwnStatement[]): {
    readonly bytes: Buffer;
    readonly answer: Promise<OwnAnswer>;
  } {
    const rows: string[] = [];
    let error: Buffer | undefined;
    const fail = (bytes: Buffer) => (error ??= bytes);
    const messages = statements.flatMap((one) => this.#messagesOf(one, (text) => rows.push(text), fail));
    const answer = new Promise<OwnAnswer>((resolve) => {
      const done = () => {
        this.#unanswered.delete(done);
        resolve({ rows, error });
      };
      if (this.#closed) return done();
      this.#unanswered.add(done);
      this.#expected.add({ kind: 'sync', own: true, onAnswer: () => (done(), true) });
    });
    return { bytes: Buffer.concat([...messages, message(WIRE.sync)]), answer };
  }

  #messagesOf(
    statement: OwnStatement,
    onRow: (text: string) => void,
    onError = (bytes: Buffer): unknown => this.tell(bytes),
  ): Buffer[] {
    const name = nameOf(statement);
    return ownMessages(statement, this.#prepared.has(name)).map(({ type, bytes }) => {
      this.#expected.add({
        kind: KINDS[type] ?? 'close',
        own: true,
        onAnswer: (answer, received) => {
          if (answer === WIRE.parseComplete) this.#prepared.add(name);
          if (answer === WIRE.dataRow) onRow(onlyColumn(received));
          if (answer === WIRE.error) onError(received);
          return true;
        },
      });
      return bytes;
    });
  }

  /** Notices, notifications and settings are kept from here on, for {@link release}. */
  hold(): void {
    this.#aside = [];
  }

  /** Gives back what was kept since {@link hold}: notices, and what belongs behind an answer. */
  release(): { readonly notices: readonly Buffer[]; readonly rest: readonly Buffer[] } {
    const kept = this.#aside ?? [];
    this.#aside = undefined;
    return {
      notices: kept.filter((bytes) => bytes[0] === WIRE.notice),
      rest: kept.filter((bytes) => bytes[0] !== WIRE.notice),
    };
  }

  /** Writes to the tool. */
  tell(...bytes: readonly Buffer[]): void {
    if (bytes.length > 0 && !this.#client.destroyed)
      this.#client.write(bytes.length === 1 ? bytes[0] : Buffer.concat(bytes));
  }

  /** Reads the server until it closes. */
  async pump(): Promise<void> {
    try {
      for await (const chunk of this.#server) {
        gather(this.#client);
        for (const piece of this.#splitter.push(chunk as Buffer)) this.#take(piece);
        if (this.#client.writableNeedDrain) await drained(this.#client);
        if (this.#expected.isEmpty) this.#wake();
      }
    } finally {
      this.#closed = true;
      for (const done of [...this.#unanswered]) done();
      this.#wake();
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #take({ type, bytes, isStreamed }: WirePiece): void {
    if (isStreamed) return this.tell(bytes);
    if (type === WIRE.notice || type === WIRE.notification || type === WIRE.parameterStatus) {
      if (this.#aside === undefined) this.tell(bytes);
      else this.#aside.push(Buffer.from(bytes));
      return;
    }
    const answered = this.#expected.take(type);
    if (type === WIRE.ready) this.#status = String.fromCharCode(bytes[5] ?? 0) as TransactionStatus;
    if (type === WIRE.copyIn) {
      this.#copyIn = true;
      this.#expected.forgetSyncs();
    } else if (type === WIRE.error || type === WIRE.commandComplete) this.#copyIn = false;
    const taken = answered?.onAnswer?.(type, bytes) ?? false;
    if (!taken && answered?.own !== true) this.tell(bytes);
  }
}

/** What is written until the event loop goes on is sent in one packet, as it came: each one would wake the other side. */
function gather(stream: Duplex): void {
  if (stream.destroyed || stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

/** Waits where the other side reads more slowly than this one writes. @internal */
export async function written(stream: Duplex, bytes: Buffer): Promise<void> {
  gather(stream);
  if (stream.destroyed || stream.write(bytes)) return;
  await drained(stream);
}

async function drained(stream: Duplex): Promise<void> {
  await anyEvent(stream, 'drain', 'close');
}
