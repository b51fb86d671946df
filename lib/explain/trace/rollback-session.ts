import { Duplex } from 'node:stream';
import { BEGIN_ROLLED_BACK, SAVEPOINT } from '../../sql/rollback-session.js';
import { endOfWork, inPlaceOf, partsOfControl } from './rollback-batch.js';
import { EXPECTED_KIND } from './expected-answers.js';
import { RollbackLink } from './rollback-link.js';
import type { RollbackRun } from './rollback-run.js';
import type { TransactionStatus } from './server-link.js';
import { transactionControl, type TransactionControl } from './transaction-control.js';
import { byte, errorFields, errorMessage, message, textAt, WIRE } from './wire-message.js';
import { WireSplitter, type WirePiece } from './wire-splitter.js';

/** What cannot run in a transaction, and what ends one from within. */
const OUTSIDE_ONLY: ReadonlySet<string> = new Set(['25001', '2D000']);
const ADMIN_SHUTDOWN = '57P01';

/**
 * A session of the server in which nothing is ever committed, and which looks to its client as any other: one transaction is
 * around all of it, and the client's own are savepoints in it.
 *
 * States: *idle*; *open* (messages of the extended protocol up to their Sync); *answering* (the client's next statement waits).
 *
 * @internal
 */
export class RollbackSession extends Duplex {
  readonly #server: Duplex;
  readonly #run: RollbackRun;
  readonly #pid: number;
  readonly #link: RollbackLink;
  readonly #splitter = new WireSplitter((type) => type === WIRE.copyData);
  readonly #statements = new Map<string, string>();
  readonly #portals = new Map<string, string>();
  #state: 'idle' | 'open' | 'answering' = 'idle';
  /** Where the client believes to be, once what is sent is done. */
  #status: TransactionStatus = 'I';
  #failed = false;
  #copyIn = false;
  #isOver = false;
  #waiting: (() => void)[] = [];
  #roomy: (() => void) | undefined;

  constructor(server: Duplex, run: RollbackRun, pid: number) {
    super();
    this.#server = server;
    this.#run = run;
    this.#pid = pid;
    this.#link = new RollbackLink(server, {
      push: (bytes) => this.#isOver || this.push(bytes),
      roomy: () => new Promise((resolve) => (this.#isOver ? resolve() : (this.#roomy = resolve))),
      copyIn: (isExtended) => this.#startOfCopy(isExtended),
      outside: () => run.refuse('the command has ended the transaction around it'),
    });
  }

  /** Begins the transaction. */
  async begin(): Promise<void> {
    this.#run.opened(this.#pid);
    const refused = () => this.#refused();
    this.#run.signal.addEventListener('abort', refused, { once: true });
    const pumped = this.#link.pump().catch(() => undefined);
    void pumped.then(() => {
      this.#run.signal.removeEventListener('abort', refused);
      this.#run.closed(this.#pid);
      this.#end();
    });
    await this.#link.ask(BEGIN_ROLLED_BACK, () => this.#run.refuse('no transaction can begin'));
    if (this.#run.signal.aborted) refused();
  }

  override _read(): void {
    this.#roomy?.();
    this.#roomy = undefined;
  }

  override _write(chunk: Buffer, _: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#write(chunk).then(() => callback(), callback);
  }

  override _final(callback: () => void): void {
    this.#server.end();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#server.destroy();
    this.#isOver = true;
    this.#wake();
    callback(error);
  }

  /** Nothing comes any more. */
  #end(): void {
    if (!this.#isOver) this.push(null);
    this.#isOver = true;
    this.#wake();
  }

  #refused(): void {
    if (!this.#isOver) this.push(errorMessage(ADMIN_SHUTDOWN, this.#run.refusal ?? 'stopped', 'FATAL'));
    this.#end();
    this.#server.destroy();
  }

  async #write(chunk: Buffer): Promise<void> {
    for (const piece of this.#splitter.push(chunk)) await this.#take(piece);
    await this.#link.sent();
  }

  async #take({ type, bytes }: WirePiece): Promise<void> {
    switch (type) {
      case WIRE.query:
      case WIRE.functionCall:
        return this.#simple(type, bytes);
      case WIRE.parse:
      case WIRE.bind:
      case WIRE.describe:
      case WIRE.close:
      case WIRE.execute:
        return this.#extended(type, bytes);
      case WIRE.sync:
        return this.#sync(bytes);
      case WIRE.copyData:
      case WIRE.copyDone:
      case WIRE.copyFail:
        await this.#settled(() => this.#copyIn);
        this.#copyIn &&= type === WIRE.copyData;
    }
    this.#link.send(bytes);
  }

