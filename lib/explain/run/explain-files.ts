import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';
import { dropIndex } from '../../sql/explain-session.js';
import { savepoint } from '../../sql/transaction-savepoint.js';
import { sqlStateOf } from '../../vocabulary/sqlstate.js';
import { RelationCatalog } from '../observe/relation-catalog.js';
import { NOTHING_SEEN, type Observation } from '../observe/session-view.js';
import type { SqlStatement } from '../split/sql-statement.js';
import { commandOf } from '../split/sql-words.js';
import { isTransactionMode, statementKind, type StatementKind } from '../split/statement-kind.js';
import { carryOut } from './carry-out.js';
import type { ExplainSession } from './explain-session.js';
import { FileTransaction } from './file-transaction.js';
import type { ObservedStatement } from './observed-statement.js';
import { secondLook } from './second-look.js';
import { failureOf } from './statement-error.js';

/** What only the server knows not to be able to run in a transaction: it says so before it does anything, or in the middle. */
const OUTSIDE_ONLY: ReadonlySet<string> = new Set(['25001', '2D000']);
const GUARD = savepoint(0);

/** What is needed to run statements. @internal */
export interface FilesRunOptions {
  readonly session: ExplainSession;
  /** A second session, which watches what is carried out. */
  readonly watcher: ExplainSession;
  readonly carryOut: boolean;
}

/**
 * Runs the statements of files in transactions that are rolled back, and looks after each at what it did. Each file is a
 * transaction of its own, as in migration tools, and what it says of transactions counts.
 *
 * States: *running*, *ended* (a statement failed, or could not be run, and no further one is).
 *
 * @internal
 */
export class FilesRun {
  readonly #options: FilesRunOptions;
  readonly #observed: ObservedStatement[] = [];
  readonly #catalog = new RelationCatalog();
  readonly #transaction: FileTransaction;
  /** The first statement of the open transaction. */
  #from = 0;
  #ended = false;
  /** Indexes that could not be dropped again. */
  readonly #left: string[] = [];
  /** Whether something that cannot run in a transaction is still to come. */
  #outsideAhead = false;

  constructor(options: FilesRunOptions) {
    this.#options = options;
    this.#transaction = new FileTransaction(options.session, this.#catalog);
  }

