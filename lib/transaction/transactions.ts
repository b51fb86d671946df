import type { PoolClient } from 'pg';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { TransactionStateError } from '../errors/transaction-state.error.js';
import { beginning, COMMIT, ISOLATION_LEVELS, ROLLBACK, type IsolationLevel } from '../sql/transaction.js';
import type { Statement } from '../sql/statement.js';
import { FlowVariable, type Flow } from '../vocabulary/flow-variable.js';
import { assertOptions } from '../vocabulary/known-options.js';
import { printable } from '../vocabulary/printable.js';
import { givenTransaction, type InTransaction } from './ambient-transaction.js';
import { Beginning } from './beginning.js';
import { deathOf } from './session-death.js';
import { sendTogether } from './flight.js';

/** How to open a transaction. @publicApi */
export interface TransactionOptions {
  /**
   * The isolation level. Above `READ COMMITTED` the transaction sees the database as it was *before* it waited for an
   * advisory lock: what the former holder wrote is not in its snapshot.
   *
   * @default the server's `default_transaction_isolation`
   * @see https://www.postgresql.org/docs/current/transaction-iso.html
   */
  readonly isolation?: IsolationLevel | undefined;
  /** Refuse to write. @default false */
  readonly readOnly?: boolean | undefined;
}

/** Where transactions get their connections, and the lock timeout that they begin with. @internal */
export interface TransactionSource {
  connect(): Promise<PoolClient>;
  /** `null` is no limit; `undefined` leaves the session's own. */
  lockTimeoutMs(): number | null | undefined;
  /** Whether a transaction of this connection has to begin before anything in it may wait. */
  beginsByItself?(client: PoolClient): boolean;
}

/** How a transaction is begun. @internal */
export interface HowToBegin {
  /** `'with its first lock'`: `BEGIN` travels with the lock that the work asks for first. */
  readonly begins?: 'at once' | 'with its first lock';
  /** Takes the connection: may give up waiting for one. */
  readonly take?: (connect: () => Promise<PoolClient>) => Promise<PoolClient>;
}

type TransactionWork<T> = (client: PoolClient) => Promise<T> | T;

/** A connection taken for a transaction, and what begins it. */
interface TakenSession {
  readonly client: PoolClient;
  readonly statements: readonly Statement[];
  readonly onBroken: (error: Error) => void;
}

interface Ambient {
  readonly client: PoolClient;
  open: boolean;
}

/**
 * The transactions that the library opens itself on one database. Each is *ambient* for the flow that its work runs in:
 * `model`, `acquire({ xact: true })` and `timeout` find it there. It is open until its work has settled, then committed
 * or rolled back, and its connection goes back to the pool.
 *
 * @internal
 */
export class Transactions {
  readonly #source: TransactionSource;
  readonly #ambient = new FlowVariable<Ambient>();

  constructor(source: TransactionSource) {
    this.#source = source;
  }

  /**
   * The open ambient transaction of this flow.
   *
   * @throws {TransactionStateError} when the flow has outlived its transaction.
   */
  current(): PoolClient | undefined {
    const ambient = this.#ambient.getStore();
    if (ambient === undefined || ambient.open) return ambient?.client;
    throw new TransactionStateError(
      'The ambient transaction of this flow has ended: await everything that the work of pglock.transaction() starts.',
    );
  }

  /** The open ambient transaction of this flow, or of the one that is given, if there is one. */
  peek(flow?: Flow): PoolClient | undefined {
    const ambient = this.#ambient.getStore(flow);
    return ambient?.open ? ambient.client : undefined;
  }

  /**
   * Options of a verb with the transaction that they name, also where they name it `'ambient'`; as they are without the key.
   *
   * @throws {TransactionStateError} when the key is there, but no transaction.
   */
  given<Options extends object>(options: Options): InTransaction<Options>;
  given<Options extends object>(options: Options | undefined): InTransaction<Options> | undefined;
  given<Options extends object>(options: Options | undefined): InTransaction<Options> | undefined {
    const transaction = givenTransaction(options, () => this.peek());
    return (transaction === undefined ? options : { ...options, transaction }) as Options & {
      readonly transaction?: object;
    };
  }

