import type { Look } from '../../sql/explain-look.js';
import type { ServerLink, TransactionStatus } from './server-link.js';
import type { SessionTrace } from './session-trace.js';
import type { TraceRecord, TraceRun } from './trace-run.js';
import type { TracedKind } from './trace-statement.js';
import { tracedText, type TracedText } from './traced-text.js';
import { byte, errorFields, message, textAt, WIRE } from './wire-message.js';

const ACTIVE_TRANSACTION = '25001';

/** What came of a query whose last answers were held back. */
interface HeldQuery {
  readonly complete: Buffer | undefined;
  /** The tool is told of an error together with the ReadyForQuery behind it, as the server does. */
  readonly failure: Buffer | undefined;
  /** It cannot run in a transaction, and the tool does not know yet. */
  readonly refused: boolean;
}

/** Traces simple queries: each is one message, and one transaction where there is none yet. @internal */
export class SimpleTracer {
  readonly #link: ServerLink;
  readonly #trace: SessionTrace;
  readonly #run: TraceRun;
  readonly #pid: number;

  constructor(link: ServerLink, trace: SessionTrace, run: TraceRun, pid: number) {
    this.#link = link;
    this.#trace = trace;
    this.#run = run;
    this.#pid = pid;
  }

  /** @returns undefined where it is passed on already. */
  query(bytes: Buffer): void | Promise<void> {
    return this.#link.isAnswered ? this.#traced(bytes) : this.#link.quiet().then(() => this.#traced(bytes));
  }

