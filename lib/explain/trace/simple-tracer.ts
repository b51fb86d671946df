import type { Look } from '../../sql/explain-look.js';
import { rememberingTexts } from '../../vocabulary/recent-map.js';
import { statementsOfMessage } from '../split/split-statements.js';
import type { ServerLink, TransactionStatus } from './server-link.js';
import type { SessionTrace } from './session-trace.js';
import type { TraceRecord, TraceRun } from './trace-run.js';
import { tracedKind, type TracedKind } from './trace-statement.js';
import { byte, errorFields, message, textAt, WIRE } from './wire-message.js';

const ACTIVE_TRANSACTION = '25001';

/** What came of a query whose last answers were held back. */
interface HeldQuery {
  readonly complete: Buffer | undefined;
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

  async query(bytes: Buffer): Promise<void> {
    await this.#link.quiet();
    const [sql] = textAt(bytes, 5);
    const count = statementsIn(sql);
    const { status } = this.#link;
    if (count === 0) return this.#link.send(bytes, { kind: 'query', own: false });
    const record = this.#trace.start(sql, status);
    const kind = tracedKind(sql);
    if (status === 'I' && (count > 1 || kind.isSampled || kind.kind === 'outside'))
      return this.#sampled(bytes, record, kind);
    if (status === 'I' && kind.isDdl) return this.#wrapped(bytes, record);
    if (
      status === 'T' &&
      (count > 1 || this.#trace.needsLookAfter(kind, record.sql)) &&
      !endsTransaction(kind)
    )
      return this.#looked(bytes, record, kind, count === 1);
    return this.#passed(bytes, record, kind, status);
  }

  /** Passed on, and not looked at. */
  async #passed(
    bytes: Buffer,
    record: TraceRecord,
    kind: TracedKind,
    before: TransactionStatus,
  ): Promise<void> {
    this.#trace.unseen(record, kind);
    let tag = '';
    await this.#link.send(bytes, {
      kind: 'query',
      own: false,
      onAnswer: (type, answer) => {
        if (type === WIRE.error) this.#trace.failed(record, answer);
        if (type === WIRE.commandComplete) tag = textAt(answer, 5)[0];
        if (type === WIRE.ready) {
          this.#trace.finished(record);
          if (before !== 'I' && answer[5] === code('I')) this.#trace.ended(tag.startsWith('COMMIT'));
        }
        return false;
      },
    });
  }

  /** In a transaction of the tool: looked at afterwards, before the tool may go on. */
  async #looked(bytes: Buffer, record: TraceRecord, kind: TracedKind, isExact: boolean): Promise<void> {
    await this.#run.fresh();
    const before = this.#trace.needsLookBefore(kind) ? this.#link.prepareAsk('lookAll') : undefined;
    if (before !== undefined) {
      await this.#link.send(before.bytes);
      const { rows } = await before.answer;
      this.#lookedBefore(rows);
    }
    let ready: Buffer = message(WIRE.ready, byte('T'));
    await this.#link.send(bytes, {
      kind: 'query',
      own: false,
      onAnswer: (type, answer) => {
        if (type === WIRE.error) this.#trace.failed(record, answer);
        if (type === WIRE.ready) {
          ready = Buffer.from(answer);
          this.#trace.finished(record);
        }
        return type === WIRE.ready;
      },
    });
    await this.#link.quiet();
    if (this.#link.status === 'T') {
      const { rows, error } = await this.#link.ask('look');
      if (rows[0] !== undefined) this.#trace.after(record, JSON.parse(rows[0]) as Look, isExact);
      if (error !== undefined) this.#link.tell(error);
      ready = message(WIRE.ready, byte(this.#link.status));
    } else if (this.#link.status === 'I') this.#trace.ended(true);
    this.#link.tell(ready);
  }

  #lookedBefore([text]: readonly string[]): void {
    if (text !== undefined) this.#trace.before(JSON.parse(text) as Look);
  }

  /** Alone: in a transaction of ours, so that its locks are seen before they are gone. */
  async #wrapped(bytes: Buffer, record: TraceRecord): Promise<void> {
    await this.#run.fresh();
    const begun = this.#link.prepareAsk('begin', 'lookAll');
    this.#link.hold();
    await this.#link.send(begun.bytes);
    const { rows } = await begun.answer;
    this.#lookedBefore(rows);
    const early = this.#link.release();
    this.#link.tell(...early.notices, ...early.rest);
    const held = await this.#heldQuery(bytes, record);
    if (this.#link.status === 'T') return this.#commit(record, held);
    await this.#link.ask('rollback');
    this.#trace.ended(false);
    if (!held.refused) {
      this.#link.tell(message(WIRE.ready, byte(this.#link.status)));
      return;
    }
    record.error = null;
    return this.#sampled(bytes, record, tracedKind('VACUUM'));
  }

  /** Sends the query, and keeps back what says that it is done. */
  async #heldQuery(bytes: Buffer, record: TraceRecord): Promise<HeldQuery> {
    let complete: Buffer | undefined;
    let refused = false;
    let told = false;
    await this.#link.send(bytes, {
      kind: 'query',
      own: false,
      onAnswer: (type, answer) => {
        if (type === WIRE.commandComplete) {
          complete = Buffer.from(answer);
          this.#trace.finished(record);
          this.#link.hold();
        } else if (type === WIRE.error) {
          refused = !told && errorFields(answer).get('C') === ACTIVE_TRANSACTION;
          this.#trace.finished(record);
          this.#trace.failed(record, answer);
          return refused;
        } else if (type !== WIRE.ready) told = true;
        return type === WIRE.commandComplete || type === WIRE.ready;
      },
    });
    await this.#link.quiet();
    return { complete, refused };
  }

  /** The server says that it is done only when it has committed, and so do we. */
  async #commit(record: TraceRecord, { complete }: HeldQuery): Promise<void> {
    const { rows, error } = await this.#link.ask('look', 'commit');
    if (rows[0] !== undefined) this.#trace.after(record, JSON.parse(rows[0]) as Look);
    if (error !== undefined) this.#trace.failed(record, error);
    this.#trace.ended(error === undefined);
    const { notices, rest } = this.#link.release();
    const done = error ?? complete;
    this.#link.tell(
      ...notices,
      ...(done === undefined ? [] : [done]),
      ...rest,
      message(WIRE.ready, byte(this.#link.status)),
    );
  }

  /** What begins and ends transactions of its own is only watched from outside. */
  async #sampled(bytes: Buffer, record: TraceRecord, kind: TracedKind): Promise<void> {
    record.transactional = kind.kind !== 'outside';
    const stop = this.#run.sample(this.#pid);
    await this.#link.send(bytes, {
      kind: 'query',
      own: false,
      onAnswer: (type, answer) => {
        if (type === WIRE.error) this.#trace.failed(record, answer);
        if (type === WIRE.ready) this.#trace.finished(record);
        return false;
      },
    });
    await this.#link.quiet();
    record.observation = await stop();
    record.partial = true;
    if (this.#link.status === 'I') this.#trace.ended(true);
  }
}

function code(letter: string): number {
  return letter.charCodeAt(0);
}

function endsTransaction({ kind }: TracedKind): boolean {
  return kind === 'commit' || kind === 'rollback' || kind === 'prepare';
}

/** How many statements a text has; several where the server cannot read it. */
const statementsIn = rememberingTexts((sql) => statementsOfMessage(sql)?.length ?? 2);