  /**
   * Runs the work in a transaction of its own: commits when it succeeds, rolls back when it throws.
   *
   * Sends `BEGIN` and `COMMIT` or `ROLLBACK`, on one connection of the pool; nothing of it lasts in the session, so that a
   * pooler in transaction mode may stand between.
   *
   * @param how when it begins, and what takes its connection.
   * @throws {TransactionStateError} when this flow is in an ambient transaction, or when a statement had failed so that
   * the server rolled back instead of committing.
   */
  async run<T>(
    work: TransactionWork<T>,
    options: TransactionOptions = {},
    { begins = 'at once', take = (connect) => connect() }: HowToBegin = {},
  ): Promise<T> {
    assertOptionsOf(options);
    if (this.peek() !== undefined)
      throw new TransactionStateError(
        'This flow is already in an ambient transaction: use that one, by its `tx` or by calling model() and acquire() within it.',
      );
    const lockTimeoutMs = this.#source.lockTimeoutMs();
    const statements = beginning({
      ...options,
      ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
    });
    const client = await take(() => this.#source.connect());
    client.on('error', ignore);
    let broken: Error | undefined;
    const session = { client, statements, onBroken: (error: Error) => (broken = error) };
    try {
      return await (begins === 'with its first lock' && !this.#source.beginsByItself?.(client)
        ? this.#withFirstLock(session, work)
        : this.#within(session, work));
    } finally {
      client.off('error', ignore);
      client.release(broken);
    }
  }

  async #within<T>({ client, statements, onBroken }: TakenSession, work: TransactionWork<T>): Promise<T> {
    const ambient: Ambient = { client, open: true };
    try {
      await sendTogether(client, statements);
      const result = await this.#ambient.run(ambient, async () => work(client));
      ambient.open = false;
      await commit(client);
      return result;
    } catch (error) {
      ambient.open = false;
      await client.query(ROLLBACK.text).catch(onBroken);
      throw error;
    }
  }

  /** Where the lock was not granted nothing is committed: what there is of the transaction is rolled back. */
  async #withFirstLock<T>(
    { client, statements, onBroken }: TakenSession,
    work: TransactionWork<T>,
  ): Promise<T> {
    const first = Beginning.of(client, statements);
    const ambient: Ambient = { client, open: true };
    const rollBack = () => client.query(ROLLBACK.text).catch(onBroken);
    try {
      const result = await this.#ambient.run(ambient, async () => work(client));
      ambient.open = false;
      if (first.state === 'begun') await commit(client);
      else if (first.state === 'failed') await rollBack();
      return result;
    } catch (error) {
      ambient.open = false;
      if (first.state !== 'waiting') await rollBack();
      throw error;
    } finally {
      first.forget();
    }
  }
}

/** @throws {TransactionStateError} when the server rolled back instead. */
async function commit(client: PoolClient): Promise<void> {
  const death = deathOf(client);
  if (death !== undefined)
    throw new TransactionStateError(
      `The session of the transaction has died, and the transaction with it, before its COMMIT: ${death.message}. Nothing of it was written: begin anew.`,
      { cause: death },
    );
  // What wraps the client may leave anything of the answer.
  const answer: unknown = await client.query(COMMIT.text);
  if ((answer as { command?: unknown } | null | undefined)?.command === 'ROLLBACK') throw swallowed();
}

function assertOptionsOf(options: TransactionOptions): void {
  assertOptions(options, ['isolation', 'readOnly'], 'transaction()');
  const { isolation, readOnly } = options;
  if (isolation !== undefined && !ISOLATION_LEVELS.includes(isolation))
    throw new PgLockUsageError(
      `isolation must be one of ${ISOLATION_LEVELS.join(', ')}; got ${printable(isolation)}.`,
    );
  if (readOnly !== undefined && typeof (readOnly as unknown) !== 'boolean')
    throw new PgLockUsageError(`readOnly must be true or false; got ${printable(readOnly)}.`);
}

function swallowed(): TransactionStateError {
  return new TransactionStateError(
    'The transaction was rolled back instead of committed, because a statement in it had failed and the work went on.',
  );
}

/** The rejected statements tell the user of the client. */
function ignore(): void {}
