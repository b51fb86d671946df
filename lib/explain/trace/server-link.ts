import type { Duplex } from 'node:stream';
import { EXPECTED_KIND, ExpectedAnswers, type Expected } from './expected-answers.js';
import { Intake } from './intake.js';
import { Outlet } from './outlet.js';
import { nameOf, ownMessages, type OwnStatement } from './own-statements.js';
import { onlyColumn, WIRE, message } from './wire-message.js';
import { WireSplitter } from './wire-splitter.js';

/** `I` outside of a transaction, `T` inside, `E` inside of one that has failed. @internal */
export type TransactionStatus = 'I' | 'T' | 'E';

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
  readonly #toServer: Outlet;
  readonly #toClient: Outlet;
  readonly #answers: Intake;
  readonly #expected = new ExpectedAnswers();
  readonly #prepared = new Set<string>();
  #waiting: (() => void)[] = [];
  #status: TransactionStatus = 'I';
  #copyIn = false;
  #closed = false;
  /** Answers that nothing gives any more when the connection is gone. */
  readonly #unanswered = new Set<() => void>();
  /** What stands beside the answers, while they are held back. */
  #aside: Buffer[] | undefined;

  /** @param onFull called where the server reads more slowly than the tool writes. */
  constructor(client: Duplex, server: Duplex, onFull: (roomy: Promise<void>) => void) {
    this.#toServer = new Outlet(server, onFull);
    this.#toClient = new Outlet(client, (roomy) => this.#answers.hold(roomy));
    const splitter = new WireSplitter(
      (type) => (type === WIRE.dataRow || type === WIRE.copyData) && this.#expected.head?.own !== true,
    );
    this.#answers = new Intake(server, splitter, (piece) => this.#take(piece), {
      before: (chunk) => splitter.isEven && this.#goesAhead(chunk),
      after: () => this.#settle(),
    });
  }

  /** As of the last answer. */
  get status(): TransactionStatus {
    return this.#status;
  }

  /** Everything is answered, and what is sent next will be. */
  get isQuiet(): boolean {
    return this.#expected.isEmpty && !this.#expected.isSkipping;
  }

  get isAnswered(): boolean {
    return this.#expected.isEmpty;
  }

  /** The server ignores what comes up to the next Sync of the tool. */
  get isSkipping(): boolean {
    return this.#expected.isSkipping;
  }

  /** The server takes the data of a COPY. */
  get isInCopy(): boolean {
    return this.#copyIn;
  }

  get isClosed(): boolean {
    return this.#closed;
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

  /** Resolves when the server takes the data of a COPY, or the connection is gone. */
  async inCopy(): Promise<void> {
    while (!this.#copyIn && !this.#closed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Passes a message of the tool on; `expected` where the server answers it. */
  pass(piece: WireSplitter, expected?: Expected): void {
    this.#expect(expected);
    this.#toServer.pass(piece);
  }

  /** The same, of a message that was kept. */
  send(bytes: Buffer, expected?: Expected): void {
    this.#expect(expected);
    this.#toServer.write(bytes);
  }

  #expect(expected: Expected | undefined): void {
    if (expected !== undefined && !this.#copyIn) this.#expected.add(expected);
  }

  endOfCopy(): void {
    this.#copyIn = false;
  }

  /** The session may have lost the statements that we prepared. */
  forgetPrepared(): void {
    this.#prepared.clear();
  }

  /** Runs a statement of ours among the messages of the tool, before its next Sync. */
  askInline(statement: OwnStatement, onRow: (text: string) => void): void {
    this.#toServer.write(Buffer.concat(this.#messagesOf(statement, onRow)));
  }

  /** Runs statements of ours by themselves. */
  ask(...statements: readonly OwnStatement[]): Promise<OwnAnswer> {
    const { bytes, answer } = this.prepareAsk(...statements);
    this.#toServer.write(bytes);
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
        kind: EXPECTED_KIND[type] ?? 'close',
        own: true,
        onAnswer: (answer) => {
          if (answer.type === WIRE.parseComplete) this.#prepared.add(name);
          if (answer.type === WIRE.dataRow) onRow(onlyColumn(answer.bytes));
          if (answer.type === WIRE.error) onError(answer.bytes);
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
  tell(...messages: readonly Buffer[]): void {
    for (const bytes of messages) this.#toClient.write(bytes);
  }

  /** Sends each side what is due for it. */
  flush(): void {
    this.#toClient.flush();
    this.#toServer.flush();
  }

  /** Reads the server until it closes. */
  async pump(): Promise<void> {
    await this.#answers.run();
    this.#closed = true;
    for (const done of [...this.#unanswered]) done();
    this.#wake();
  }

  /** What the tool gets as it comes it gets at once, and is read behind it. */
  #goesAhead(chunk: Buffer): boolean {
    if (this.#aside !== undefined || !this.#expected.arePassed) return false;
    this.#toClient.write(chunk);
    this.#toClient.flush();
    return true;
  }

  #settle(): void {
    if (this.#expected.isEmpty) this.#wake();
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #take(answer: WireSplitter): void {
    const { type } = answer;
    if (answer.isStreamed) return this.#toClient.pass(answer);
    if (type === WIRE.notice || type === WIRE.notification || type === WIRE.parameterStatus) {
      if (this.#aside === undefined || answer.ahead > answer.start) this.#toClient.pass(answer);
      else this.#aside.push(answer.bytes);
      return;
    }
    const answered = this.#expected.take(type);
    if (type === WIRE.ready) this.#status = String.fromCharCode(answer.byteAt(5)) as TransactionStatus;
    if (type === WIRE.copyIn) {
      this.#copyIn = true;
      this.#expected.forgetSyncs();
      this.#wake();
    } else if (type === WIRE.error || type === WIRE.commandComplete) this.#copyIn = false;
    const taken = answered?.onAnswer?.(answer) ?? false;
    if (!taken && answered?.own !== true) this.#toClient.pass(answer);
  }
}
