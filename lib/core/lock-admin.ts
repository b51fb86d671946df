import { BlockedPgLocks } from '../inspection/blocked-pg-locks.js';
import type { LockHolder } from '../errors/lock-not-available.error.js';
import { LockHolders } from '../inspection/lock-holders.js';
import { PgLocks } from '../inspection/pg-locks.js';
import type { LockNames } from '../locks/lock-names.js';
import type { RefusalFacts } from '../locks/named-holder.js';
import type { LockTimeouts } from '../locks/lock-timeout.js';
import type { ResolvedPgLockOptions } from '../options/pg-lock-options.js';
import { Prioritizer } from '../prioritize/prioritizer.js';
import { atMost } from '../session/at-most.js';
import type { Connector } from '../session/connector.js';
import type { FlowPids } from '../session/flow-pids.js';
import { ObserverSession } from '../session/observer-session.js';
import { keepsSnapshot, SHOW_ISOLATION } from '../sql/settings-without-snapshot.js';
import { BACKEND_PID_OF_TRANSACTION } from '../sql/signal.js';
import { lastRan, waiting } from '../sql/waiting.js';
import { OpenTransaction } from '../transaction/open-transaction.js';
import type { Transactions } from '../transaction/transactions.js';
import type { LockId } from '../vocabulary/lock-id.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import { inspectionParts } from './inspection-parts.js';

/** How long a look for blockers may go on when the shutdown begins. */
const FAREWELL_MS = 1_000;

/** What looking at locks needs from the rest of one database. @internal */
export interface LockAdminInit {
  readonly options: ResolvedPgLockOptions;
  readonly connector: Connector;
  readonly names: LockNames;
  readonly flowPids: FlowPids;
  readonly transactions: Transactions;
  readonly timeouts: LockTimeouts;
  readonly emit: EventSink;
}

/**
 * Looking at locks and clearing the way, put together for one database: two connections of their own, neither open before it
 * is needed, so that a long look never holds up prioritized work.
 *
 * @internal
 */
export class LockAdmin {
  readonly locks: PgLocks;
  readonly blocked: BlockedPgLocks;
  readonly prioritizer: Prioritizer;
  readonly #holders: LockHolders;
  readonly #names: LockNames;
  /** The connection that looks at locks, for whatever else is to be looked at. */
  readonly observer: ObserverSession;
  readonly #sessions: readonly ObserverSession[];

  constructor({ options, connector, names, flowPids, transactions, timeouts, emit }: LockAdminInit) {
    const observer = new ObserverSession(connector, { purpose: 'inspection' });
    const clearing = new ObserverSession(connector, { purpose: 'prioritize' });
    this.observer = observer;
    this.#sessions = [observer, clearing];
    const parts = inspectionParts(options, names, observer);
    this.#holders = new LockHolders(observer);
    this.#names = names;
    this.locks = new PgLocks(parts);
    this.blocked = new BlockedPgLocks(parts);
    this.prioritizer = new Prioritizer({
      name: options.name,
      namespace: options.namespace,
      observer: clearing,
      names,
      emit,
      flowPids,
      fallbacks: options.prioritize,
      pidOf: (transaction) => pidOf(transaction ?? transactions.peek(), clearing),
      withTimeout: (timeoutMs, given, work) => timeouts.run(timeoutMs, given, work),
    });
  }

  /** Who holds an id, or the first of several that is held. Never rejects. */
  async holderOf(
    id: LockId | readonly LockId[],
    { askedBy, keys }: RefusalFacts = {},
  ): Promise<LockHolder | undefined> {
    for (const key of keys ?? this.#names.keysOf(id).map((named) => named.key)) {
      const holder = await this.#holders.find(key, askedBy);
      if (holder !== undefined) return holder;
    }
    return undefined;
  }

  /** Stops clearing the way, then closes both connections; soon, also where the server does not answer. Idempotent. */
  async close(): Promise<void> {
    const stopped = this.prioritizer.close();
    await atMost(FAREWELL_MS, stopped);
    await Promise.all(this.#sessions.map((session) => session.close()));
    await stopped;
  }
}

/** @throws {TransactionStateError} when the transaction is not open. */
async function pidOf(given: object | undefined, observer: ObserverSession): Promise<number | undefined> {
  if (given === undefined) return undefined;
  const transaction = OpenTransaction.of(given);
  const ask = async () => (await pidBySight(transaction, observer)) ?? askedPid(transaction);
  return transaction.inTurnOrSavepoint(ask);
}

/** Above READ COMMITTED, so that what waits for a table then takes its snapshot behind the wait. */
async function pidBySight(
  transaction: OpenTransaction,
  observer: ObserverSession,
): Promise<number | undefined> {
  const { mark, text } = waiting(SHOW_ISOLATION);
  if (!keepsSnapshot(await transaction.show({ text }))) return undefined;
  const [seen] = await observer.query<{ pid: number }>(lastRan(mark)).catch(() => []);
  return seen?.pid;
}

async function askedPid(transaction: OpenTransaction): Promise<number | undefined> {
  const [row] = await transaction.query<{ pid: number }>(BACKEND_PID_OF_TRANSACTION);
  return row?.pid;
}
