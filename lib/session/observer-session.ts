import type { Client } from 'pg';
import { LockSessionError } from '../errors/lock-session.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { prepareObserverSession, READ_OBSERVER_FACTS, type ObserverFacts } from '../sql/observer-session.js';
import { onPrimary } from '../sql/on-primary.js';
import { BACKEND_PID, BACKEND_PID_OF_TRANSACTION } from '../sql/signal.js';
import type { Statement, StatementRunner } from '../sql/statement.js';
import { ascii } from '../vocabulary/ascii.js';
import type { SessionPurpose } from '../vocabulary/session-name.js';
import { SQLSTATE, sqlStateOf } from '../vocabulary/sqlstate.js';
import { noQueriesError } from '../vocabulary/closed-error.js';
import { cutOnAbort, type Connector } from './connector.js';
import { socketOf } from './socket.js';
import { AS_TEXT } from './text-types.js';
import { otherServer } from './server-check.js';
import { toldPid } from './told-pid.js';

/** How an {@link ObserverSession} behaves. @internal */
export interface ObserverSessionOptions {
  /** Ends the connection's `application_name`: `pglock:<purpose>`. */
  readonly purpose: SessionPurpose;
  /** The connection closes after so long without a statement, in milliseconds. @default 10 000 */
  readonly idleMs?: number;
  /** The server ends a statement after so long, in milliseconds. @default 10 000 */
  readonly statementTimeoutMs?: number;
  /**
   * For statements that take no time: how long after a call its answer may come, the turns before it and the connecting
   * included, in milliseconds. @default as long as connecting and the statement may take
   */
  readonly answerWithinMs?: number;
}

const IDLE_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 10_000;
/** How long after the server's own limit an answer may come before the network is given up. */
const GRACE_MS = 5_000;
const FAREWELL_MS = 1_000;
/** How often a load balancer is given the choice. */
const DRAWS = 5;

/** A value with all its texts in ASCII. */
function inAscii(value: unknown): unknown {
  if (typeof value === 'string') return ascii(value);
  return Array.isArray(value) ? value.map(inAscii) : value;
}

interface Observing {
  readonly client: Client;
  readonly version: number;
  /** Whether the backend is the one that the server announced: false behind a transaction pooler. */
  readonly direct: boolean;
}

/**
 * One connection that looks at locks, or signals backends. It holds no lock between statements and takes nothing from
 * any pool, so that it works when everything else is blocked.
 *
 * It is *closed* at first; a statement makes it *open*; idling for a while, or losing the connection, makes it *closed*
 * again, and the next statement reconnects. `close()` ends it for good, whatever it is waiting for. Statements go one after the
 * other. While it idles it does not keep the process alive. Every value of a row is a string or null, as the server wrote it.
 *
 * @internal
 */