  #traced(bytes: Buffer): void | Promise<void> {
    if (this.#link.isSkipping) return this.#link.send(bytes);
    const text = tracedText(textAt(bytes, 5)[0]);
    const { kind, count } = text;
    const { status } = this.#link;
    if (text.forgets) this.#link.forgetPrepared();
    if (count === 0) return this.#link.send(bytes, { kind: 'query', own: false });
    const record = this.#trace.start(text, status);
    if (status === 'I' && (count > 1 || kind.isSampled || kind.kind === 'outside'))
      return this.#sampled(bytes, record, text);
    if (status === 'I' && kind.isDdl) return this.#wrapped(bytes, record, text);
    if (
      status === 'T' &&
      (count > 1 || this.#trace.needsLookAfter(kind, record.sql)) &&
      !endsTransaction(kind)
    )
      return this.#looked(bytes, record, text);
    return this.#passed(bytes, record, text, status);
  }

  /** Passed on, and not looked at. */
  #passed(bytes: Buffer, record: TraceRecord, text: TracedText, before: TransactionStatus): void {
    this.#trace.unseen(record, text.kind);
    let committed = false;
    this.#link.send(bytes, {
      kind: 'query',
      own: false,
      onAnswer: (answer) => {
        const { type } = answer;
        if (type === WIRE.error) this.#trace.failed(record, answer.bytes);
        if (type === WIRE.commandComplete && before !== 'I') committed = isCommit(answer.bytes);
        if (type !== WIRE.ready) return false;
        this.#trace.finished(record);
        if (text.forgets) this.#link.forgetPrepared();
        if (before !== 'I' && this.#link.status === 'I') this.#trace.ended(committed);
        return false;
      },
    });
  }

  /** In a transaction of the tool: looked at afterwards, before the tool may go on. */
  async #looked(bytes: Buffer, record: TraceRecord, text: TracedText): Promise<void> {
    await this.#run.fresh();
    if (this.#trace.needsLookBefore(text.kind)) {
      const { rows } = await this.#link.ask('lookAll');
      this.#lookedBefore(rows);
    }
    let failure: Buffer | undefined;
    this.#link.send(bytes, {
      kind: 'query',
      own: false,
      keeps: true,
      onAnswer: ({ type, bytes: answer }) => {
        if (type === WIRE.ready) this.#trace.finished(record);
        if (type !== WIRE.error) return type === WIRE.ready;
        this.#trace.failed(record, answer);
        if (!isFatal(answer)) failure = answer;
        return failure !== undefined;
      },
    });
    await this.#link.quiet();
    if (text.forgets) this.#link.forgetPrepared();
    if (!this.#link.isClosed && this.#link.status === 'T') {
      const { rows, error } = await this.#link.ask('look');
      if (rows[0] !== undefined) this.#trace.after(record, JSON.parse(rows[0]) as Look, text.count === 1);
      failure = error;
    } else if (this.#link.status === 'I') this.#trace.ended(true);
    this.#tellReady(failure);
  }

  /** Tells what is kept, and that the server is ready, where it still is. */
  #tellReady(...kept: readonly (Buffer | undefined)[]): void {
    this.#link.tell(...kept.filter((bytes) => bytes !== undefined));
    if (!this.#link.isClosed) this.#link.tell(message(WIRE.ready, byte(this.#link.status)));
  }

  #lookedBefore([text]: readonly string[]): void {
    if (text !== undefined) this.#trace.before(JSON.parse(text) as Look);
  }

  /** Alone: in a transaction of ours, so that its locks are seen before they are gone. */
  async #wrapped(bytes: Buffer, record: TraceRecord, text: TracedText): Promise<void> {
    await this.#run.fresh();
    this.#link.hold();
    const { rows } = await this.#link.ask('begin', 'lookAll');
    this.#lookedBefore(rows);
    const early = this.#link.release();
    this.#link.tell(...early.notices, ...early.rest);
    const held = await this.#heldQuery(bytes, record);
    if (!this.#link.isClosed && this.#link.status === 'T') return this.#commit(record, held);
    await this.#link.ask('rollback');
    this.#trace.ended(false);
    const { notices, rest } = this.#link.release();
    if (!held.refused) {
      this.#tellReady(held.failure, ...notices, ...rest);
      return;
    }
    this.#link.tell(...notices, ...rest);
    record.error = null;
    return this.#sampled(bytes, record, text, false);
  }

  /** Sends the query, and keeps back what says that it is done. */
  async #heldQuery(bytes: Buffer, record: TraceRecord): Promise<HeldQuery> {
    let complete: Buffer | undefined;
    let failure: Buffer | undefined;
    let refused = false;
    let told = false;
    this.#link.send(bytes, {
      kind: 'query',
      own: false,
      keeps: true,
      onAnswer: ({ type, bytes: answer }) => {
        if (type === WIRE.commandComplete) {
          complete = answer;
          this.#trace.finished(record);
          this.#link.hold();
        } else if (type === WIRE.error) {
          this.#trace.finished(record);
          this.#trace.failed(record, answer);
          if (isFatal(answer)) return false;
          failure = answer;
          refused = !told && errorFields(answer).get('C') === ACTIVE_TRANSACTION;
          this.#link.hold();
          return true;
        } else if (type !== WIRE.ready) told = true;
        return type === WIRE.commandComplete || type === WIRE.ready;
      },
    });
    await this.#link.quiet();
    return { complete, failure, refused };
  }

  /** The server says that it is done only when it has committed, and so do we. */
  async #commit(record: TraceRecord, { complete }: HeldQuery): Promise<void> {
    const { rows, error } = await this.#link.ask('look', 'commit');
    if (rows[0] !== undefined) this.#trace.after(record, JSON.parse(rows[0]) as Look);
    if (error !== undefined) this.#trace.failed(record, error);
    this.#trace.ended(error === undefined);
    const { notices, rest } = this.#link.release();
    // Whether it was committed is not known where the connection is gone.
    const done = error ?? (this.#link.isClosed ? undefined : complete);
    this.#tellReady(...notices, done, ...rest);
  }

  /** What begins and ends transactions of its own is only watched from outside. */
  async #sampled(
    bytes: Buffer,
    record: TraceRecord,
    { kind, forgets }: TracedText,
    isTransactional = kind.kind !== 'outside',
  ): Promise<void> {
    record.transactional = isTransactional;
    const stop = this.#run.sample(this.#pid);
    this.#link.send(bytes, {
      kind: 'query',
      own: false,
      onAnswer: (answer) => {
        if (answer.type === WIRE.error) this.#trace.failed(record, answer.bytes);
        if (answer.type === WIRE.ready) this.#trace.finished(record);
        return false;
      },
    });
    await this.#link.quiet();
    if (forgets) this.#link.forgetPrepared();
    record.observation = await stop();
    record.partial = true;
    if (this.#link.status === 'I') this.#trace.ended(true);
  }
}

/** Whether a CommandComplete says that a transaction was committed. @internal */
export function isCommit(complete: Buffer): boolean {
  return textAt(complete, 5)[0].startsWith('COMMIT');
}

/** The server says no more behind it. */
function isFatal(response: Buffer): boolean {
  return errorFields(response).get('V') !== 'ERROR';
}

function endsTransaction({ kind }: TracedKind): boolean {
  return kind === 'commit' || kind === 'rollback' || kind === 'prepare';
}
