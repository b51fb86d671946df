import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { LockSource } from '../telemetry/lock-channels.js';
import type { LockStatus } from '../telemetry/lock-status.js';
import { LockWatch } from '../telemetry/lock-watch.js';
import type { PooledTransaction } from '../transaction/pooled-transaction.js';
import { currentFlow, runInFlow, type Flow } from '../vocabulary/flow-variable.js';
import type { LockId } from '../vocabulary/lock-id.js';
import type { AdvisoryLockOptions, OnContention } from './advisory-options.js';
import { assertWork } from '../vocabulary/assert-work.js';
import type { Asked } from './asked.js';
import { trace } from './call-places.js';
import { CommitWatch, type FlowTransaction } from './commit-watch.js';
import { FlowWaitGraph } from './flow-wait-graph.js';
import { heldLocks, type HeldLockStatus } from './held-lock-status.js';
import { KeptKeys } from './kept-keys.js';
import { LockContext } from './lock-context.js';
import type { LockHandle } from './lock-handle.js';
import type { NamedKey } from './lock-names.js';
import type { LockReference } from './lock-reference.js';
import { LockScope } from './lock-scope.js';
import { LockShutdown } from './lock-shutdown.js';
import { LockTaker, type LockTakerInit } from './lock-taker.js';
import { namingHolder, type FindHolder } from './named-holder.js';
import {
  isSkipped,
  resolveAdvisoryOptions,
  type ResolvedAdvisoryDefaults,
  type ResolvedAdvisoryOptions,
} from './resolve-advisory-options.js';
import { RunningWorks } from './running-works.js';
import { SessionLockHandle } from './session-lock-handle.js';

/** What advisory locks stand on. @internal */
export interface AdvisoryLocksInit extends LockTakerInit {
  readonly defaults: ResolvedAdvisoryDefaults;
  /** Who speaks on the channels of the process. */
  readonly source: LockSource;
  /** Who holds an id, for the error of a refusal. */
  readonly findHolder?: FindHolder;
  /** The transaction that the running flow is in; none where sessions are not seen. */
  readonly flowTransaction?: FlowTransaction;
}

/**
 * Session-level advisory locks for the flows of one process: one or many at once, for a work or by hand, and what happens at
 * the end. Where the locks are kept is the store's matter; order among flows is the queues'; what a flow holds already is
 * {@link HeldLocks}'.
 *
 * @internal
 */
export class AdvisoryLocks {
  /** Who waits for whom, for those that look for deadlocks. */
  readonly graph = new FlowWaitGraph((key) => this.taker.queues.find(key));
  /** The works under these locks, and under those of transactions. */
  readonly running = new RunningWorks();
  /** What is kept between runs. */
  readonly kept: KeptKeys;
  private readonly taker: LockTaker;
  private readonly commits: CommitWatch;
  private readonly defaults: ResolvedAdvisoryOptions;
  private readonly shutdown: LockShutdown;

  constructor(private readonly init: AdvisoryLocksInit) {
    this.taker = new LockTaker(init, (id, context) => this.shutdown.refusalOf(id, context));
    this.shutdown = new LockShutdown(this.taker.queues);
    this.kept = new KeptKeys(this.taker.queues, init.store);
    this.commits = new CommitWatch(init.emit);
    this.defaults = resolveAdvisoryOptions({}, init.defaults);
  }

  /** Takes the lock, runs the work in a flow that holds it, and releases it; `undefined` when skipped. */
  async run<R>(
    id: LockId | readonly LockId[],
    options: AdvisoryLockOptions | undefined,
    work: ((lock: LockHandle) => R | Promise<R>) | undefined,
  ): Promise<R | undefined> {
    assertWork(work, 'advisory(id, options, work)');
    const resolved = this.resolve(options);
    const flow = currentFlow();
    const { flowTransaction } = this.init;
    const transaction = resolved.untilCommit ? await flowTransaction?.visible() : flowTransaction?.own(flow);
    const watch = LockWatch.of(this.init.source, id, resolved.shared, 'session');
    let references: readonly LockReference[];
    try {
      const asked = this.take(this.init.names.keysOf(id), resolved, flow);
      await asked.answered;
      references = asked.taken() ?? (await asked.settled());
    } catch (error) {
      watch?.refused(error);
      if (isSkipped(error, resolved, 'throw')) return undefined;
      throw await namingHolder(error, this.init.findHolder);
    }
    const handle = this.handle(id, resolved, references, watch);
    const context = this.begin(references, flow, transaction, work);
    try {
      return await runInFlow(context.flow(flow), work, handle);
    } finally {
      if (context.usesTransactions) await this.leave(handle, context, resolved);
      else {
        await handle.release();
        this.running.end();
      }
    }
  }

