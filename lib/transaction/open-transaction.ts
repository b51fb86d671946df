import type { TransactionStateError } from '../errors/transaction-state.error.js';
import { decodedAnswer, encodedAnswer, isQuery } from '../sql/answer.js';
import type { Statement, StatementRunner } from '../sql/statement.js';
import { savepoint } from '../sql/transaction-savepoint.js';
import type { NamedTable } from '../vocabulary/lock-target.js';
import { SQLSTATE } from '../vocabulary/sqlstate.js';
import { Beginning } from './beginning.js';
import { canFly, flyTogether, type FlightClient } from './flight.js';
import { inClientScope } from './client-scope.js';
import { watchEnding, type FindSender } from './given-up.js';
import { watchTransactionOf, type TransactionWatcher } from './pg-session-watch.js';
import { rememberModel } from './registered-models.js';
import { deathOf } from './session-death.js';
import { sqlStateWithin } from './sqlstate-within.js';
import type { TransactionAdapter } from './transaction-adapter.js';
import { adapterOf } from './transaction-adapters.js';
import {
  deadTransaction,
  failedTransaction,
  noTransaction,
  notOpen,
  unreadable,
} from './transaction-errors.js';

/** What goes before and after a statement, in the same write where that can be. @internal */
export interface StatementsAround {
  readonly before?: readonly Statement[];
  readonly after?: readonly Statement[];
}

/** What the library does in one session runs in turn: savepoints must nest. */
const LANES = new WeakMap<object, Promise<void>>();
let savepoints = 0;

/**
 * An open transaction of a caller, whatever client it came from. It is *open* until the caller commits or rolls back,
 * which most clients tell; the library never does either.
 *
 * @internal
 */
export class OpenTransaction implements StatementRunner {
  readonly #adapter: TransactionAdapter;
  /** What the caller passed stood for this at that moment. */
  readonly #real: object;
  /** Where statements go: the transaction, or a scope within it. */
  #target: object;
  /** The `pg` client by which a statement of ours was seen to leave. */
  #sender: object | undefined;
  /** Its client does not end a scope that has failed: it has ended the transaction. */
  #isStuck = false;

  private constructor(
    adapter: TransactionAdapter,
    /** What the caller passed. */
    readonly transaction: object,
  ) {
    this.#adapter = adapter;
    this.#real = this.#target = adapter.resolve?.(transaction) ?? transaction;
  }

  /**
   * Recognises a caller's transaction, and which it is of those that a proxy may stand for. Sends nothing.
   *
   * @throws {TransactionStateError} when it is none, or its client says that it is not open.
   */
  static of(transaction: unknown): OpenTransaction {
    const adapter = adapterOf(transaction);
    const open = new OpenTransaction(adapter, transaction as object);
    const death = deathOf(open.pgClient);
    if (death !== undefined) throw deadTransaction(adapter.name, death);
    if (open.begins) return open;
    if (open.isOpen === false) throw noTransaction(adapter.name);
    return open;
  }

  get #beginning(): Beginning | undefined {
    return Beginning.waitingOn(this.#real);
  }

  /** What error messages call the client. */
  get clientName(): string {
    return this.#adapter.name;
  }

  /** Whether it is the module's own, and begins with its first lock. */
  get begins(): boolean {
    return this.#beginning !== undefined;
  }

  /** Whether it is open, `undefined` where only the server knows. */
  get isOpen(): boolean | undefined {
    return this.begins || this.#adapter.isOpen?.(this.#real);
  }

  /**
   * Runs statements that cannot fail: in their turn where the transaction is known to be open and no answer is lost on the way,
   * else in a savepoint.
   */
  inTurnOrSavepoint<T>(work: () => Promise<T>): Promise<T> {
    const needsNoSavepoint = this.isOpen === true && this.#adapter.isDirect?.(this.#real) === true;
    return needsNoSavepoint ? this.inTurn(work) : this.withSavepoint(work);
  }

