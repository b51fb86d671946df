import type { TransactionStatus } from './server-link.js';
import type { SessionTrace } from './session-trace.js';
import type { TraceRecord, TraceRun } from './trace-run.js';
import { NO_TEXT, type TracedText } from './traced-text.js';
import type { TracedKind } from './trace-statement.js';
import { WIRE } from './wire-message.js';
import type { WirePiece } from './wire-splitter.js';

/**
 * What stands between two Syncs. The server answers one message after the other; behind an error it skips the rest.
 *
 * States: *open*; *failed*, by an answer; either *synced* or not.
 *
 * @internal
 */
export class ExtendedBatch {
  readonly executed: { readonly record: TraceRecord; readonly kind: TracedKind }[] = [];
  readonly stops: (() => Promise<TraceRecord['observation']>)[] = [];
  /** Whether there was occasion to look before it. */
  begun = false;
  committed = false;
  /** The statement that was parsed or bound last. */
  text: TracedText = NO_TEXT;
  readonly #trace: SessionTrace;
  readonly #run: TraceRun;
  #failed = false;
  #synced = false;
  /** How many of those that were executed have their answer. */
  #answered = 0;
  /** The error of a message whose Execute has not come yet. */
  #failure: Buffer | undefined;

  /** @param isQuiet nothing else was on its way when it began, so that the state of the transaction is known. */
  constructor(
    readonly isQuiet: boolean,
    readonly status: TransactionStatus,
    trace: SessionTrace,
    run: TraceRun,
  ) {
    this.#trace = trace;
    this.#run = run;
  }

  get hasFailed(): boolean {
    return this.#failed;
  }

  /** The answer to a Parse, Bind or Describe: an error is that of the statement to be executed next. */
  readonly onAnswer = ({ type, bytes }: WirePiece): boolean => {
    if (type === WIRE.error) this.fail(this.executed[this.#answered]?.record, bytes);
    return false;
  };

  /** An Execute has its answer. */
  answered(): void {
    this.#answered += 1;
  }

  /** A statement failed; those behind it were never executed. */
  fail(record: TraceRecord | undefined, error: Buffer): void {
    this.#failed = true;
    if (record === undefined) {
      this.#failure = error;
      if (this.#synced) this.#neverExecuted();
      return;
    }
    this.#trace.failed(record, error);
    this.#trace.finished(record);
    const at = this.executed.findIndex((one) => one.record === record);
    if (at !== -1) for (const { record: skipped } of this.executed.splice(at + 1)) this.#run.forget(skipped);
  }

  /** An Execute that the server skips. It is that of the statement whose Parse or Bind failed, or was never to run. */
  skips(text: TracedText): void {
    this.text = text;
    this.#neverExecuted();
  }

  /** Nothing more belongs to it. */
  synced(): void {
    this.#synced = true;
    this.#neverExecuted();
  }

  /** What failed before its Execute is in the report, too. */
  #neverExecuted(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure === undefined || this.text.shown === '') return;
    const alone = this.isQuiet && this.executed.length === 0;
    this.#trace.failed(this.#trace.start(this.text, alone ? this.status : 'T'), failure);
  }
}
