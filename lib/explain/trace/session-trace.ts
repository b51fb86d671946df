import type { Look } from '../../sql/explain-look.js';
import { NOTHING_SEEN, SessionView, type Observation } from '../observe/session-view.js';
import { offsetOfCharacter, positionAt } from '../split/text-position.js';
import type { TransactionStatus } from './server-link.js';
import type { TraceRecord, TraceRun } from './trace-run.js';
import type { TracedKind } from './trace-statement.js';
import type { TracedText } from './traced-text.js';
import { errorFields } from './wire-message.js';

/**
 * What is known of the transactions of one traced session.
 *
 * States: *outside*, *unseen* (a transaction that was not looked at yet), *seen*.
 *
 * @internal
 */
export class SessionTrace {
  readonly #run: TraceRun;
  readonly #view: SessionView;
  #transaction = 0;
  #isSeen = false;
  /** What a statement did that is not looked at, as of the last look. */
  #unseen: Observation | undefined;
  /** Since the last look something ran that was not looked at. */
  #behind = false;
  #mayHaveChanged = false;
  /** What is taken once more of locks that are held on cannot be seen. */
  #hidesLocks = false;
  #isIsolated = false;
  #isAlwaysIsolated = false;
  readonly #texts = new Set<string>();

  constructor(run: TraceRun) {
    this.#run = run;
    this.#view = new SessionView(run.catalog);
  }

  /** Behind what the tool believes to be its COMMIT all locks are held on. */
  get #keepsLocks(): boolean {
    return this.#run.rollback !== undefined;
  }

  /** The session's default keeps one snapshot for a whole transaction. */
  set defaultIsolation(level: string) {
    this.#isAlwaysIsolated = level !== 'read committed';
  }

  start({ shown, isolates }: TracedText, status: TransactionStatus): TraceRecord {
    if (status === 'I') this.#transaction = this.#run.nextTransaction();
    // A look must not come before the first statement that needs the snapshot.
    if (isolates) this.#isIsolated = true;
    return this.#run.begin(shown, this.#transaction);
  }

  /** Whether to look before a statement, since what ran before it is not known. */
  needsLookBefore({ takesSnapshot, isLookedAt }: TracedKind): boolean {
    const isolated = this.#isIsolated || this.#isAlwaysIsolated;
    return isLookedAt && takesSnapshot && !isolated && (!this.#isSeen || this.#behind);
  }

  /** Whether to look after a statement; the same change of data again takes the same locks again. */
  needsLookAfter({ isLookedAt, isDdl, takesSnapshot }: TracedKind, sql: string): boolean {
    if (!isLookedAt) return false;
    if ((this.#isIsolated || this.#isAlwaysIsolated) && !takesSnapshot) return false;
    return isDdl || !this.#texts.has(sql);
  }

  /** A look from before a statement. */
  before(look: Look): void {
    const isFirst = !this.#isSeen;
    this.#unseen = undefined;
    if (isFirst && !this.#keepsLocks) this.#view.begin(look);
    this.#isSeen = true;
    this.#view.catchUp(look);
    if (isFirst && this.#keepsLocks) this.#hidesLocks = this.#view.settle();
    this.#behind = false;
  }

  /** A look from after a statement: what it did. */
  after(record: TraceRecord, look: Look, isExact = true): void {
    this.#unseen = undefined;
    if (!this.#isSeen && !this.#keepsLocks) this.#view.begin();
    this.#isSeen = true;
    record.observation = this.#view.observe(look);
    record.lockTimeoutMs = look.lockTimeoutMs;
    record.partial = !isExact || this.#hidesLocks;
    this.#texts.add(record.sql);
    this.#behind = false;
  }

  /** A statement that was not looked at. */
  unseen(record: TraceRecord, { isHarmless, isData }: TracedKind): void {
    const known = isHarmless || this.#texts.has(record.sql);
    record.observation = this.#onlyHeld();
    record.partial = !known;
    this.#behind ||= !isHarmless;
    this.#mayHaveChanged ||= !isHarmless && !isData;
  }

  failed(record: TraceRecord, response: Buffer): void {
    const fields = errorFields(response);
    const [code, message] = [fields.get('C') ?? '', fields.get('M') ?? ''];
    const position = fields.get('P');
    const place =
      position === undefined ? {} : positionAt(record.sql, offsetOfCharacter(record.sql, Number(position)));
    record.error = { code, message, ...place };
    record.partial = false;
    record.observation = this.#onlyHeld();
  }

  /** The same for all statements between two looks. */
  #onlyHeld(): Observation {
    if (this.#unseen !== undefined) return this.#unseen;
    const heldBefore = this.#view.held;
    return (this.#unseen = heldBefore.length === 0 ? NOTHING_SEEN : { ...NOTHING_SEEN, heldBefore });
  }

  finished(record: TraceRecord): void {
    record.durationMs = performance.now() - record.startedAt;
  }

  /** The transaction is over. */
  ended(committed: boolean): void {
    if (this.#mayHaveChanged && committed) this.#run.markStale();
    this.#mayHaveChanged = false;
    this.#unseen = undefined;
    if (!this.#keepsLocks) {
      if (this.#isSeen) this.#view.end(committed);
    } else if (committed) this.#hidesLocks = this.#view.settle();
    else this.#view.takeBack();
    this.#isSeen = false;
    this.#behind = false;
    this.#isIsolated = false;
    this.#texts.clear();
  }
}