  /**
   * Sends one statement on the transaction's connection. Errors are the client's own. Rows are as JSON has them: select
   * int8 as text.
   *
   * @throws {UnreadableAnswerError} when the client did not let the answer through.
   */
  async query<Row extends object>(statement: Statement, around?: StatementsAround): Promise<Row[]> {
    if (this.#beginning !== undefined) return this.#begin(this.#beginning, statement, around);
    const { before = [], after = [] } = around ?? {};
    const all = [...before, statement, ...after];
    // Commands answer nothing that could be lost.
    if (all.length > 1 && !all.some(({ text }) => isQuery(text)) && (await this.together(all))) return [];
    for (const one of before) await this.#ask(one);
    const rows = await this.#ask<Row>(statement);
    for (const one of after) await this.#ask(one);
    return rows;
  }

  /**
   * Sends several statements in one write, where they can go so.
   *
   * @returns what the server wrote for each; undefined where nothing was sent.
   */
  async together(statements: readonly Statement[]): Promise<readonly unknown[] | undefined> {
    const client = this.pgClient;
    if (client === undefined || !canFly(client)) return undefined;
    if (this.isOpen === false) throw notOpen(this.clientName, undefined);
    return flyTogether(client as FlightClient, statements);
  }

  /** Sends a `SHOW`. @returns what the client makes of its answer. */
  async show({ text }: Statement): Promise<unknown> {
    return this.#adapter.run(this.#target, text, []);
  }

  async #begin<Row extends object>(
    beginning: Beginning,
    statement: Statement,
    around: StatementsAround | undefined,
  ): Promise<Row[]> {
    const rows = await beginning.query(statement, around);
    if (rows === undefined) throw unreadable(this.#adapter, rows);
    return rows as Row[];
  }

  async #ask<Row extends object>(statement: Statement): Promise<Row[]> {
    const reads = isQuery(statement.text);
    const form = this.#adapter.passesUnknownTypes ? 'text and refcursor' : 'text';
    const { text, values = [] } = reads ? encodedAnswer(statement, form) : statement;
    const answer: unknown = await this.#adapter.run(this.#target, text, values);
    if (!reads) return [];
    const rows = decodedAnswer(answer);
    if (rows === undefined) throw unreadable(this.#adapter, answer);
    return rows as Row[];
  }

  /** The table of an entity class, where the client knows it. */
  tableOf(model: object): NamedTable | undefined {
    return rememberModel(model, this.#adapter.tableOf?.(this.#real, model));
  }

  /** The `pg` client underneath, where the client shows it. */
  get pgClient(): object | undefined {
    return this.#adapter.pgClientOf?.(this.#real);
  }

  /**
   * Has the watcher told when the transaction ends.
   *
   * @param client the `pg` client underneath, where it is known otherwise.
   * @returns false when the end cannot be known.
   */
  watch(watcher: TransactionWatcher, client?: object): boolean {
    return watchTransactionOf(this.pgClient ?? client ?? this.#sender, watcher);
  }

  /**
   * Has it told when the client gives up the transaction while a marked statement of ours still runs in it.
   *
   * @param findSender finds the `pg` client underneath where the client does not show it.
   * @returns a function that stops looking.
   */
  watchGiveUp(mark: string, gaveUp: () => void, findSender: FindSender): () => void {
    const stopListening = this.#adapter.watchGiveUp?.(this.#real, gaveUp);
    if (this.pgClient !== undefined) return both(stopListening, watchEnding(this.pgClient, gaveUp));
    let stop = ignore;
    const stopLooking = this.findSender(mark, findSender, (client) => (stop = watchEnding(client, gaveUp)));
    return both(both(stopListening, stopLooking), () => stop());
  }

  /** Notes the `pg` client by which a marked statement of ours leaves. @returns a function that stops looking. */
  findSender(mark: string, findSender: FindSender, found: (client: object) => void = ignore): () => void {
    return findSender(mark, (client) => {
      this.#sender = client;
      found(client);
    });
  }

  /**
   * Runs statements of the library alone, behind a savepoint: when they fail, the transaction is as it was before.
   *
   * Sends `SAVEPOINT`, and `RELEASE SAVEPOINT`, before that `ROLLBACK TO SAVEPOINT` when `work` throws.
   *
   * @throws {TransactionStateError} when the server knows of no transaction, or of one that has failed.
   */
  withSavepoint<T>(work: () => Promise<T>): Promise<T> {
    // Without its first lock there is no transaction.
    if (this.begins) return this.inTurn(work);
    return this.inTurn(async () => {
      const { open, rollBackTo, release } = savepoint(++savepoints);
      await this.#enter(open);
      try {
        const result = await this.#scoped(work);
        await this.query(release);
        return result;
      } catch (error) {
        await this.#leave(rollBackTo, release);
        throw error;
      }
    });
  }

  /** Runs statements of the library alone: after those before, whatever became of them. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const session = this.#adapter.sessionOf?.(this.#real) ?? this.#real;
    const before = LANES.get(session) ?? Promise.resolve();
    const result = before.then(work);
    LANES.set(session, result.then(ignore, ignore));
    return result;
  }

  /** In a scope of the client's, where that would otherwise remember an error beyond it. */
  async #scoped<T>(work: () => Promise<T>): Promise<T> {
    const adapter = this.#adapter;
    if (adapter.scope === undefined) return work();
    const within = (inner: object) => {
      this.#target = inner;
      return work();
    };
    try {
      return await inClientScope(
        (run) => adapter.scope?.(this.#real, run) ?? run(this.#real),
        within,
        () => (this.#isStuck = true),
      );
    } finally {
      this.#target = this.#real;
    }
  }

  async #enter(open: Statement): Promise<void> {
    try {
      await this.query(open);
    } catch (error) {
      throw (
        this.stateError(error) ??
        (sqlStateWithin(error) === undefined ? notOpen(this.clientName, error) : error)
      );
    }
  }

  /** A rollback that fails does so because the session is gone: the error that led here says why. */
  async #leave(...statements: readonly Statement[]): Promise<void> {
    if (this.#isStuck) return;
    try {
      for (const statement of statements) await this.query(statement);
    } catch {
      return;
    }
  }

  /** The typed error where a statement failed for the state of the transaction. */
  stateError(error: unknown): TransactionStateError | undefined {
    const death = deathOf(this.pgClient);
    if (death !== undefined) return deadTransaction(this.clientName, death);
    const state = sqlStateWithin(error);
    if (state === SQLSTATE.inFailedSqlTransaction) return failedTransaction(this.clientName, error);
    return state === SQLSTATE.noActiveSqlTransaction ? notOpen(this.clientName, error) : undefined;
  }
}

function both(first: (() => void) | undefined, second: () => void): () => void {
  return () => {
    first?.();
    second();
  };
}

function ignore(): void {}
