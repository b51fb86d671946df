import { begin, COMMIT, ROLLBACK } from '../../sql/transaction.js';
import { CHECK_CONSTRAINTS } from '../../sql/rollback-session.js';
import { savepoint } from '../../sql/transaction-savepoint.js';
import type { RelationCatalog } from '../observe/relation-catalog.js';
import { SessionView, type Observation } from '../observe/session-view.js';
import type { ExplainedLock } from '../report.js';
import type { ExplainSession } from './explain-session.js';
import { LocalSettings } from './local-settings.js';
import { OwnLimits } from './own-limits.js';

const BLOCK = savepoint(1);

/**
 * The transaction of the database in which statements of files run, and those of the files inside of it: their COMMIT counts as
 * done, and is not sent.
 *
 * States: *outside* (no transaction is open), *inside* (one is, and is rolled back in the end).
 *
 * @internal
 */
export class FileTransaction {
  readonly #session: ExplainSession;
  readonly #view: SessionView;
  readonly #locals = new LocalSettings();
  readonly #limits: OwnLimits;
  #inside = false;
  #wrote = false;
  #hidesLocks = false;
  /** Of the files' own transactions. */
  #number = 0;
  /** Whether one of them has begun. */
  #isUsed = false;

  constructor(session: ExplainSession, catalog: RelationCatalog) {
    this.#session = session;
    this.#view = new SessionView(catalog);
    this.#limits = new OwnLimits(session);
  }

  get isInside(): boolean {
    return this.#inside;
  }

  /** Whether it has changed anything yet. */
  get wrote(): boolean {
    return this.#wrote;
  }

  /** Locks of what counts as committed are held on: what takes them once more cannot be seen to. */
  get hidesLocks(): boolean {
    return this.#hidesLocks;
  }

  get number(): number {
    return this.#number;
  }

  get held(): readonly ExplainedLock[] {
    return this.#view.held;
  }

  /** Sets the limits of the session. */
  async prepare(): Promise<void> {
    await this.#limits.begin();
  }

  async enter(): Promise<void> {
    this.#isUsed = true;
    if (this.#inside) return;
    await this.#session.query(begin({}));
    this.#inside = true;
    await this.#session.query(BLOCK.open);
    this.#view.begin(await this.#session.look(true));
  }

  /** Runs a statement, and looks at what it did. @throws what the server says. */
  async run(sql: string): Promise<void> {
    await this.#locals.note(sql, this.#session);
    await this.#session.run(sql);
  }

  /** What the statement did that ran last. */
  async observe(sql: string): Promise<{ readonly seen: Observation; readonly lockTimeoutMs: number }> {
    const look = await this.#limits.look(sql);
    this.#wrote ||= look.wrote;
    const seen = this.#view.observe(look);
    // What goes back to a savepoint puts old files back.
    const isUndo = /^\s*(rollback|abort)\b/i.test(sql);
    const lockTimeoutMs = await this.#limits.lockTimeoutMs(sql, look);
    return { seen: isUndo ? { ...seen, rewrites: [] } : seen, lockTimeoutMs };
  }

  /** The `lock_timeout` of the file, outside of a transaction. */
  async lockTimeoutMs(sql: string): Promise<number> {
    return this.#limits.lockTimeoutMs(sql, await this.#limits.look(sql));
  }

  /** Checks deferred constraints, as a COMMIT does. @throws what the server says. @returns what that locked. */
  async check(): Promise<Observation | undefined> {
    if (!this.#inside || !this.#wrote) return undefined;
    return this.#limits.unlimited(async () => {
      await this.#session.query(CHECK_CONSTRAINTS);
      return this.#view.observe(await this.#session.look());
    });
  }

  /** The locks so far count as given back. */
  async settle(): Promise<void> {
    this.#limits.ended(this.#locals.has('lock_timeout'));
    if (this.#inside) {
      await this.#locals.putBack(this.#session);
      await this.#session.query(BLOCK.open);
      this.#hidesLocks = this.#view.settle() || this.#hidesLocks;
    }
    this.#next();
  }

  /** Takes back what was done since the last {@link settle}. */
  async rollBack(): Promise<void> {
    this.#limits.ended(true);
    if (this.#inside) {
      await this.#session.query(BLOCK.rollBackTo);
      this.#locals.forget();
      this.#view.takeBack();
      this.#view.catchUp(await this.#session.look());
    }
    this.#next();
  }

  async leave(commit: boolean): Promise<void> {
    if (!this.#inside) return;
    this.#inside = false;
    this.#limits.ended(!commit || this.#locals.has('lock_timeout'));
    await this.#session.query(commit ? COMMIT : ROLLBACK);
    this.#view.end(commit);
    this.#locals.forget();
    this.#wrote = false;
    this.#hidesLocks = false;
    this.#next();
  }

  #next(): void {
    if (this.#isUsed) this.#number += 1;
    this.#isUsed = false;
  }
}
