import type { Client, ClientBase, Pool, PoolClient, PoolConfig } from 'pg';
import { UnreadableAnswerError } from '../errors/unreadable-answer.error.js';
import { trace } from '../locks/call-places.js';
import type { FlowTransaction } from '../locks/commit-watch.js';
import { flowTransaction } from '../locks/flow-transaction.js';
import { LockContext } from '../locks/lock-context.js';
import { LockTimeouts } from '../locks/lock-timeout.js';
import type { FindHolder } from '../locks/named-holder.js';
import type { LockNames } from '../locks/lock-names.js';
import { ModelLocks } from '../locks/model-lock.js';
import type { FindClient } from '../locks/replaced-lock-timeout.js';
import { ServerTransactions } from '../locks/server-transactions.js';
import { XactLocks, type XactLocksContext } from '../locks/xact-locks.js';
import { XactWait } from '../locks/xact-lock-wait.js';
import type { ResolvedPgLockOptions } from '../options/pg-lock-options.js';
import { noTransactionsError } from '../vocabulary/closed-error.js';
import { FlowContext } from '../session/flow-context.js';
import type { FlowPids } from '../session/flow-pids.js';
import { ObserverSession } from '../session/observer-session.js';
import type { Connector } from '../session/connector.js';
import { PooledClients } from '../session/pooled-clients.js';
import { pgDriver, poolFacade } from '../session/pool-facade.js';
import { TRUST_SHARE } from '../session/open-lock-session.js';
import { adopt, ScopedPool, scopedSessions } from '../session/scoped-pool.js';
import { isInRecovery, replicaError } from '../session/server-check.js';
import { SessionScopes } from '../session/scoped-pool-scope.js';
import { asksAtBegin } from '../session/transaction-pids.js';
import { FRESH_TOKEN } from '../sql/advisory-xact-lock.js';
import { findSender, noticeSent } from '../session/wait-senders.js';
import { cancelWait } from '../sql/waiting.js';
import type { LockSource } from '../telemetry/lock-channels.js';
import { PooledTransactions } from '../transaction/pooled-transactions.js';
import type { TracedPlace } from '../vocabulary/traced-place.js';
import { watchDeath } from '../transaction/session-death.js';
import { Transactions } from '../transaction/transactions.js';

/** A session that is never given back must not hold up the shutdown. */
const FAREWELL_MS = 5_000;

/** As much of `pg` as TypeORM's option `driver` takes. @publicApi */
export interface PgDriver {
  /** Whatever it is constructed with, it is the pool of this database. */
  readonly Pool: typeof Pool;
  /** The client of `pg`. */
  readonly Client: typeof Client;
}

/** What the application's work needs from the rest of one database. @internal */
export interface TransactionServicesInit {
  readonly options: ResolvedPgLockOptions;
  readonly connector: Connector;
  readonly names: LockNames;
  readonly flowPids: FlowPids;
  readonly source: LockSource;
  readonly held: XactLocksContext['held'];
  readonly sessions: XactLocksContext['sessions'];
  readonly findHolder: FindHolder;
}

/**
 * The application's own sessions, and what happens in their transactions: the pool that follows the flows, transactions,
 * table locks, transaction-level advisory locks and lock timeouts, put together for one database.
 *
 * @internal
 */
export class TransactionServices {
  readonly transactions: Transactions;
  readonly models: ModelLocks;
  readonly xact: XactLocks;
  readonly timeouts: LockTimeouts;
  /** The transaction that the running flow is in. */
  readonly flowTransaction: FlowTransaction;
  /** What flows attach to the names of their sessions. */
  readonly flowContext = new FlowContext();
  /** For applications and their ORMs: they may "end" it, which does nothing. */
  readonly pool: Pool;
  /** Makes a session of a foreign pool follow the flow that has just taken it. */
  readonly scopeSession: (client: ClientBase) => Promise<void>;
  readonly #pool: Pool;
  readonly #aside: ObserverSession;
  readonly #giveBack: () => Promise<void> | void;
  #closing: Promise<void> | undefined;

