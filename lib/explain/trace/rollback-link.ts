import type { Duplex } from 'node:stream';
import type { Statement } from '../../sql/statement.js';
import { ExpectedAnswers, type Expected } from './expected-answers.js';
import { Intake } from './intake.js';
import { Outlet } from './outlet.js';
import { byte, errorFields, int32, message, onlyColumn, WIRE } from './wire-message.js';
import { WireSplitter } from './wire-splitter.js';

const NAME = 'pglock_explain_around';

/** What becomes of the answers. @internal */
export interface RollbackAnswers {
  /** Passes bytes to the tool. @returns false where it reads more slowly. */
  push(bytes: Buffer): boolean;
  /** Resolves when the tool reads on. */
  roomy(): Promise<void>;
  /** The server wants the data of a COPY. */
  copyIn(isExtended: boolean): void;
  /** The server is in no transaction: what was to be rolled back is committed. */
  outside(): void;
}

/** What becomes of the answers to statements of ours. */
interface OnOwnAnswer {
  readonly onError: (bytes: Buffer) => void;
  readonly onRow?: (row: string) => void;
  /** The last of them is done. */
  readonly onDone?: () => void;
}

/** The connection to the server of a {@link RollbackSession}: the tool's messages and ours, and whose the answers are. @internal */
export class RollbackLink {
  readonly #toServer: Outlet;
  readonly #intake: Intake;
  readonly #answers: RollbackAnswers;
  readonly #expected = new ExpectedAnswers();
  #serverRoomy: Promise<void> | undefined;
  #isFull = false;
  readonly #unanswered = new Set<() => void>();
  /** The last CommandComplete, which the server sends when it has committed. */
  #kept: Buffer | undefined;
  #keeps = false;

  constructor(server: Duplex, answers: RollbackAnswers) {
    this.#answers = answers;
    this.#toServer = new Outlet(server, (roomy) => {
      this.#serverRoomy = roomy;
    });
    const splitter = new WireSplitter(
      (type) => (type === WIRE.dataRow || type === WIRE.copyData) && this.#expected.head?.own !== true,
    );
    this.#intake = new Intake(server, splitter, (piece) => this.#take(piece), {
      after: () => this.#afterChunk(),
    });
  }

  /** The server ignores what comes up to the next Sync of the tool. */
  get isSkipping(): boolean {
    return this.#expected.isSkipping;
  }

  /** Passes bytes on; `expected` where the server answers them. */
  send(bytes: Buffer, expected?: Expected): void {
    if (expected !== undefined) this.#expected.add(expected);
    this.#toServer.write(bytes);
  }

  /** Sends what is due, and waits where the server reads more slowly. */
  async sent(): Promise<void> {
    this.#toServer.flush();
    await this.#serverRoomy;
  }

  /** The same, and waits for its ReadyForQuery, which the tool does not see. */
  async sendAndWait(bytes: Buffer, onError: (bytes: Buffer) => void): Promise<void> {
    this.#keeps = true;
    const answered = this.#answered((done) => {
      this.#expected.add({
        kind: 'query',
        own: false,
        onAnswer: ({ type, bytes: answer }) => {
          if (type === WIRE.error) onError(answer);
          if (type === WIRE.ready) done();
          return type === WIRE.ready;
        },
      });
    });
    this.#toServer.write(bytes);
    await answered;
    this.#keeps = false;
  }

  /** Runs statements of ours by themselves. */
  async ask(statements: readonly Statement[], onError: (bytes: Buffer) => void): Promise<string[]> {
    const rows: string[] = [];
    const messages = this.#messagesOf(statements, { onError, onRow: (row) => rows.push(row) });
    const answered = this.#answered((done) => {
      this.#expected.add({ kind: 'sync', own: true, onAnswer: () => (done(), true) });
    });
    this.#toServer.write(Buffer.concat([...messages, message(WIRE.sync)]));
    await answered;
    return rows;
  }

  /** Runs statements of ours among messages of the tool, before its next Sync. */
  askInline(statements: readonly Statement[], on: OnOwnAnswer): void {
    this.#toServer.write(Buffer.concat(this.#messagesOf(statements, on)));
  }

  #messagesOf(statements: readonly Statement[], { onError, onRow, onDone }: OnOwnAnswer): Buffer[] {
    return statements.flatMap(({ text }, index) => {
      const add = (kind: Expected['kind'], onExecuted?: () => void) => {
        this.#expected.add({
          kind,
          own: true,
          onAnswer: ({ type, bytes: answer }) => {
            if (type === WIRE.error) onError(answer);
            if (type === WIRE.dataRow) onRow?.(onlyColumn(answer));
            if (type === WIRE.commandComplete || type === WIRE.emptyQuery) onExecuted?.();
            return true;
          },
        });
      };
      // What failed has left its statement and its portal there.
      add('close');
      add('close');
      add('parse');
      add('bind');
      add('execute', index === statements.length - 1 ? onDone : undefined);
      add('close');
      add('close');
      return [
        message(WIRE.close, byte('P'), NAME),
        message(WIRE.close, byte('S'), NAME),
        message(WIRE.parse, NAME, text, 0),
        message(WIRE.bind, NAME, NAME, 0, 0, 0),
        message(WIRE.execute, NAME, int32(0)),
        message(WIRE.close, byte('P'), NAME),
        message(WIRE.close, byte('S'), NAME),
      ];
    });
  }

  #answered(expect: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#unanswered.delete(done);
        resolve();
      };
      this.#unanswered.add(done);
      expect(done);
    });
  }

  /** Takes away the CommandComplete that was kept, for what failed behind it. */
  dropKept(): void {
    this.#kept = undefined;
  }

  /** Gives the tool what was kept, and more. */
  tell(...bytes: readonly Buffer[]): void {
    const kept = this.#kept;
    this.#kept = undefined;
    for (const one of [...(kept === undefined ? [] : [kept]), ...bytes]) this.#push(one);
  }

  /** Reads the server until it closes. */
  async pump(): Promise<void> {
    await this.#intake.run();
    for (const done of [...this.#unanswered]) done();
  }

  #afterChunk(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#intake.hold(this.#answers.roomy());
  }

  #push(bytes: Buffer): void {
    if (!this.#answers.push(bytes)) this.#isFull = true;
  }

  #pass(bytes: Buffer): void {
    this.tell();
    this.#push(bytes);
  }

  #take(piece: WireSplitter): void {
    const { type, bytes } = piece;
    if (piece.isStreamed) return this.#pass(bytes);
    if (type === WIRE.notice && isOurs(bytes)) return;
    if (type === WIRE.notice || type === WIRE.notification || type === WIRE.parameterStatus)
      return this.#push(bytes);
    if (type === WIRE.ready && bytes[5] === 'I'.charCodeAt(0)) this.#answers.outside();
    const answered = this.#expected.take(type);
    if (type === WIRE.copyIn) {
      this.#expected.forgetSyncs();
      this.#answers.copyIn(answered?.kind === 'execute');
    }
    if ((answered?.onAnswer?.(piece) ?? false) || answered?.own === true) return;
    if (this.#keeps && type === WIRE.commandComplete) {
      this.tell();
      this.#kept = bytes;
    } else this.#pass(bytes);
  }
}

/** A portal of the tool that was bound in a failed transaction is told of when its savepoint goes. */
function isOurs(notice: Buffer): boolean {
  return errorFields(notice).get('R') === 'AtSubCleanup_Portals';
}