  /** Waits until the statement before is answered, or for what may come earlier. */
  async #settled(isEarlier = () => false): Promise<void> {
    while (this.#state === 'answering' && !this.#isOver && !isEarlier())
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
    if (!this.#isOver) return;
    this.#roomy?.();
  }

  async #simple(type: number, bytes: Buffer): Promise<void> {
    await this.#settled();
    if (this.#link.isSkipping) {
      this.#link.send(bytes);
      return;
    }
    const isOpen = this.#state === 'open';
    this.#state = 'answering';
    const parts = type === WIRE.query ? partsOfControl(textAt(bytes, 5)[0]) : undefined;
    // The data of a COPY comes behind it, so that nothing waits here.
    void this.#answer(isOpen, parts, Buffer.from(bytes)).catch((error: unknown) =>
      this.destroy(error as Error),
    );
  }

  async #answer(isOpen: boolean, parts: readonly string[] | undefined, bytes: Buffer): Promise<void> {
    if (!isOpen && this.#status === 'I')
      await this.#link.ask([SAVEPOINT], (error) => this.#failedCommit(error));
    for (const part of parts ?? [bytes]) {
      if (this.#failed) break;
      const control = typeof part === 'string' ? transactionControl(part, this.#status) : undefined;
      const sent = typeof part === 'string' ? message(WIRE.query, part) : part;
      if (control === undefined)
        await this.#link.sendAndWait(sent, (error) => this.#fail(this.#status, error));
      else await this.#control(control);
    }
    await this.#finish();
  }

  async #control(control: TransactionControl): Promise<void> {
    if (control.kind === 'prepare') {
      this.#run.refuse('PREPARE TRANSACTION cannot be rolled back');
      return;
    }
    this.#noteWrite(await this.#link.ask(inPlaceOf(control), (error) => this.#failedCommit(error)));
    if (this.#failed) return;
    this.#status = control.after;
    this.#link.tell(message(WIRE.commandComplete, control.tag));
  }

  async #opened(): Promise<void> {
    await this.#settled();
    if (this.#state === 'open') return;
    this.#state = 'open';
    if (this.#status === 'I')
      this.#link.askInline([SAVEPOINT], { onError: (error) => this.#failedCommit(error) });
  }

  async #extended(type: number, bytes: Buffer): Promise<void> {
    await this.#opened();
    const [first, next] = textAt(bytes, 5);
    if (type === WIRE.parse) this.#statements.set(first, textAt(bytes, next)[0]);
    if (type === WIRE.bind) this.#portals.set(first, this.#statements.get(textAt(bytes, next)[0]) ?? '');
    const status = this.#status;
    if (type === WIRE.execute) {
      const control = transactionControl(this.#portals.get(first) ?? '', status);
      if (control !== undefined) {
        this.#extendedControl(control);
        return;
      }
    }
    this.#link.send(bytes, {
      kind: EXPECTED_KIND[type] ?? 'close',
      own: false,
      onAnswer: ({ type: answer, bytes: received }) => {
        if (answer === WIRE.error) this.#fail(status, received);
        if (answer === WIRE.commandComplete) this.#copyIn = false;
        return false;
      },
    });
  }

  #extendedControl(control: TransactionControl): void {
    if (control.kind === 'prepare') {
      this.#run.refuse('PREPARE TRANSACTION cannot be rolled back');
      return;
    }
    if (!this.#failed) this.#status = control.after;
    this.#link.askInline(inPlaceOf(control), {
      onError: (error) => this.#failedCommit(error),
      onRow: (row) => this.#noteWrite([row]),
      onDone: () => this.#link.tell(message(WIRE.commandComplete, control.tag)),
    });
  }

  async #sync(bytes: Buffer): Promise<void> {
    if (this.#copyIn) {
      this.#link.send(bytes);
      return;
    }
    await this.#opened();
    this.#state = 'answering';
    const status = this.#status;
    this.#link.send(bytes, {
      kind: 'sync',
      own: false,
      onAnswer: ({ type, bytes: answer }) => {
        if (type === WIRE.error) this.#fail(status, answer);
        if (type === WIRE.ready) void this.#finish().catch((error: unknown) => this.destroy(error as Error));
        return type === WIRE.ready;
      },
    });
  }

  /** The server ignores a Sync that came before the data of a COPY. */
  #startOfCopy(isExtended: boolean): void {
    this.#copyIn = true;
    if (isExtended) this.#state = 'open';
    this.#wake();
  }

  /** The work between two ReadyForQuery is done. */
  async #finish(): Promise<void> {
    if (this.#status === 'I') await this.#endOfWork();
    this.#failed = false;
    this.#copyIn = false;
    this.#state = 'idle';
    this.#link.tell(message(WIRE.ready, byte(this.#status)));
    this.#wake();
  }

  async #endOfWork(): Promise<void> {
    const wasFailed = this.#failed;
    const rows = await this.#link.ask(endOfWork(wasFailed), (error) => {
      this.#link.dropKept();
      this.#failedCommit(error);
    });
    this.#noteWrite(rows);
    if (this.#failed && !wasFailed) await this.#link.ask(endOfWork(true), (error) => this.#link.tell(error));
  }

  #noteWrite(rows: readonly string[]): void {
    if (rows.includes('t')) this.#run.wrote(this.#pid);
  }

  /** A COMMIT that fails ends the transaction. */
  #failedCommit(error: Buffer): void {
    this.#fail('I', error);
    this.#link.tell(Buffer.from(error));
  }

  #fail(status: TransactionStatus, error: Buffer): void {
    this.#failed = true;
    this.#copyIn = false;
    this.#status = status === 'I' ? 'I' : 'E';
    const fields = errorFields(error);
    if (OUTSIDE_ONLY.has(fields.get('C') ?? ''))
      this.#run.refuse(`a statement cannot run in a transaction: ${fields.get('M') ?? ''}`);
  }
}
