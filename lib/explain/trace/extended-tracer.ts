import type { Look } from '../../sql/explain-look.js';
import type { Expected } from './expected-answers.js';
import type { ServerLink, TransactionStatus } from './server-link.js';
import type { SessionTrace } from './session-trace.js';
import type { TraceRecord, TraceRun } from './trace-run.js';
import { tracedKind, type TracedKind } from './trace-statement.js';
import { textAt, WIRE } from './wire-message.js';

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
  tag: string;
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
  readonly #statements = new Map<string, string>();
  readonly #portals = new Map<string, string>();
  #batch: Batch | undefined;

  constructor(link: ServerLink, trace: SessionTrace, run: TraceRun, pid: number) {
    this.#link = link;
    this.#trace = trace;
    this.#run = run;
    this.#pid = pid;
  }

  async parse(bytes: Buffer): Promise<void> {
    const [name, next] = textAt(bytes, 5);
    const [sql] = textAt(bytes, next);
    this.#statements.set(name, sql);
    await this.#before(this.#current(), tracedKind(sql));
    await this.#send(bytes, 'parse');
  }

  async bind(bytes: Buffer): Promise<void> {
    const sql = this.bound(bytes);
    await this.#before(this.#current(), tracedKind(sql));
    await this.#send(bytes, 'bind');
  }

  /** Notes which statement a portal runs. */
  bound(bytes: Buffer): string {
    const [portal, next] = textAt(bytes, 5);
    const sql = this.#statements.get(textAt(bytes, next)[0]) ?? '';
    this.#portals.set(portal, sql);
    return sql;
  }

  async describe(bytes: Buffer): Promise<void> {
    await this.#send(bytes, 'describe');
  }

  async close(bytes: Buffer): Promise<void> {
    const [name] = textAt(bytes, 6);
    (bytes[5] === 0x53 ? this.#statements : this.#portals).delete(name);
    await this.#send(bytes, 'close');
  }

  async execute(bytes: Buffer): Promise<void> {
    const batch = this.#current();
    const sql = this.#portals.get(textAt(bytes, 5)[0]) ?? '';
    if (sql.trim() === '') return this.#link.send(bytes, { kind: 'execute', own: false });
    const kind = tracedKind(sql);
    const record = this.#trace.start(sql, batch.executed.length === 0 ? this.#statusOf(batch) : 'T');
    await this.#before(batch, kind);
    this.#sample(batch, kind);
    batch.executed.push({ record, kind });
    this.#trace.unseen(record, kind);
    await this.#link.send(bytes, {
      kind: 'execute',
      own: false,
      onAnswer: (type, answer) => {
        if (type === WIRE.error) this.#failed(batch, record, answer);
        if (type === WIRE.commandComplete) batch.tag = textAt(answer, 5)[0];
        if (type === WIRE.commandComplete || type === WIRE.error) this.#trace.finished(record);
        return false;
      },
    });
  }

  async sync(bytes: Buffer): Promise<void> {
    const batch = this.#current();
    this.#batch = undefined;
    if (this.#link.isInCopy) return this.#link.send(bytes);
    await this.#after(batch);
    await this.#link.send(bytes, {
      kind: 'sync',
      own: false,
      onAnswer: (type, answer) => {
        if (type === WIRE.error) this.#failed(batch, batch.executed.at(-1)?.record, answer);
        if (type === WIRE.ready) this.#ready(batch, String.fromCharCode(answer[5] ?? 0) as TransactionStatus);
        return false;
      },
    });
    if (batch.stops.length > 0) await this.#stop(batch);
  }

  #current(): Batch {
    return (this.#batch ??= {
      isQuiet: this.#link.isQuiet,
      status: this.#link.status,
      executed: [],
      begun: false,
      stops: [],
      failed: false,
      tag: '',
    });
  }

  /** Behind others the state is not known; it counts as in a transaction. */
  #statusOf({ isQuiet, status }: Batch): TransactionStatus {
    return isQuiet ? status : 'T';
  }

  async #send(bytes: Buffer, kind: Expected['kind']): Promise<void> {
    const batch = this.#current();
    const onAnswer = (type: number, answer: Buffer) => {
      if (type === WIRE.error) this.#failed(batch, undefined, answer);
      return false;
    };
    await this.#link.send(bytes, { kind, own: false, onAnswer });
  }

  #failed(batch: Batch, record: TraceRecord | undefined, response: Buffer): void {
    batch.failed = true;
    if (record !== undefined) this.#trace.failed(record, response);
  }

  /** Looks before the first message of a batch: from its Parse on a statement holds locks. */
  async #before(batch: Batch, kind: TracedKind): Promise<void> {
    if (batch.begun || !batch.isQuiet || batch.status === 'E') return;
    batch.begun = true;
    const alone = batch.status === 'I';
    if (kind.kind !== 'plain' || (alone && !kind.isDdl) || !this.#trace.needsLookBefore(kind)) return;
    await this.#run.fresh();
    await this.#link.askInline('lookAll', (text) => this.#trace.before(JSON.parse(text) as Look));
  }

  #sample(batch: Batch, kind: TracedKind): void {
    if (!batch.isQuiet || batch.status !== 'I' || batch.executed.length > 0) return;
    if (kind.kind === 'outside' || kind.isSampled) batch.stops.push(this.#run.sample(this.#pid));
  }

  async #after(batch: Batch): Promise<void> {
    const last = batch.executed.at(-1);
    if (last === undefined || !batch.isQuiet || batch.status === 'E' || batch.failed) return;
    const { record, kind } = last;
    const alone = batch.status === 'I';
    if (alone && (kind.kind === 'outside' || kind.isSampled || !kind.isDdl)) return;
    if (!this.#trace.needsLookAfter(kind, record.sql)) return;
    await this.#link.askInline('look', (text) =>
      this.#trace.after(record, JSON.parse(text) as Look, batch.executed.length === 1),
    );
  }

  #ready(batch: Batch, status: TransactionStatus): void {
    if (status !== 'I') return;
    const wasInside = batch.status !== 'I';
    this.#trace.ended(wasInside ? batch.tag.startsWith('COMMIT') : !batch.failed);
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