  /**
   * Takes the lock for a work that its caller begins and ends by itself; `undefined` when skipped, which is what `otherwise`
   * says where the options do not. Its errors name no holder: who answers for them asks for it. Beside `run`, not
   * under it: each async function that is called within another costs 0.4 µs, a sixth of a lock.
   */
  async hold(
    id: LockId | readonly LockId[],
    resolved: ResolvedAdvisoryOptions,
    otherwise: OnContention = 'throw',
    workName?: string,
  ): Promise<LockScope | undefined> {
    const flow = currentFlow();
    const { flowTransaction } = this.init;
    const transaction = resolved.untilCommit ? await flowTransaction?.visible() : flowTransaction?.own(flow);
    const watch = LockWatch.of(this.init.source, id, resolved.shared, 'session');
    let references: readonly LockReference[];
    try {
      const asked = this.take(this.init.names.keysOf(id), resolved, flow);
      await asked.answered;
      references = asked.taken() ?? (await asked.settled());
    } catch (error) {
      watch?.refused(error);
      if (isSkipped(error, resolved, otherwise)) return undefined;
      throw error;
    }
    const handle = this.handle(id, resolved, references, watch);
    const context = this.begin(references, flow, transaction, workName);
    return new LockScope(handle, context, () => this.leave(handle, context, resolved));
  }

  /** Takes the lock and hands it out; `null` when it was not acquired in time and `'throw'` was not asked for. */
  async acquire(
    id: LockId | readonly LockId[],
    options: AdvisoryLockOptions | undefined,
  ): Promise<LockHandle | null> {
    const flow = currentFlow();
    const resolved = this.resolve(options);
    if (resolved.untilCommit)
      throw new PgLockUsageError('untilCommit is not for acquire: its handle is held until you release it.');
    const watch = LockWatch.of(this.init.source, id, resolved.shared, 'session');
    let references: readonly LockReference[];
    try {
      const asked = this.take(this.init.names.keysOf(id), resolved, flow);
      await asked.answered;
      references = asked.taken() ?? (await asked.settled());
    } catch (error) {
      watch?.refused(error);
      if (isSkipped(error, resolved, 'skip')) return null;
      throw await namingHolder(error, this.init.findHolder);
    }
    const handle = this.handle(id, resolved, references, watch);
    handle.onEnded = LockContext.in(flow)?.attribute(references);
    return handle;
  }

  /** Whether another flow or process holds the id. Looks, and takes nothing. */
  async isBusy(id: LockId): Promise<boolean> {
    const key = this.init.names.keyOf(id);
    if (this.init.held.isHeld(id)) return false;
    if ((this.taker.queues.find(key)?.holders.length ?? 0) > 0) return true;
    return this.init.store.isHeldByOthers(key);
  }

  /** Releases ids that are kept between runs, once no flow here uses them. */
  giveBack(id: LockId | readonly LockId[]): void {
    void this.kept.lend(this.init.names.keysOf(id));
  }

  /** Whether a flow of this process holds one of the ids at this moment. */
  isHeldHere(id: LockId | readonly LockId[]): boolean {
    const keys = this.init.names.keysOf(id);
    return keys.some(({ key }) => (this.taker.queues.find(key)?.holders.length ?? 0) > 0);
  }

  /** A peer has given back a permit of the id with this signal. */
  wakePermits(signal: string): void {
    this.taker.permits.wake(signal);
  }

  /** How the locks of this process stand. Sends nothing. */
  status(): LockStatus {
    let waiting = 0;
    for (const { requests } of this.taker.queues) waiting += requests.size;
    return { ...this.init.store.status(), waiting };
  }

  /** The session-level locks that this process holds at this moment. Sends nothing. */
  held(): HeldLockStatus[] {
    return heldLocks(this.taker.queues);
  }

  /** Makes sure that the server answers on the lock session, which is opened where none is. */
  ping(): Promise<void> {
    return this.init.store.ping();
  }

