import type { Look } from '../../sql/explain-look.js';
import type { Expected } from './expected-answers.js';
import { ExtendedBatch } from './extended-batch.js';
import type { ServerLink, TransactionStatus } from './server-link.js';
import type { SessionTrace } from './session-trace.js';
import { isCommit } from './simple-tracer.js';
import type { TraceRecord, TraceRun } from './trace-run.js';
import { NO_TEXT, tracedText, type TracedText } from './traced-text.js';
import type { TracedKind } from './trace-statement.js';
import { WIRE } from './wire-message.js';
import type { WireSplitter } from './wire-splitter.js';

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
  /** Portals that have more rows, and the statements that they run. */
  readonly #suspended = new Map<string, TraceRecord>();
  #batch: ExtendedBatch | undefined;

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
    const batch = this.#current();
    batch.text = text;
    const looked = this.#before(batch, text);
    if (looked !== undefined) return looked.then(() => this.#pass(piece, 'parse'));
    this.#pass(piece, 'parse');
  }

  bind(piece: WireSplitter): void | Promise<void> {
    const batch = this.#current();
    batch.text = this.bound(piece);
    const looked = this.#before(batch, batch.text);
    if (looked !== undefined) return looked.then(() => this.#pass(piece, 'bind'));
    this.#pass(piece, 'bind');
  }

  /** Notes which statement a portal runs. */
  bound(piece: WireSplitter): TracedText {
    const text = this.#statements.get(piece.textAt(piece.behindText(5))) ?? NO_TEXT;
    const portal = piece.textAt(5);
    this.#portals.set(portal, text);
    this.#suspended.delete(portal);
    return text;
  }

  describe(piece: WireSplitter): void {
    this.#pass(piece, 'describe');
  }

  close(piece: WireSplitter): void {
    const name = piece.textAt(6);
    if (piece.byteAt(5) === 0x53) this.#statements.delete(name);
    else {
      this.#portals.delete(name);
      this.#suspended.delete(name);
    }
    this.#pass(piece, 'close');
  }

  execute(piece: WireSplitter): void | Promise<void> {
    const batch = this.#current();
    const portal = piece.textAt(5);
    const text = this.#portals.get(portal) ?? NO_TEXT;
    if (text.shown === '') return this.#link.pass(piece, { kind: 'execute', own: false });
    if (batch.hasFailed) {
      batch.skips(text);
      return this.#link.pass(piece, { kind: 'execute', own: false });
    }
    const more = this.#suspended.get(portal);
    if (more !== undefined) return this.#link.pass(piece, this.#executed(batch, text, portal, more, false));
    const record = this.#trace.start(text, batch.executed.length === 0 ? this.#statusOf(batch) : 'T');
    const looked = this.#before(batch, text);
    if (looked !== undefined) return looked.then(() => this.#execute(piece, batch, text, record));
    this.#execute(piece, batch, text, record);
  }

  #execute(piece: WireSplitter, batch: ExtendedBatch, text: TracedText, record: TraceRecord): void {
    const { kind } = text;
    this.#sample(batch, kind);
    batch.executed.push({ record, kind });
    this.#trace.unseen(record, kind);
    if (text.forgets) this.#link.forgetPrepared();
    this.#link.pass(piece, this.#executed(batch, text, piece.textAt(5), record, true));
  }

  /** The answers to an Execute, the first of its portal or one that asks for more rows. */
  #executed(
    batch: ExtendedBatch,
    text: TracedText,
    portal: string,
    record: TraceRecord,
    isFirst: boolean,
  ): Expected {
    return {
      kind: 'execute',
      own: false,
      onAnswer: ({ type, bytes }) => {
        if (type === WIRE.error) batch.fail(record, bytes);
        if (type === WIRE.commandComplete) {
          batch.committed = batch.status !== 'I' && isCommit(bytes);
          if (text.forgets) this.#link.forgetPrepared();
        }
        if (type === WIRE.portalSuspended) this.#suspended.set(portal, record);
        if (type !== WIRE.commandComplete && type !== WIRE.portalSuspended) return false;
        this.#trace.finished(record);
        if (isFirst) batch.answered();
        return false;
      },
    };
  }

  sync(piece: WireSplitter): void | Promise<void> {
    const batch = this.#current();
    this.#batch = undefined;
    if (this.#link.isInCopy) return this.#link.pass(piece);
    batch.synced();
    this.#after(batch);
    this.#link.pass(piece, {
      kind: 'sync',
      own: false,
      onAnswer: (answer) => {
        if (answer.type === WIRE.error) batch.fail(batch.executed.at(-1)?.record, answer.bytes);
        if (answer.type === WIRE.ready) this.#ready(batch, this.#link.status);
        return false;
      },
    });
    if (batch.stops.length > 0) return this.#stop(batch);
  }

  #current(): ExtendedBatch {
    return (this.#batch ??= new ExtendedBatch(this.#link.isQuiet, this.#link.status, this.#trace, this.#run));
  }

  /** Behind others the state is not known; it counts as in a transaction. */
  #statusOf({ isQuiet, status }: ExtendedBatch): TransactionStatus {
    return isQuiet ? status : 'T';
  }

  #pass(piece: WireSplitter, kind: Expected['kind']): void {
    this.#link.pass(piece, { kind, own: false, onAnswer: this.#current().onAnswer });
  }

  /** Looks before the first message of a batch: from its Parse on a statement holds locks. */
  #before(batch: ExtendedBatch, { kind, shown }: TracedText): Promise<void> | undefined {
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

  #sample(batch: ExtendedBatch, kind: TracedKind): void {
    if (!batch.isQuiet || batch.status !== 'I' || batch.executed.length > 0) return;
    if (kind.kind === 'outside' || kind.isSampled) batch.stops.push(this.#run.sample(this.#pid));
  }

  /** Looks behind the last statement of a batch, before its Sync. */
  #after(batch: ExtendedBatch): void {
    const last = batch.executed.at(-1);
    if (last === undefined || !batch.isQuiet || batch.status === 'E' || batch.hasFailed) return;
    const { record, kind } = last;
    const alone = batch.status === 'I';
    if (alone && (kind.kind === 'outside' || kind.isSampled || !kind.isDdl)) return;
    if (!this.#trace.needsLookAfter(kind, record.sql)) return;
    this.#link.askInline('look', (text) =>
      this.#trace.after(record, JSON.parse(text) as Look, batch.executed.length === 1),
    );
  }

  #ready(batch: ExtendedBatch, status: TransactionStatus): void {
    if (status !== 'I') return;
    this.#suspended.clear();
    const wasInside = batch.status !== 'I';
    this.#trace.ended(wasInside ? batch.committed : !batch.hasFailed);
  }

  async #stop(batch: ExtendedBatch): Promise<void> {
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