  async run(
    statements: readonly SqlStatement[],
    signal?: AbortSignal,
  ): Promise<readonly ObservedStatement[]> {
    const { session } = this.#options;
    await this.#transaction.prepare();
    this.#catalog.replace(await session.relations());
    const last = statements.findLastIndex(({ sql }) => statementKind(sql) === 'outside');
    try {
      for (const [at, statement] of statements.entries()) {
        this.#giveUp(signal);
        this.#outsideAhead = at < last;
        if (at > 0 && statements[at - 1]?.file !== statement.file) await this.#endOfFile();
        if (this.#ended) break;
        await this.#take(statement);
      }
      this.#giveUp(signal);
      if (!this.#ended) await this.#endOfFile();
    } finally {
      // A connection that is gone has nothing to roll back.
      await this.#transaction.leave(false).catch(() => undefined);
    }
    return secondLook(session, this.#catalog, this.#observed, signal);
  }

  async #take(statement: SqlStatement): Promise<void> {
    const kind = statementKind(statement.sql);
    if (kind === 'begin' || kind === 'commit' || kind === 'rollback') return this.#control(statement, kind);
    if (kind === 'prepare') {
      this.#refuse(statement, 'PREPARE TRANSACTION would outlive the run, and is not run.');
      return;
    }
    if (kind === 'outside') return this.#outside(statement);
    // There is one transaction around all of them, which has begun.
    if (isTransactionMode(statement.sql)) {
      this.#add(statement, NOTHING_SEEN, {});
      return;
    }
    await this.#enter();
    const guarded = kind === 'perhaps' || /^(CALL|DO)\b/.test(commandOf(statement.sql));
    if (guarded) await this.#options.session.query(GUARD.open);
    await this.#inTransaction(statement, guarded);
  }

  async #inTransaction(statement: SqlStatement, guarded: boolean): Promise<void> {
    const start = performance.now();
    try {
      await this.#transaction.run(statement.sql);
    } catch (error) {
      if (guarded && OUTSIDE_ONLY.has(sqlStateOf(error) ?? '')) {
        await this.#options.session.query(GUARD.rollBackTo);
        return this.#outside(statement);
      }
      this.#failed(statement, error, performance.now() - start);
      return;
    }
    const durationMs = performance.now() - start;
    const { seen, lockTimeoutMs } = await this.#transaction.observe(statement.sql);
    this.#add(statement, seen, { durationMs, lockTimeoutMs });
  }

  /** BEGIN, COMMIT and ROLLBACK of the file stand for themselves, and are carried out only where that was asked for. */
  async #control(statement: SqlStatement, kind: StatementKind): Promise<void> {
    const transaction = this.#transaction;
    const { number, held: heldBefore } = transaction;
    const start = performance.now();
    let seen: Observation = { ...NOTHING_SEEN, heldBefore };
    try {
      if (kind === 'rollback') await transaction.rollBack();
      else if (kind === 'commit' || transaction.isInside) seen = (await this.#commit()) ?? seen;
    } catch (error) {
      this.#failed(statement, error, performance.now() - start);
      return;
    }
    if (kind === 'begin') {
      this.#add(statement, NOTHING_SEEN, {});
      return this.#enter();
    }
    this.#add(statement, seen, { transaction: number, durationMs: performance.now() - start });
  }

  /** @returns what checking deferred constraints took. @throws what the server says to that. */
  async #commit(): Promise<Observation | undefined> {
    const seen = await this.#transaction.check();
    if (this.#options.carryOut && this.#outsideAhead && this.#transaction.wrote) await this.#leave(true);
    else await this.#transaction.settle();
    return seen;
  }

  /** A migration tool commits here. */
  async #endOfFile(): Promise<void> {
    const last = this.#observed.at(-1);
    try {
      await this.#commit();
    } catch (error) {
      if (last === undefined) throw error;
      this.#ended = true;
      this.#observed[this.#observed.length - 1] = { ...last, error: failureOf(error, last) };
    }
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
    await this.#leave(this.#transaction.wrote);
    const done = await carryOut(statement.sql, session, watcher);
    const leftIndexes = await this.#undropped(done.invalidIndexes);
    this.#catalog.replace(await session.relations());
    const error = done.error === undefined ? null : failureOf(done.error, statement);
    this.#ended = error !== null;
    this.#add(statement, done.observation, {
      durationMs: done.durationMs,
      error,
      transactional: false,
      carriedOut: true,
      partial: true,
      lockTimeoutMs: await this.#transaction.lockTimeoutMs(statement.sql),
      ...(done.invalidIndexes.length === 0 ? {} : { invalidIndexes: done.invalidIndexes, leftIndexes }),
    });
    await this.#transaction.settle();
  }

  /** Drops indexes that a failed build has left. @returns those that other sessions hold. */
  async #undropped(indexes: readonly string[]): Promise<readonly string[]> {
    const left: string[] = [];
    for (const index of indexes)
      await this.#options.session.query(dropIndex(index)).catch(() => void left.push(index));
    this.#left.push(...left);
    return left;
  }

  #giveUp(signal: AbortSignal | undefined): void {
    if (signal?.aborted && this.#left.length > 0)
      throw new PgLockUsageError(
        `${this.#left.join(', ')} is left invalid, since other sessions hold it: drop it.`,
      );
    signal?.throwIfAborted();
  }

  #refuse(statement: SqlStatement, message: string): void {
    this.#ended = true;
    const error = { code: '25001', message };
    const observation = { ...NOTHING_SEEN, heldBefore: this.#transaction.held };
    this.#add(statement, observation, { error, transactional: false });
  }

  #failed(statement: SqlStatement, error: unknown, durationMs: number): void {
    this.#ended = true;
    const observation = { ...NOTHING_SEEN, heldBefore: this.#transaction.held };
    this.#add(statement, observation, { durationMs, error: failureOf(error, statement) });
  }

  #add(statement: SqlStatement, observation: Observation, more: Partial<ObservedStatement>): void {
    this.#observed.push({
      ...statement,
      ...observation,
      transactional: true,
      carriedOut: false,
      partial: this.#transaction.hidesLocks,
      transaction: this.#transaction.number,
      durationMs: 0,
      error: null,
      lockTimeoutMs: undefined,
      ...more,
    });
  }

  async #enter(): Promise<void> {
    if (!this.#transaction.isInside) this.#from = this.#observed.length;
    await this.#transaction.enter();
  }

  async #leave(commit: boolean): Promise<void> {
    if (!this.#transaction.isInside) return;
    await this.#transaction.leave(commit);
    if (!commit) return;
    // What the transaction did is there to stay.
    for (const [at, observed] of this.#observed.entries())
      if (at >= this.#from && observed.error === null) this.#observed[at] = { ...observed, carriedOut: true };
  }
}