  /**
   * Shutdown begins: what runs under a lock, or in a request that was accepted before, may still acquire; what would begin anew
   * is refused, those that wait for it included; and what jobs kept between runs goes to other processes.
   *
   * @param waitsMs when every wait is refused.
   */
  drain(waitsMs?: number): void {
    this.shutdown.begin(waitsMs);
  }

  /** Begins no work anew, and resolves when those that run under locks of this module are over, or when the time is. */
  finish(timeoutMs: number): Promise<void> {
    this.drain();
    return this.running.untilOver(timeoutMs, LockContext.current?.depthIn(this.init.held) ?? 0);
  }

  /** Releases everything; what is held by now counts as lost. @param before the connections close: what is awaited then. */
  async close(before?: () => Promise<void>): Promise<void> {
    this.drain();
    this.shutdown.close();
    const error = new Error('the module was shut down.');
    const released = Promise.all([...this.taker.queues].map((queue) => queue.close(error)));
    await before?.();
    await this.init.store.close(); // which has a limit of its own for a server that does not answer
    await released;
  }

  /** Reads the options of a call over the module's defaults. @throws {PgLockUsageError} when one is not allowed. */
  resolve(options: AdvisoryLockOptions | undefined): ResolvedAdvisoryOptions {
    return options === undefined ? this.defaults : resolveAdvisoryOptions(options, this.init.defaults);
  }

  /** @throws {PgLockUsageError | LockNotAvailableError} where shutdown leaves nothing to take. */
  assertOpen(id: LockId | readonly LockId[], context = LockContext.current): void {
    const refused = this.shutdown.refusalOf(id, context);
    if (refused !== undefined) throw refused;
  }

  /** Runs under locks that the flow holds already, for work in a transaction. */
  async enter(
    named: readonly NamedKey[],
    options: Pick<ResolvedAdvisoryOptions, 'shared' | 'signal' | 'timeoutMs'>,
  ): Promise<readonly LockReference[]> {
    return this.take(named, { ...this.defaults, ...options, reentrant: true }, currentFlow()).settled();
  }

  /** A handle of locks that were taken elsewhere. */
  handleOf(
    id: LockId | readonly LockId[],
    shared: boolean,
    references: readonly LockReference[],
  ): SessionLockHandle {
    return new SessionLockHandle(id, shared, references, this.init.emit, undefined);
  }

  /** A work begins under its locks. @param transaction the one that the flow was in before. */
  private begin(
    references: readonly LockReference[],
    flow: Flow,
    transaction: PooledTransaction | undefined,
    work: unknown,
  ): LockContext {
    this.running.begin();
    const context = new LockContext(references, LockContext.in(flow), work);
    if (transaction !== undefined) context.use(transaction, trace, true);
    return context;
  }

  /** The work is over. Never rejects. */
  private leave(
    handle: SessionLockHandle,
    context: LockContext,
    { untilCommit }: ResolvedAdvisoryOptions,
  ): Promise<void> {
    const onReleased = () => this.running.end();
    if (context.usesTransactions) return this.commits.release(handle, context, untilCommit, onReleased);
    return handle.release().then(onReleased);
  }

  private take(named: readonly NamedKey[], options: ResolvedAdvisoryOptions, flow: Flow): Asked {
    if (!this.shutdown.hasBegun) return this.taker.take(named, options, flow);
    const [first] = named as [NamedKey, ...NamedKey[]];
    this.assertOpen(first.id, LockContext.in(flow));
    return this.taker.take(named, { ...options, sticky: false }, flow);
  }

  private handle(
    id: LockId | readonly LockId[],
    { shared, maxHoldMs, holdAtLeastMs, permits }: ResolvedAdvisoryOptions,
    references: readonly LockReference[],
    watch: LockWatch | undefined,
  ): SessionLockHandle {
    if (holdAtLeastMs > 0) for (const reference of references) reference.keepAtLeast(holdAtLeastMs);
    const handle = new SessionLockHandle(id, shared, references, this.init.emit, watch);
    if (permits !== undefined) this.markPermit(handle, id, references);
    if (maxHoldMs !== undefined) handle.expireIn(maxHoldMs);
    return handle;
  }

  private markPermit(
    handle: SessionLockHandle,
    id: LockId | readonly LockId[],
    [first]: readonly LockReference[],
  ): void {
    const { permits } = this.taker;
    handle.permit = first && permits.numberOf(first);
    handle.onReleased = () => {
      for (const { key } of this.init.names.keysOf(id)) permits.released(key);
    };
  }
}
