import type { ClientBase } from 'pg';
import { statementText } from '../sql/statement-text.js';
import { nextMoment } from '../vocabulary/moment.js';
import { replaceMethod } from '../vocabulary/replaced-method.js';
import type { TracedPlace } from '../vocabulary/traced-place.js';
import { PooledTransaction } from './pooled-transaction.js';
import { SessionSteps } from './session-steps.js';

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
 * The open transactions on the sessions that a pool has handed out, as the server tells them after every answer, wherever the
 * `BEGIN` came from. Sends nothing.
 *
 * @internal
 */
export class PooledTransactions {
  readonly #sessions = new WeakMap<object, PooledSession>();
  #isBlind = false;

  constructor(private readonly init: PooledTransactionsInit) {}

  /** Whether the pool has handed out a client that does not tell of its transactions: `pg-native` before pg 8.20. */
  get isBlind(): boolean {
    return this.#isBlind;
  }

  /** That of a client that was taken from the pool. */
  of(client: object): PooledTransaction | undefined {
    return this.#sessions.get(client)?.transaction;
  }

  /** Whether the client is one of the pool's, and says when its transactions begin and end. */
  knows(client: object): boolean {
    return this.#sessions.has(client);
  }

  /**
   * Watches a client that was taken, there as far as it is known; call what it returns when that goes back.
   *
   * @param isOwn whether it was taken for a transaction of the library's own, which began in the same place.
   */
  watch(client: ClientBase, taken?: TracedPlace, isOwn = false): () => void {
    const steps = SessionSteps.of(client);
    if (steps === undefined) {
      this.#isBlind = true;
      return ignore;
    }
    const session = this.#sessions.get(client) ?? new PooledSession(client, steps, this.init);
    this.#sessions.set(client, session);
    return session.enter(taken, isOwn);
  }
}

const BEGINNING = /^\s*(?:begin|start\s+transaction)\b/i;

class PooledSession {
  transaction: PooledTransaction | undefined;
  #isTaken = false;
  #isOwn = false;
  #taken: TracedPlace | undefined;
  #unwrap: (() => boolean) | undefined;
  #begun: { readonly moment: number; readonly began: TracedPlace | undefined } | undefined;

  constructor(
    private readonly client: ClientBase,
    private readonly steps: SessionSteps,
    private readonly init: PooledTransactionsInit,
  ) {}

  /** Listens, until what it returns is called and no transaction is open. */
  enter(taken: TracedPlace | undefined, isOwn: boolean): () => void {
    const { client } = this;
    this.#isTaken = true;
    this.#isOwn = isOwn;
    this.#taken = taken;
    this.#unwrap ??= this.#wrapQuery();
    const ended = () => this.#ended();
    const ignoreSteps = this.steps.listen({
      // An end behind which another transaction begins at once (`AND CHAIN`) is told by no state.
      step: ({ kind }) => kind === 'end' && this.#ended(),
      ready: (status) => this.#ready(status),
    });
    client.on('end', ended);
    client.on('error', ended); // all that `pg-native` says
    const leave = () => {
      ignoreSteps();
      client.off('end', ended);
      client.off('error', ended);
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
    const sent = (statement: unknown) => {
      if (this.#isTaken) this.#sent(statement);
    };
    return replaceMethod(
      this.client as unknown as { query: Query },
      'query',
      (query) =>
        function (...args) {
          sent(args[0]);
          return query.apply(this, args);
        },
    );
  }

  #sent(statement: unknown): void {
    this.init.onSent?.(this.client, statement);
    if (this.transaction !== undefined) this.init.onUse(this.transaction);
    else if (BEGINNING.test(statementText(statement)))
      this.#begun = { moment: nextMoment(), began: this.#isOwn ? undefined : this.init.trace() };
  }

  #ready(status: string | undefined): void {
    if (status === undefined) return; // the connection is no more, which `end` tells
    if (status === 'I') return this.#ended();
    const { moment = nextMoment(), began } = this.#begun ?? {};
    this.transaction ??= new PooledTransaction(moment, began, this.#taken, this.client);
    this.#begun = undefined;
  }

  #ended(): void {
    const { transaction } = this;
    this.transaction = undefined;
    transaction?.end();
  }
}

function ignore(): void {}
