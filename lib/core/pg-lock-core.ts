import { EventEmitter } from 'node:events';
import { hostname } from 'node:os';
import { askForKey } from '../jobs/key-wanted.js';
import { Jobs } from '../jobs/jobs.js';
import { LendingStore } from '../jobs/lending-store.js';
import { PgTickLedger } from '../jobs/pg-tick-ledger.js';
import type { TickLedger } from '../jobs/tick-ledger.js';
import { AdvisoryLocks } from '../locks/advisory-locks.js';
import { Leaders } from '../leadership/leaders.js';
import type { FindHolder } from '../locks/named-holder.js';
import { HeldLocks } from '../locks/held-locks.js';
import { LockNames } from '../locks/lock-names.js';
import { SelfWaits } from '../locks/self-waits.js';
import { eventSink } from './event-sink.js';
import type { PgLockEvents } from './pg-lock-events.js';
import type { ResolvedPgLockOptions } from '../options/pg-lock-options.js';
import { LockAdmin } from './lock-admin.js';
import type { LockDatabase } from './lock-database.js';
import { LockReports } from './lock-reports.js';
import { PeerServices } from './peer-services.js';
import type { AssertPeers, Peers } from '../peers/peers.js';
import { PgLockService } from '../pg-lock.service.js';
import { TransactionServices } from './transaction-services.js';
import { atMost } from '../session/at-most.js';
import { connectorLike, connectorTo, type Connector } from '../session/connector.js';
import { FlowPids } from '../session/flow-pids.js';
import { ObserverSession } from '../session/observer-session.js';
import type { LockStore } from '../session/lock-store.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import { noPeersOnStandby } from '../session/server-check.js';
import { PgLockStore } from '../session/pg-lock-store.js';
import { newLockSource, type LockSource } from '../telemetry/lock-channels.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';

/**
 * The modules of one database, put together: the only place that knows how.
 *
 * It opens nothing until something is asked of it. `drain()` lets running work finish and takes no new work; `close()`
 * releases every lock and closes every connection that it opened.
 *
 * @internal
 */
export class PgLockCore implements LockDatabase {
  readonly name: string;
  readonly source: LockSource;
  readonly events: PgLockEvents = new EventEmitter();
  readonly names: LockNames;
  /** What the running flow holds. */
  readonly held: HeldLocks;
  readonly advisory: AdvisoryLocks;
  readonly work: TransactionServices;
  readonly admin: LockAdmin;
  readonly service: PgLockService;
  /** The other processes on the database. */
  readonly peers: Peers;
  /** What the processes say of the locks that they hold. */
  readonly lockReports: LockReports;
  /** Who holds an id, for the error of a refusal. */
  readonly findHolder: FindHolder;
  readonly jobs: Jobs;
  readonly leaders: Leaders;
  /** How many methods lead here from the boot on. */
  leaderMethods = 0;
  private readonly peerServices: PeerServices;
  private readonly flowPids = new FlowPids();
  private closing: Promise<void> | undefined;
  private stoppedAt: number | undefined;

  constructor(
    readonly options: ResolvedPgLockOptions,
    store?: LockStore,
  ) {
    this.name = options.name;
    this.source = newLockSource(options.name);
    this.names = new LockNames(options.namespace);
    const emit = eventSink(this.events, this.source);
    this.held = new HeldLocks(this.names, new SelfWaits(options.selfWaitMs, emit));
    const connector = ownConnector(options);
    const locks = store ?? new PgLockStore(connector, options.sessions, emit);
    this.peerServices = new PeerServices(locks, options);
    this.peers = this.peerServices.peers;
    const findHolder = (this.findHolder = this.holderFinder(locks));
    this.work = new TransactionServices({
      options,
      connector,
      names: this.names,
      flowPids: this.flowPids,
      source: this.source,
      held: this.held,
      sessions: () => this.advisory,
      findHolder,
    });
    this.advisory = new AdvisoryLocks({
      store: new LendingStore(locks, (key) => askForKey(this.peers, key)),
      names: this.names,
      held: this.held,
      defaults: options.advisory,
      emit,
      ambientTimeoutMs: () => this.work.timeouts.ambientMs,
      flowPids: this.flowPids,
      source: this.source,
      findHolder,
      peers: this.peers,
      flowTransaction: this.work.flowTransaction,
      ...this.assertPeers,
    });
    this.connectPeers();
    this.lockReports = new LockReports(this);
    this.jobs = this.makeJobs(connector, emit);
    this.admin = this.makeAdmin(connector, emit);
    this.leaders = this.makeLeaders(emit);
    this.service = new PgLockService(this);
  }

