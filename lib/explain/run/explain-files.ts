import { dropIndex, setSessionTimeout } from '../../sql/explain-session.js';
import { begin, COMMIT, ROLLBACK } from '../../sql/transaction.js';
import { savepoint } from '../../sql/transaction-savepoint.js';
import { sqlStateOf } from '../../vocabulary/sqlstate.js';
import { RelationCatalog } from '../observe/relation-catalog.js';
import { NOTHING_SEEN, SessionView, type Observation } from '../observe/session-view.js';
import type { ExplainedError } from '../report.js';
import type { SqlStatement } from '../split/sql-statement.js';
import { statementKind } from '../split/statement-kind.js';
import { carryOut } from './carry-out.js';
import type { ExplainSession } from './explain-session.js';
import type { ObservedStatement } from './observed-statement.js';
import { statementError } from './statement-error.js';

/** How long a statement waits for locks on the database that it is tried on, in milliseconds. @internal */
export const OWN_LOCK_TIMEOUT_MS = 5_000;

const ACTIVE_TRANSACTION = '25001';
const GUARD = savepoint(0);
const BLOCK = savepoint(1);

/** What is needed to run statements. @internal */
export interface FilesRunOptions {
  readonly session: ExplainSession;
  /** A second session, which watches what is carried out. */
  readonly watcher: ExplainSession;
  readonly carryOut: boolean;
}

/**
 * Runs the statements of files in transactions that are rolled back, and looks after each at what it did.
 *
 * States: *outside* (no transaction is open), *inside* (one is, and is rolled back in the end), *ended* (a statement failed, or
 * could not be run, and no further one is).
 *
 * @internal
 */
export class FilesRun {
  readonly #options: FilesRunOptions;
  readonly #observed: ObservedStatement[] = [];
  readonly #catalog = new RelationCatalog();
  readonly #view = new SessionView(this.#catalog);
  #transaction = 0;
  /** The first statement of the open transaction. */
  #from = 0;
  #inside = false;
  /** The file's own BEGIN: its ROLLBACK goes back to there. */
  #block = false;
  #wrote = false;
  #partial = false;
  #timeoutIsSet = false;
  #ended = false;

  constructor(options: FilesRunOptions) {
    this.#options = options;
  }

  async run(
    statements: readonly SqlStatement[],
    signal?: AbortSignal,
  ): Promise<readonly ObservedStatement[]> {
    const { session } = this.#options;
    await session.query(setSessionTimeout(OWN_LOCK_TIMEOUT_MS));
    this.#catalog.replace(await session.relations());
    try {
      for (const statement of statements) {
        signal?.throwIfAborted();
        if (this.#ended) break;
        await this.#take(statement);
      }
    } finally {
      await this.#leave(false);
    }
    return this.#observed;
  }

  async #take(statement: SqlStatement): Promise<void> {
    const kind = statementKind(statement.sql);
    if (kind === 'begin' || kind === 'commit' || kind === 'rollback') return this.#control(statement, kind);
    if (kind === 'prepare') {
      this.#refuse(statement, 'PREPARE TRANSACTION would outlive the run, and is not run.');
      return;
    }
    if (kind === 'outside') return this.#outside(statement);
    await this.#enter();
    if (kind === 'perhaps') await this.#options.session.query(GUARD.open);
    await this.#inTransaction(statement, kind === 'perhaps');
  }

