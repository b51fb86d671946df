import type { ClientBase } from 'pg';
import { statementText } from '../sql/statement-text.js';
import { nextMoment } from '../vocabulary/moment.js';
import type { TracedPlace } from '../vocabulary/traced-place.js';
import { PooledTransaction } from './pooled-transaction.js';

interface Emitter {
  on(event: string, listener: (payload?: unknown) => void): unknown;
  off(event: string, listener: (payload?: unknown) => void): unknown;
}

type Query = (this: unknown, ...args: unknown[]) => unknown;

/** What is told of the transactions on a pool's sessions. @internal */
export interface PooledTransactionsInit {
  /** A statement is sent in an open transaction, by the flow that runs at this moment. */
  readonly onUse: (transaction: PooledTransaction) => void;
  /** A client is handed a statement. */
  readonly onSent?: (client: object, statement: unknown) => void;
  /** The stack at this moment. */
  readonly trace: () => TracedPlace;
}

/**
 * The open transactions on the sessions that a pool has handed out, as the server tells them after every answer
 * (`ReadyForQuery`), wherever the `BEGIN` came from. Sends nothing.
 *
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-READYFORQUERY
 * @internal
 */
export class PooledTransactions {
  readonly #sessions = new WeakMap<object, PooledSession>();

  constructor(private readonly init: PooledTransactionsInit) {}

  /** That of a client that was taken from the pool. */
  of(client: object): PooledTransaction | undefined {
    return this.#sessions.get(client)?.transaction;
  }

  /** Whether the client is one of the pool's, and says when its transactions begin and end. */
  knows(client: object): boolean {
    return this.#sessions.has(client);
  }

  /** Watches a client that was taken; call what it returns when that goes back. */
  watch(client: ClientBase): () => void {
    const { connection } = client as { connection?: unknown };
    if (!isEmitter(connection)) return ignore; // `pg-native` tells no status
    const session = this.#sessions.get(client) ?? new PooledSession(client, connection, this.init);
    this.#sessions.set(client, session);
    return session.enter();
  }
}

const BEGINNING = /^\s*(?:begin|start\s+transaction)\b/i;

class PooledSession {
  transaction: PooledTransaction | undefined;
  #isTaken = false;
  #unwrap: (() => boolean) | undefined;
  #begun: { readonly moment: number; readonly began: TracedPlace } | undefined;

  constructor(
    private readonly client: ClientBase,
    private readonly connection: Emitter,
    private readonly init: PooledTransactionsInit,
  ) {}

  /** Listens, until what it returns is called and no transaction is open. */
  enter(): () => void {
    const { connection, client } = this;
    this.#isTaken = true;
    this.#unwrap ??= this.#wrapQuery();
    const ready = (message: unknown) => this.#ready((message as { status?: string } | undefined)?.status);
    const ended = () => this.#ended();
    connection.on('readyForQuery', ready);
    client.on('end', ended);
    const leave = () => {
      connection.off('readyForQuery', ready);
      client.off('end', ended);
    };
    return () => {
      this.#isTaken = false;
      // Where another has wrapped it since, it stays for the next who takes the client.
      if (this.#unwrap?.()) this.#unwrap = undefined;
      if (this.transaction === undefined) leave();
      else void this.transaction.ended.then(leave);
    };
  }

  /** While it is taken, the flow that sends a statement is known. @returns whether `query` is again what it was. */
  #wrapQuery(): () => boolean {
    const client = this.client as unknown as { query: Query };
    const own = Object.getOwnPropertyDescriptor(client, 'query');
    const { query } = client;
    const sent = (statement: unknown) => {
      if (this.#isTaken) this.#sent(statement);
    };
    const wrapped: Query = function (...args) {
      sent(args[0]);
      return query.apply(this, args);
    };
    client.query = wrapped;
    return () => {
      if (client.query !== wrapped) return false;
      if (own === undefined) Reflect.deleteProperty(client, 'query');
      else Object.defineProperty(client, 'query', own);
      return true;
    };
  }

  #sent(statement: unknown): void {
    this.init.onSent?.(this.client, statement);
    if (this.transaction !== undefined) this.init.onUse(this.transaction);
    else if (BEGINNING.test(statementText(statement)))
      this.#begun = { moment: nextMoment(), began: this.init.trace() };
  }

  #ready(status: string | undefined): void {
    if (status === 'I') return this.#ended();
    this.transaction ??= new PooledTransaction(this.#begun?.moment ?? nextMoment(), this.#begun?.began);
    this.#begun = undefined;
  }

  #ended(): void {
    const { transaction } = this;
    this.transaction = undefined;
    transaction?.end();
  }
}

function isEmitter(value: unknown): value is Emitter {
  return typeof value === 'object' && value !== null && typeof (value as { on?: unknown }).on === 'function';
}

function ignore(): void {}
