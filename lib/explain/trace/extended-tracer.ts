import type { Look } from '../../sql/explain-look.js';
import type { Expected } from './expected-answers.js';
import type { ServerLink, TransactionStatus } from './server-link.js';
import type { SessionTrace } from './session-trace.js';
import { isCommit } from './simple-tracer.js';
import type { TraceRecord, TraceRun } from './trace-run.js';
import { NO_TEXT, tracedText, type TracedText } from './traced-text.js';
import type { TracedKind } from './trace-statement.js';
import { WIRE } from './wire-message.js';
import type { WirePiece, WireSplitter } from './wire-splitter.js';

/** What stands between two Syncs. */
interface Batch {
  /** Nothing else was on its way when it began, so that the state of the transaction is known. */
  readonly isQuiet: boolean;
  readonly status: TransactionStatus;
  readonly executed: { readonly record: TraceRecord; readonly kind: TracedKind }[];
  /** Whether there was occasion to look before it. */
  begun: boolean;
  readonly stops: (() => Promise<TraceRecord['observation']>)[];
  failed: boolean;
  committed: boolean;
  /** Notes an error in the answer to one of its messages. */
  readonly onAnswer: (answer: WirePiece) => boolean;
}

/**
 * Traces the extended protocol. Up to its Sync a message is in a transaction anyway, so that a look in front of the Sync sees what
 * was done, and nothing has to be wrapped.
 *
 * @internal
 */
export class ExtendedTracer {
  readonly #link: ServerLink;
  readonly #trace: SessionTrace;
  readonly #run: TraceRun;
  readonly #pid: number;
  readonly #statements = new Map<string, TracedText>();
  readonly #portals = new Map<string, TracedText>();
  #batch: Batch | undefined;

  constructor(link: ServerLink, trace: SessionTrace, run: TraceRun, pid: number) {
    this.#link = link;
    this.#trace = trace;
    this.#run = run;
    this.#pid = pid;
  }

  parse(piece: WireSplitter): void | Promise<void> {
    const text = tracedText(piece.textAt(piece.behindText(5)));
    this.#statements.set(piece.textAt(5), text);
    if (text.forgets) this.#link.forgetPrepared();
    const looked = this.#before(this.#current(), text);
    if (looked !== undefined) return looked.then(() => this.#pass(piece, 'parse'));
    this.#pass(piece, 'parse');
  }

  bind(piece: WireSplitter): void | Promise<void> {
    const looked = this.#before(this.#current(), this.bound(piece));
    if (looked !== undefined) return looked.then(() => this.#pass(piece, 'bind'));
    this.#pass(piece, 'bind');
  }

  /** Notes which statement a portal runs. */
  bound(piece: WireSplitter): TracedText {
    const text = this.#statements.get(piece.textAt(piece.behindText(5))) ?? NO_TEXT;
    this.#portals.set(piece.textAt(5), text);
    return text;
  }

  describe(piece: WireSplitter): void {
    this.#pass(piece, 'describe');
  }

  close(piece: WireSplitter): void {
    (piece.byteAt(5) === 0x53 ? this.#statements : this.#portals).delete(piece.textAt(6));
    this.#pass(piece, 'close');
  }

  execute(piece: WireSplitter): void | Promise<void> {
    const batch = this.#current();
    const text = this.#portals.get(piece.textAt(5)) ?? NO_TEXT;
    if (text.shown === '') return this.#link.pass(piece, { kind: 'execute', own: false });
    const record = this.#trace.start(text, batch.executed.length === 0 ? this.#statusOf(batch) : 'T');
    const looked = this.#before(batch, text);
    if (looked !== undefined) return looked.then(() => this.#execute(piece, batch, text, record));
    this.#execute(piece, batch, text, record);
  }

  #execute(piece: WireSplitter, batch: Batch, text: TracedText, record: TraceRecord): void {
    const { kind } = text;
    this.#sample(batch, kind);
    batch.executed.push({ record, kind });
    this.#trace.unseen(record, kind);
    if (text.forgets) this.#link.forgetPrepared();
    this.#link.pass(piece, {
      kind: 'execute',
      own: false,
      onAnswer: (answer) => {
        const { type } = answer;
        if (type === WIRE.error) this.#failed(batch, record, answer);
        if (type === WIRE.commandComplete) {
          batch.committed = batch.status !== 'I' && isCommit(answer.bytes);
          if (text.forgets) this.#link.forgetPrepared();
        }
        if (type === WIRE.commandComplete || type === WIRE.error) this.#trace.finished(record);
        return false;
      },
    });
  }

  sync(piece: WireSplitter): void | Promise<void> {
    const batch = this.#current();
    this.#batch = undefined;
    if (this.#link.isInCopy) return this.#link.pass(piece);
    this.#after(batch);
    this.#link.pass(piece, {
      kind: 'sync',
      own: false,
      onAnswer: (answer) => {
        if (answer.type === WIRE.error) this.#failed(batch, batch.executed.at(-1)?.record, answer);
        if (answer.type === WIRE.ready) this.#ready(batch, this.#link.status);
        return false;
      },
    });
    if (batch.stops.length > 0) return this.#stop(batch);
  }