  /** With `allowStandby` there is no peer to agree with. */
  private get assertPeers(): { readonly assertPeers?: AssertPeers } {
    if (!this.options.sessions.allowStandby) return {};
    return {
      assertPeers: (what) => {
        throw noPeersOnStandby(what);
      },
    };
  }

  private connectPeers(): void {
    this.peerServices.onReleased = (key) => this.advisory.wakePermits(key);
    this.peerServices.chase(this.held, this.advisory.graph);
  }

  /** A store without a server has no sessions that could be named. */
  private holderFinder(locks: LockStore): FindHolder {
    if (!(locks instanceof PgLockStore)) return () => Promise.resolve(undefined);
    return (id, facts) => this.admin.holderOf(id, facts);
  }

  private makeAdmin(connector: Connector, emit: EventSink): LockAdmin {
    const { options, names, flowPids } = this;
    const { transactions, timeouts } = this.work;
    return new LockAdmin({ options, connector, names, flowPids, transactions, timeouts, emit });
  }

  private makeLeaders(emit: EventSink): Leaders {
    const { advisory, names, peers } = this;
    return new Leaders({ advisory, names, peers, ...this.assertPeers, emit });
  }

  private makeJobs(connector: Connector, emit: EventSink): Jobs {
    const { advisory, names, peers, options, source } = this;
    const ledger = ledgerOf(options, connector);
    const replica = replicaName();
    return new Jobs({
      ...{ advisory, names, peers, emit, source, ledger, replica, ...this.assertPeers },
      options: options.jobs,
      lease: options.sessions,
    });
  }

  /** What would begin anew is refused; resolves when running jobs have ended, or `shutdown.timeout` has. */
  async drain(): Promise<void> {
    this.leaders.stop();
    this.stoppedAt ??= monotonicMs();
    const ended = this.jobs.stop();
    this.advisory.drain(this.shutdownLeftMs);
    await atMost(this.shutdownLeftMs, ended);
  }

  /**
   * Waits for the works that run under a lock, within `shutdown.timeout`; then releases everything, and closes what was opened
   * here. The lent pool stays its owner's. Idempotent.
   */
  close(): Promise<void> {
    return (this.closing ??= this.finish());
  }

  private async finish(): Promise<void> {
    this.stoppedAt ??= monotonicMs();
    void this.jobs.stop();
    await this.leaders.close(this.shutdownLeftMs);
    await this.advisory.finish(this.shutdownLeftMs);
    await this.admin.close();
    await this.advisory.close(async () => {
      await this.jobs.linger(this.shutdownLeftMs);
      this.jobs.close();
      this.peerServices.close();
    });
    await this.jobs.context.ledger?.close();
    await this.work.close();
  }

  /** What is left of `shutdown.timeout`, which bounds the whole of it. */
  private get shutdownLeftMs(): number {
    const elapsedMs = this.stoppedAt === undefined ? 0 : monotonicMs() - this.stoppedAt;
    return Math.max(0, this.options.shutdown.timeoutMs - elapsedMs);
  }
}

/** Builds everything of one database. @internal */
export function createCore(options: ResolvedPgLockOptions): PgLockCore {
  return new PgLockCore(options);
}

function ledgerOf({ jobs }: ResolvedPgLockOptions, connector: Connector): TickLedger | undefined {
  if (jobs.ledger === undefined) return undefined;
  return new PgTickLedger(new ObserverSession(connector, { purpose: 'jobs' }), jobs.ledger);
}

/** What people call this process. @internal */
export function replicaName(): string {
  return `${hostname()}:${process.pid}`;
}

/** Lock sessions, and the one that clears the way: never from the application's pool, and past a pooler where told so. */
function ownConnector({ directConnection, pool, connection }: ResolvedPgLockOptions): Connector {
  if (directConnection === undefined && pool !== undefined) return connectorLike(pool);
  return connectorTo(directConnection ?? connection);
}