export class ObserverSession implements StatementRunner {
  readonly #connector: Connector;
  readonly #options: ObserverSessionOptions & {
    readonly idleMs: number;
    readonly statementTimeoutMs: number;
  };
  #open: Observing | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #idleTimer: NodeJS.Timeout | undefined;
  /** Gives up the call whose turn it is. */
  #turn: AbortController | undefined;
  #ended = false;

  constructor(connector: Connector, options: ObserverSessionOptions) {
    this.#connector = connector;
    this.#options = { idleMs: IDLE_MS, statementTimeoutMs: STATEMENT_TIMEOUT_MS, ...options };
  }

  /** Whether a connection is open at this moment. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** The `server_version_num` of the server, such as 180001; connects when it must. */
  version(): Promise<number> {
    return this.#inTurn(({ version }) => Promise.resolve(version));
  }

  /** Whether no pooler stands between that gives each statement another backend; connects when it must. */
  isDirect(): Promise<boolean> {
    return this.#inTurn(({ direct }) => Promise.resolve(direct));
  }

  /** Runs one statement in its turn; connects when it must. */
  query<Row extends object>(statement: Statement): Promise<Row[]> {
    return this.#inTurn(({ client, direct }) => this.#sendFitting<Row>(client, onPrimary(statement), direct));
  }

  /** Whether a load balancer stands between that sends some statements to a standby; connects when it must. */
  isBalanced(): Promise<boolean> {
    return this.#inTurn(async ({ client }) => {
      const [fixed] = await this.#send<{ pid: string }>(client, BACKEND_PID_OF_TRANSACTION);
      // It may draw lots anew for each statement.
      for (let draw = 0; draw < DRAWS; draw++) {
        const [free] = await this.#send<{ pid: string }>(client, BACKEND_PID);
        if (fixed?.pid !== free?.pid) return true;
      }
      return false;
    });
  }

  /** Ends the session for good, a running statement or an attempt to connect included. Idempotent. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#turn?.abort(new PgLockUsageError('The module was shut down meanwhile.'));
    await this.#disconnect();
  }

  #inTurn<T>(work: (open: Observing) => Promise<T>): Promise<T> {
    const call = new AbortController();
    const limit = this.#limit(call);
    const turn = this.#tail.then(() => this.#take(call, work)).finally(() => clearTimeout(limit));
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  /** Those before it in the queue were asked earlier, and are given up earlier. */
  #limit(call: AbortController): NodeJS.Timeout | undefined {
    const { answerWithinMs } = this.#options;
    if (answerWithinMs === undefined) return undefined;
    const silence = new LockSessionError(`The server did not answer within ${answerWithinMs} ms.`);
    return setTimeout(() => call.abort(silence), answerWithinMs);
  }

  async #take<T>(call: AbortController, work: (open: Observing) => Promise<T>): Promise<T> {
    const { signal } = call;
    this.#turn = call;
    try {
      signal.throwIfAborted();
      clearTimeout(this.#idleTimer);
      const open = (this.#open ??= await this.#connect(signal));
      socketOf(open.client)?.ref();
      return await cutOnAbort(open.client, signal, () => work(open)).finally(() => this.#idle(open));
    } catch (error) {
      if (!signal.aborted) throw error;
      this.#open = undefined; // its connection was cut
      throw signal.reason;
    } finally {
      this.#turn = undefined;
    }
  }

  async #connect(signal: AbortSignal): Promise<Observing> {
    if (this.#ended) throw noQueriesError();
    const client = await this.#connector.connect(this.#options.purpose, signal);
    const forget = () => {
      if (this.#open?.client === client) this.#open = undefined;
    };
    client.once('end', forget).once('error', forget);
    try {
      return { client, ...(await cutOnAbort(client, signal, () => this.#prepare(client))) };
    } catch (error) {
      socketOf(client)?.destroy();
      throw error;
    }
  }

  /** A transaction pooler would hand our settings on to others, so behind one there are none. */
  async #prepare(client: Client): Promise<Omit<Observing, 'client'>> {
    const [facts] = await this.#send<ObserverFacts>(client, onPrimary(READ_OBSERVER_FACTS));
    const version = Number(facts?.version);
    const told = toldPid(client);
    // pg-native announces none: it cannot be told then, and a pooler is the rarer case.
    const direct = told === null || Number(facts?.pid) === told;
    // A server with one session for all clients would keep our settings for all.
    const own = direct && otherServer(String(facts?.versionText)) === undefined;
    if (own)
      await this.#send(client, onPrimary(prepareObserverSession(version, this.#options.statementTimeoutMs)));
    if (this.#ended) throw new PgLockUsageError('The module was shut down meanwhile.');
    return { version, direct };
  }

  /**
   * A database of another encoding refuses a statement with a character that it lacks: none of its rows has that, and what it is
   * to keep is kept as JSON escapes it.
   */
  async #sendFitting<Row extends object>(
    client: Client,
    statement: Statement,
    named: boolean,
  ): Promise<Row[]> {
    try {
      return await this.#send<Row>(client, statement, named);
    } catch (error) {
      if (sqlStateOf(error) !== SQLSTATE.untranslatableCharacter) throw error;
      return this.#send<Row>(client, { ...statement, values: (statement.values ?? []).map(inAscii) }, named);
    }
  }

  /** @param named whether the server keeps the plan of a statement with a name: a pooler may give the next one another backend. */
  async #send<Row extends object>(
    client: Client,
    { name, text, values }: Statement,
    named = false,
  ): Promise<Row[]> {
    const giveUp = setTimeout(
      () => socketOf(client)?.destroy(),
      this.#options.statementTimeoutMs + GRACE_MS,
    ).unref();
    try {
      const prepared = named && name !== undefined ? { name } : {};
      const result = await client.query<Row>({
        ...prepared,
        text,
        values: [...(values ?? [])],
        types: AS_TEXT,
      });
      return result.rows;
    } finally {
      clearTimeout(giveUp);
    }
  }

  #idle({ client }: Observing): void {
    socketOf(client)?.unref();
    this.#idleTimer = setTimeout(() => {
      this.#disconnect().catch(() => undefined);
    }, this.#options.idleMs).unref();
  }

  async #disconnect(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const client = this.#open?.client;
    this.#open = undefined;
    if (client === undefined) return;
    socketOf(client)?.ref();
    const impatience = setTimeout(() => socketOf(client)?.destroy(), FAREWELL_MS);
    await client.end().catch(() => undefined);
    clearTimeout(impatience);
  }
}
