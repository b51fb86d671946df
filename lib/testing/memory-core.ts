import { EventEmitter } from 'node:events';
import { hostname } from 'node:os';
import { askForKey } from '../jobs/key-wanted.js';
import { LendingStore } from '../jobs/lending-store.js';
import { Jobs } from '../jobs/jobs.js';
import type { Peers } from '../peers/peers.js';
import { AdvisoryLocks } from '../locks/advisory-locks.js';
import { HeldLocks } from '../locks/held-locks.js';
import { Leaders } from '../leadership/leaders.js';
import { LockNames } from '../locks/lock-names.js';
import { SelfWaits } from '../locks/self-waits.js';
import { eventSink } from '../core/event-sink.js';
import type { LockDatabase } from '../core/lock-database.js';
import { LockReports } from '../core/lock-reports.js';
import type { PgLockEvents } from '../core/pg-lock-events.js';
import type { ResolvedPgLockOptions } from '../options/pg-lock-options.js';
import { PgLockService } from '../pg-lock.service.js';
import { atMost } from '../session/at-most.js';
import { FlowPids } from '../session/flow-pids.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import { newLockSource, type LockSource } from '../telemetry/lock-channels.js';
import { MemoryPeers } from './memory-peers.js';
import { MemoryLockStore } from './memory-lock-store.js';
import type { MemoryLockTable } from './memory-lock-table.js';
import { MemoryLockAdmin } from './memory-lock-admin.js';
import { MemoryWork } from './memory-work.js';

/** A database that is a table in memory. @internal */
export class MemoryCore implements LockDatabase {
  readonly name: string;
  readonly source: LockSource;
  readonly events: PgLockEvents = new EventEmitter();
  readonly names: LockNames;
  readonly held: HeldLocks;
  readonly advisory: AdvisoryLocks;
  readonly work: MemoryWork;
  readonly admin: MemoryLockAdmin;
  readonly service: PgLockService;
  readonly peers: Peers;
  readonly jobs: Jobs;
  readonly leaders: Leaders;
  /** What the services on the table say of the locks that they hold. */
  readonly lockReports: LockReports;
  leaderMethods = 0;

  constructor(
    readonly options: ResolvedPgLockOptions,
    readonly table: MemoryLockTable,
  ) {
    this.name = options.name;
    this.source = newLockSource(options.name);
    this.names = new LockNames(options.namespace);
    const emit = eventSink(this.events, this.source);
    this.held = new HeldLocks(this.names, new SelfWaits(options.selfWaitMs, emit));
    this.peers = new MemoryPeers(table, table.newPid());
    this.advisory = new AdvisoryLocks({
      store: new LendingStore(new MemoryLockStore(table), (key) => askForKey(this.peers, key)),
      names: this.names,
      defaults: options.advisory,
      emit,
      held: this.held,
      ambientTimeoutMs: () => this.work.timeouts.ambientMs,
      flowPids: new FlowPids(),
      source: this.source,
      peers: this.peers,
    });
    this.lockReports = new LockReports(this);
    this.leaders = new Leaders({ advisory: this.advisory, names: this.names, peers: this.peers, emit });
    this.jobs = this.makeJobs(emit);
    this.work = new MemoryWork({
      pool: options.pool,
      sessions: () => this.advisory,
      held: this.held,
      source: this.source,
      table,
      names: this.names,
      defaults: options.advisory,
    });
    this.admin = new MemoryLockAdmin(options, this.names, table, this.work.timeouts);
    this.service = new PgLockService(this);
  }

  private makeJobs(emit: EventSink): Jobs {
    const { options } = this;
    return new Jobs({
      advisory: this.advisory,
      names: this.names,
      peers: this.peers,
      options: { ...options.jobs, ledger: undefined },
      lease: options.sessions,
      ledger: undefined,
      emit,
      source: this.source,
      replica: `${hostname()}:${process.pid}`,
    });
  }

  async drain(): Promise<void> {
    this.leaders.stop();
    const ended = this.jobs.stop();
    this.advisory.drain(this.options.shutdown.timeoutMs);
    await atMost(this.options.shutdown.timeoutMs, ended);
  }

  async close(): Promise<void> {
    await this.leaders.close(this.options.shutdown.timeoutMs);
    await this.advisory.finish(this.options.shutdown.timeoutMs);
    await this.advisory.close();
    this.jobs.close();
    this.peers.close();
  }
}