  constructor(init: TransactionServicesInit) {
    const { options, connector, names, flowPids } = init;
    const scopes = new SessionScopes();
    const { flowContext } = this;
    const pooledClients = new PooledClients();
    const { trustPooler } = options.sessions;
    const pooled = pooledTransactions();
    const onTaken = (client: PoolClient, at?: TracedPlace, isOwn?: boolean) =>
      both(watchDeath(client), pooled.watch(client, at, isOwn));
    const scoped = { scopes, flowPids, flowContext, pooledClients, trustPooler, trace, onTaken };
    const own = options.pool === undefined ? new ScopedPool(poolConfig(options), scoped) : undefined;
    const pool = (this.#pool = own ?? (options.pool as Pool));
    this.#giveBack = own === undefined ? adopt(pool, scoped) : () => atMost(FAREWELL_MS, own.end());
    this.#aside = besides(connector, options);
    this.pool = poolFacade(pool);
    this.scopeSession = scopedSessions(scoped);
    this.transactions = new Transactions({
      // Not SET for the session but for the transaction, so that a pooler may stand between.
      connect: () => scopes.forTransaction(() => this.#assertOpen().connect()),
      lockTimeoutMs: () => scopes.current?.lockTimeoutMs,
      beginsByItself: asksAtBegin,
    });
    const clientOf = (pid: number) => pooledClients.of(pid);
    this.flowTransaction = flowTransaction(this.transactions, pooled, clientOf);
    this.timeouts = new LockTimeouts(scopes, this.transactions, finding(clientOf));
    const wait = this.#wait();
    this.models = new ModelLocks(this.transactions, wait);
    this.xact = new XactLocks({
      transactions: this.transactions,
      backend: new ServerTransactions({
        wait,
        freshToken: () => this.#freshToken(),
        allowStandby: options.sessions.allowStandby,
        clientOf,
      }),
      defaults: options.advisory,
      names,
      source: init.source,
      held: init.held,
      sessions: init.sessions,
      findHolder: init.findHolder,
      ambientTimeoutMs: () => this.timeouts.ambientMs,
    });
  }

  /** `pg` whose `Pool` is this database's, for TypeORM's option `driver`. */
  get pgDriver(): PgDriver {
    return pgDriver(this.pool);
  }

  /** Ends the module's own pool when everything taken from it is back; gives a lent one its own ways back. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#aside.close().then(this.#giveBack);
    return this.#closing;
  }

  #wait(): XactWait {
    return new XactWait({
      ambientLockTimeoutMs: () => this.timeouts.ambientMs,
      cancel: async (mark, pid) => (await this.#aside.query(cancelWait(mark, pid))).length > 0,
      findSender,
    });
  }

  #assertOpen(): Pool {
    if (this.#closing === undefined) return this.#pool;
    throw noTransactionsError();
  }

  async #freshToken(): Promise<bigint> {
    try {
      const [row] = await this.#aside.query<{ token?: string }>(FRESH_TOKEN);
      if (row?.token === undefined)
        throw new UnreadableAnswerError(
          "PostgreSQL's answer came back through the client of the lent pool without its value: let the answers of nestjs-pglock through there.",
        );
      return BigInt(row.token);
    } catch (error) {
      throw isInRecovery(error) ? replicaError('a fencing token', { cause: error }) : error;
    }
  }
}

/** What it is asked takes no time: a server that does not answer holds up the work for no longer than it does a lost lock. */
function besides(connector: Connector, { sessions }: ResolvedPgLockOptions): ObserverSession {
  const answerWithinMs = Math.ceil(sessions.leaseMs * TRUST_SHARE);
  return new ObserverSession(connector, { purpose: 'transactions', answerWithinMs });
}

function finding(ofBackend: FindClient['ofBackend']): FindClient {
  return { ofBackend, ofSender: findSender };
}

function pooledTransactions(): PooledTransactions {
  return new PooledTransactions({
    trace,
    onUse: (used) => LockContext.current?.use(used, trace),
    onSent: noticeSent,
  });
}

function both(first: () => void, second: () => void): () => void {
  return () => {
    second();
    first();
  };
}

function poolConfig({ connection }: ResolvedPgLockOptions): PoolConfig {
  return typeof connection === 'string' ? { connectionString: connection } : (connection ?? {});
}

async function atMost(milliseconds: number, ending: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)));
  await Promise.race([ending, patience]).finally(() => clearTimeout(timer));
}