  #current(): Batch {
    return (this.#batch ??= this.#newBatch());
  }

  #newBatch(): Batch {
    const batch: Batch = {
      isQuiet: this.#link.isQuiet,
      status: this.#link.status,
      executed: [],
      begun: false,
      stops: [],
      failed: false,
      committed: false,
      onAnswer: ({ type }) => {
        if (type === WIRE.error) batch.failed = true;
        return false;
      },
    };
    return batch;
  }

  /** Behind others the state is not known; it counts as in a transaction. */
  #statusOf({ isQuiet, status }: Batch): TransactionStatus {
    return isQuiet ? status : 'T';
  }

  #pass(piece: WireSplitter, kind: Expected['kind']): void {
    this.#link.pass(piece, { kind, own: false, onAnswer: this.#current().onAnswer });
  }

  #failed(batch: Batch, record: TraceRecord | undefined, { bytes }: WirePiece): void {
    batch.failed = true;
    if (record !== undefined) this.#trace.failed(record, bytes);
  }

  /** Looks before the first message of a batch: from its Parse on a statement holds locks. */
  #before(batch: Batch, { kind, shown }: TracedText): Promise<void> | undefined {
    if (batch.begun || !batch.isQuiet || batch.status === 'E') return undefined;
    const alone = batch.status === 'I';
    if (!alone && !this.#trace.needsLookAfter(kind, shown)) return undefined;
    batch.begun = true;
    if (kind.kind !== 'plain' || (alone && !kind.isDdl) || !this.#trace.needsLookBefore(kind))
      return undefined;
    return this.#lookBefore();
  }

  async #lookBefore(): Promise<void> {
    await this.#run.fresh();
    this.#link.askInline('lookAll', (text) => this.#trace.before(JSON.parse(text) as Look));
  }

  #sample(batch: Batch, kind: TracedKind): void {
    if (!batch.isQuiet || batch.status !== 'I' || batch.executed.length > 0) return;
    if (kind.kind === 'outside' || kind.isSampled) batch.stops.push(this.#run.sample(this.#pid));
  }

  /** Looks behind the last statement of a batch, before its Sync. */
  #after(batch: Batch): void {
    const last = batch.executed.at(-1);
    if (last === undefined || !batch.isQuiet || batch.status === 'E' || batch.failed) return;
    const { record, kind } = last;
    const alone = batch.status === 'I';
    if (alone && (kind.kind === 'outside' || kind.isSampled || !kind.isDdl)) return;
    if (!this.#trace.needsLookAfter(kind, record.sql)) return;
    this.#link.askInline('look', (text) =>
      this.#trace.after(record, JSON.parse(text) as Look, batch.executed.length === 1),
    );
  }

  #ready(batch: Batch, status: TransactionStatus): void {
    if (status !== 'I') return;
    const wasInside = batch.status !== 'I';
    this.#trace.ended(wasInside ? batch.committed : !batch.failed);
  }

  async #stop(batch: Batch): Promise<void> {
    await this.#link.quiet();
    for (const stop of batch.stops) {
      const observation = await stop();
      const sampled = batch.executed[0];
      if (sampled === undefined) continue;
      sampled.record.observation = observation;
      sampled.record.partial = true;
      sampled.record.transactional = sampled.kind.kind !== 'outside';
    }
  }
}
