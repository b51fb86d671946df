import { EventEmitter } from 'node:events';
import { hostname } from 'node:os';
import { askForKey } from '../jobs/key-wanted.js';
import { Jobs } from '../jobs/jobs.js';
import { LendingStore } from '../jobs/lending-store.js';
import { Leaders } from '../leadership/leaders.js';
import { AdvisoryLocks } from '../locks/advisory-locks.js';
import { HeldLocks } from '../locks/held-locks.js';
import { LockNames } from '../locks/lock-names.js';
import { SelfWaits } from '../locks/self-waits.js';
import type { ResolvedPgLockOptions } from '../options/pg-lock-options.js';
import type { AssertPeers } from '../peers/peers.js';
import { PgLockService } from '../pg-lock.service.js';
import { atMost } from '../session/at-most.js';
import { FlowPids } from '../session/flow-pids.js';
import { noPeersOnStandby } from '../session/server-check.js';
import { newLockSource, type LockSource } from '../telemetry/lock-channels.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import { eventSink } from './event-sink.js';
import type { LockDatabase } from './lock-database.js';
import { LockReports } from './lock-reports.js';
import type { LockServer, LockServerInit } from './lock-server.js';
import type { PgLockEvents } from './pg-lock-events.js';

/**
 * The modules of one database, put together: the only place that knows how, whatever keeps the locks.
 *
 * It opens nothing until something is asked of it. `drain()` lets running work finish and takes no new work; `close()`
 * releases every lock and closes every connection that it opened.
 *
 * @internal
 */
export class LockCore<Server extends LockServer = LockServer> implements LockDatabase {
  readonly name: string;
  readonly source: LockSource;
  readonly events: PgLockEvents = new EventEmitter();
  readonly names: LockNames;
  /** What the running flow holds. */
  readonly held: HeldLocks;
  readonly advisory: AdvisoryLocks;
  readonly service: PgLockService;
  /** What the processes say of the locks that they hold. */
  readonly lockReports: LockReports;
  readonly jobs: Jobs;
  readonly leaders: Leaders;
  /** How many methods lead here from the boot on. */
  leaderMethods = 0;
  private readonly server: Server;
  private readonly flowPids = new FlowPids();
  private closing: Promise<void> | undefined;
  private stoppedAt: number | undefined;

  constructor(
    readonly options: ResolvedPgLockOptions,
    serverOf: (init: LockServerInit) => Server,
  ) {
    this.name = options.name;
    this.source = newLockSource(options.name);
    this.names = new LockNames(options.namespace);
    const emit = eventSink(this.events, this.source);
    this.held = new HeldLocks(this.names, new SelfWaits(options.selfWaitMs, emit));
    const { names, held, flowPids, source } = this;
    const sessions = () => this.advisory;
    this.server = serverOf({ options, names, held, flowPids, source, emit, sessions });
    this.advisory = this.makeLocks(emit);
    this.server.serve(this.advisory);
    this.lockReports = new LockReports(this);
    this.jobs = this.makeJobs(emit);
    const { kept } = this.advisory;
    this.server.watchKept({ unused: () => kept.unused(), wanted: ({ text }) => this.jobs.lend(text) });
    this.leaders = this.makeLeaders(emit);
    this.service = new PgLockService(this);
  }

  get work(): Server['work'] {
    return this.server.work;
  }

  get admin(): Server['admin'] {
    return this.server.admin;
  }

  /** The other processes on the database. */
  get peers(): Server['peers'] {
    return this.server.peers;
  }

  /** Who holds an id, for the error of a refusal. */
  get findHolder(): Server['findHolder'] {
    return this.server.findHolder;
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
    await this.server.stopLooking();
    await this.advisory.close(async () => {
      await this.jobs.linger(this.server.lingerMs(this.shutdownLeftMs));
      this.jobs.close();
      this.server.leave();
    });
    await this.server.ledger?.close();
    await this.server.close();
  }

  /** What is left of `shutdown.timeout`, which bounds the whole of it. */
  private get shutdownLeftMs(): number {
    const elapsedMs = this.stoppedAt === undefined ? 0 : monotonicMs() - this.stoppedAt;
    return Math.max(0, this.options.shutdown.timeoutMs - elapsedMs);
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

  private makeLocks(emit: EventSink): AdvisoryLocks {
    const { server, names, held, flowPids, source, options } = this;
    const { peers, findHolder, flowTransaction } = server;
    return new AdvisoryLocks({
      ...{ names, held, flowPids, source, peers, findHolder, flowTransaction, emit, ...this.assertPeers },
      store: new LendingStore(server.store, (key) => askForKey(peers, key)),
      defaults: options.advisory,
      ambientTimeoutMs: (flow) => server.work.timeouts.ambientMsIn(flow),
    });
  }

  private makeJobs(emit: EventSink): Jobs {
    const { server, advisory, names, options, source } = this;
    const { peers, ledger, hasManyClocks } = server;
    return new Jobs({
      ...{ advisory, names, peers, hasManyClocks, emit, source, ledger, replica: replicaName() },
      ...this.assertPeers,
      options: options.jobs,
      lease: options.sessions,
    });
  }

  private makeLeaders(emit: EventSink): Leaders {
    const { advisory, names, peers } = this;
    return new Leaders({ advisory, names, peers, ...this.assertPeers, emit });
  }
}

/** What people call this process. @internal */
export function replicaName(): string {
  return `${hostname()}:${process.pid}`;
}
