import { PgTickLedger } from '../jobs/pg-tick-ledger.js';
import type { TickLedger } from '../jobs/tick-ledger.js';
import type { AdvisoryLocks } from '../locks/advisory-locks.js';
import type { FlowTransaction } from '../locks/commit-watch.js';
import type { FindHolder } from '../locks/named-holder.js';
import type { ResolvedPgLockOptions } from '../options/pg-lock-options.js';
import type { Peers } from '../peers/peers.js';
import { connectorLike, connectorTo, type Connector } from '../session/connector.js';
import type { KeptPort } from '../session/kept-look.js';
import { ObserverSession } from '../session/observer-session.js';
import { PgLockStore } from '../session/pg-lock-store.js';
import { LockAdmin } from './lock-admin.js';
import type { LockServer, LockServerInit } from './lock-server.js';
import { PeerServices } from './peer-services.js';
import { TransactionServices } from './transaction-services.js';

/** A PostgreSQL server, as a core stands on it. @internal */
export class PgLockServer implements LockServer {
  readonly store: PgLockStore;
  readonly peers: Peers;
  readonly work: TransactionServices;
  readonly admin: LockAdmin;
  readonly hasManyClocks = true;
  readonly ledger: TickLedger | undefined;
  readonly findHolder: FindHolder = (id, facts) => this.admin.holderOf(id, facts);
  private readonly peerServices: PeerServices;

  constructor(private readonly init: LockServerInit) {
    const { options, names, flowPids, source, held, emit, sessions } = init;
    const connector = ownConnector(options);
    this.store = new PgLockStore(connector, options.sessions, emit);
    this.peerServices = new PeerServices(this.store, options);
    this.peers = this.peerServices.peers;
    const { findHolder } = this;
    this.work = new TransactionServices({
      ...{ options, connector, names, flowPids, source, held, sessions, findHolder },
    });
    const { transactions, timeouts } = this.work;
    this.admin = new LockAdmin({ options, connector, names, flowPids, transactions, timeouts, emit });
    this.ledger = ledgerOf(options, connector);
  }

  get flowTransaction(): FlowTransaction {
    return this.work.flowTransaction;
  }

  serve(locks: AdvisoryLocks): void {
    this.peerServices.onReleased = (key) => locks.wakePermits(key);
    this.peerServices.chase(this.init.held, locks.graph);
  }

  watchKept(kept: KeptPort): void {
    this.store.watchKept(kept);
  }

  stopLooking(): Promise<void> {
    return this.admin.close();
  }

  lingerMs(atMostMs: number): number {
    return atMostMs;
  }

  leave(): void {
    this.peerServices.close();
  }

  close(): Promise<void> {
    return this.work.close();
  }
}

function ledgerOf({ jobs }: ResolvedPgLockOptions, connector: Connector): TickLedger | undefined {
  if (jobs.ledger === undefined) return undefined;
  return new PgTickLedger(new ObserverSession(connector, { purpose: 'jobs' }), jobs.ledger);
}

/** Lock sessions, and the one that clears the way: never from the application's pool, and past a pooler where told so. */
function ownConnector({ directConnection, pool, connection }: ResolvedPgLockOptions): Connector {
  if (directConnection === undefined && pool !== undefined) return connectorLike(pool);
  return connectorTo(directConnection ?? connection);
}