  async #inTransaction(statement: SqlStatement, guarded: boolean): Promise<void> {
    const { session } = this.#options;
    const start = performance.now();
    try {
      await session.run(statement.sql);
    } catch (error) {
      if (guarded && sqlStateOf(error) === ACTIVE_TRANSACTION) {
        await session.query(GUARD.rollBackTo);
        return this.#outside(statement);
      }
      this.#failed(statement, error, performance.now() - start);
      return;
    }
    const durationMs = performance.now() - start;
    const look = await session.look();
    this.#wrote ||= look.wrote;
    const observation = this.#view.observe(look);
    this.#timeoutIsSet ||= /lock_timeout/i.test(statement.sql);
    this.#add(statement, observation, { durationMs, lockTimeoutMs: this.#timeoutOf(look.lockTimeoutMs) });
  }

  /** Ours does not count: the migration that waits in production does not have it. */
  #timeoutOf(found: number): number {
    return found !== OWN_LOCK_TIMEOUT_MS || this.#timeoutIsSet ? found : 0;
  }

  /** BEGIN, COMMIT and ROLLBACK of the file stand for themselves, and are carried out only where that was asked for. */
  async #control(statement: SqlStatement, kind: 'begin' | 'commit' | 'rollback'): Promise<void> {
    const { session } = this.#options;
    const heldBefore = this.#view.held;
    if (kind === 'begin') {
      if (this.#inside && this.#wrote && this.#options.carryOut) await this.#leave(true);
      else if (this.#inside) this.#settle();
      await this.#enter();
      await session.query(BLOCK.open);
      this.#block = true;
    } else if (kind === 'rollback') {
      if (this.#block) await session.query(BLOCK.rollBackTo);
      if (this.#block && this.#inside) this.#view.catchUp(await session.look());
      else await this.#leave(false);
      this.#block = false;
    } else if (this.#options.carryOut && this.#wrote) await this.#leave(true);
    else this.#settle();
    this.#add(statement, { ...NOTHING_SEEN, heldBefore: kind === 'begin' ? [] : heldBefore }, {});
    if (kind !== 'begin') this.#transaction += 1;
  }

  /** The locks so far count as given back; what takes one of them again cannot be told from that. */
  #settle(): void {
    this.#block = false;
    this.#partial = this.#view.settle() || this.#partial;
  }

  async #outside(statement: SqlStatement): Promise<void> {
    const { session, watcher } = this.#options;
    if (!this.#options.carryOut) {
      this.#refuse(
        statement,
        'It cannot run in a transaction that is rolled back: give --carry-out to have it run.',
      );
      return;
    }
    await this.#leave(this.#wrote);
    this.#transaction += 1;
    const { observation, error, durationMs, invalidIndexes } = await carryOut(
      statement.sql,
      session,
      watcher,
    );
    for (const index of invalidIndexes) await session.query(dropIndex(index));
    this.#catalog.replace(await session.relations());
    const look = await session.look();
    const failed = error === undefined ? null : errorOf(error, statement);
    if (failed !== null) this.#ended = true;
    this.#add(statement, observation, {
      durationMs,
      error: failed,
      transactional: false,
      carriedOut: true,
      partial: true,
      lockTimeoutMs: this.#timeoutOf(look.lockTimeoutMs),
      ...(invalidIndexes.length === 0 ? {} : { invalidIndexes }),
    });
    this.#transaction += 1;
  }

  #refuse(statement: SqlStatement, message: string): void {
    this.#ended = true;
    const error = { code: ACTIVE_TRANSACTION, message };
    this.#add(statement, { ...NOTHING_SEEN, heldBefore: this.#view.held }, { error, transactional: false });
  }

  #failed(statement: SqlStatement, error: unknown, durationMs: number): void {
    this.#ended = true;
    const observation = { ...NOTHING_SEEN, heldBefore: this.#view.held };
    this.#add(statement, observation, { durationMs, error: errorOf(error, statement) });
  }

  #add(statement: SqlStatement, observation: Observation, more: Partial<ObservedStatement>): void {
    this.#observed.push({
      ...statement,
      ...observation,
      transactional: true,
      carriedOut: false,
      partial: this.#partial,
      transaction: this.#transaction,
      durationMs: 0,
      error: null,
      lockTimeoutMs: undefined,
      ...more,
    });
  }

  async #enter(): Promise<void> {
    if (this.#inside) return;
    await this.#options.session.query(begin({}));
    this.#inside = true;
    this.#from = this.#observed.length;
    this.#view.begin(await this.#options.session.look(true));
  }

  async #leave(commit: boolean): Promise<void> {
    if (!this.#inside) return;
    this.#inside = false;
    await this.#options.session.query(commit ? COMMIT : ROLLBACK);
    if (commit) this.#markCarriedOut();
    this.#view.end(commit);
    this.#wrote = false;
    this.#block = false;
    this.#partial = false;
  }

  /** What the transaction did is there to stay. */
  #markCarriedOut(): void {
    for (const [at, observed] of this.#observed.entries())
      if (at >= this.#from && observed.error === null) this.#observed[at] = { ...observed, carriedOut: true };
  }
}

/** @throws what is no answer of the server to this statement. */
function errorOf(error: unknown, statement: SqlStatement): ExplainedError {
  const found = statementError(error, statement);
  if (found === undefined) throw error;
  return found;
}
