import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { FlowPids } from '../session/flow-pids.js';
import type { LockStore } from '../session/lock-store.js';
import type { LockSource } from '../telemetry/lock-channels.js';
import type { LockStatus } from '../telemetry/lock-status.js';
import { LockWatch } from '../telemetry/lock-watch.js';
import { FlowVariable } from '../vocabulary/flow-variable.js';
import type { LockId } from '../vocabulary/lock-id.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import { printable } from '../vocabulary/printable.js';
import { allOrNone } from './all-or-none.js';
import type { AdvisoryLockOptions, OnContention } from './advisory-options.js';
import type { Grant } from './grant.js';
import { HeldFlow } from './held-flow.js';
import { HeldLock, type HeldLockHost } from './held-lock.js';
import { KeyQueue } from './key-queue.js';
import { KeyQueues } from './key-queues.js';
import { LockFlow } from './lock-flow.js';
import type { LockHandle } from './lock-handle.js';
import type { LockNames, NamedKey } from './lock-names.js';
import { LockRequest } from './lock-request.js';
import { namingHolder, type FindHolder } from './named-holder.js';
import {
  resolveAdvisoryOptions,
  type ResolvedAdvisoryDefaults,
  type ResolvedAdvisoryOptions,
} from './resolve-advisory-options.js';

/** What advisory locks stand on. @internal */
export interface AdvisoryLocksInit {
  readonly store: LockStore;
  readonly names: LockNames;
  readonly defaults: ResolvedAdvisoryDefaults;
  readonly emit: EventSink;
  /** The wait that `pglock.timeout` asks of the running flow; `undefined` outside of it. */
  readonly ambientTimeoutMs: () => number | null | undefined;
  readonly flowPids: FlowPids;
  /** Who speaks on the channels of the process. */
  readonly source: LockSource;
  /** Who holds an id, for the error of a refusal. */
  readonly findHolder?: FindHolder;
}

/**
 * Session-level advisory locks for the flows of one process: who holds what, who asks again, many at once, and what
 * happens at the end. Where the locks are kept is the store's matter; order among flows is the queues'.
 *
 * @internal
 */
export class AdvisoryLocks {
  private readonly flows = new FlowVariable<LockFlow>();
  private readonly queues = new KeyQueues((key) => new KeyQueue(key, this.init.store));
  private serverTimeoutMs: number | null | undefined;
  private draining = false;
  private closed = false;

  private readonly defaults: ResolvedAdvisoryOptions;
  private readonly host: HeldLockHost;

  constructor(private readonly init: AdvisoryLocksInit) {
    this.defaults = resolveAdvisoryOptions({}, init.defaults);
    this.host = { fencingToken: (grant) => this.fencingToken(grant), emit: init.emit };
  }

  /** Takes the lock, runs the work in a flow that holds it, and lets go; `undefined` when skipped. */
  async run<R>(
    id: LockId | readonly LockId[],
    options: AdvisoryLockOptions | undefined,
    work: ((lock: LockHandle) => R | Promise<R>) | undefined,
  ): Promise<R | undefined> {
    if (typeof work !== 'function')
      throw new PgLockUsageError(
        `The work to run under the lock must be a function; got ${printable(work)}.`,
      );
    const resolved = this.resolve(options);
    const outer = this.flows.getStore();
    const watch = LockWatch.of(this.init.source, id, resolved.shared, 'session');
    let grants: readonly Grant[];
    try {
      grants = await this.take(this.init.names.keysOf(id), resolved, outer);
    } catch (error) {
      watch?.refused(error);
      if (isSkipped(error, resolved, 'throw')) return undefined;
      throw await namingHolder(error, this.init.findHolder);
    }
    const handle = this.handle(id, resolved, grants, watch);
    try {
      return await this.flows.run(new LockFlow(grants, outer), work, handle);
    } finally {
      await handle.release();
    }
  }

  /**
   * Takes the lock for a flow that its caller enters and leaves by itself, which costs less than `run`; `undefined` when
   * skipped, which is what `otherwise` says where nobody else does.
   */
  async hold(
    id: LockId | readonly LockId[],
    resolved: ResolvedAdvisoryOptions,
    otherwise: OnContention = 'throw',
  ): Promise<HeldFlow | undefined> {
    const { source, names } = this.init;
    const outer = this.flows.getStore();
    const watch = LockWatch.of(source, id, resolved.shared, 'session');
    try {
      const grants = await this.take(names.keysOf(id), resolved, outer);
      const lock = this.handle(id, resolved, grants, watch);
      return new HeldFlow(lock, new LockFlow(grants, outer), this.flows);
    } catch (error) {
      watch?.refused(error);
      if (isSkipped(error, resolved, otherwise)) return undefined;
      throw await namingHolder(error, this.init.findHolder);
    }
  }

  /** Takes the lock and hands it out; `null` when it was not had in time and `'throw'` was not asked for. */
  async acquire(
    id: LockId | readonly LockId[],
    options: AdvisoryLockOptions | undefined,
  ): Promise<LockHandle | null> {
    return (await this.hold(id, this.resolve(options), 'skip'))?.lock ?? null;
  }

  /** Whether the running flow holds the id at this moment. */
  isHeld(id: LockId): boolean {
    return this.flows.getStore()?.find(this.init.names.keyOf(id))?.alive ?? false;
  }

  /** @throws {PgLockUsageError} when the running flow does not hold the id. */
  assertHeld(id: LockId): void {
    if (this.isHeld(id)) return;
    throw new PgLockUsageError(
      `Advisory lock ${printable(id)} is not held by the running flow. Call this inside \`pglock.advisory(${printable(id)}, …)\`, or in a ` +
        'handler that is decorated with it.',
    );
  }

  /** Whether anybody but the running flow holds the id, in this process or another. Looks, and takes nothing. */
  async isBusy(id: LockId): Promise<boolean> {
    const key = this.init.names.keyOf(id);
    if (this.isHeld(id)) return false;
    if ((this.queues.find(key)?.holders.length ?? 0) > 0) return true;
    return this.init.store.isHeldByOthers(key);
  }

  /** Lets go of ids that are kept between runs, once nobody here uses them. */
  giveBack(id: LockId | readonly LockId[]): void {
    for (const { key } of this.init.names.keysOf(id)) this.queues.find(key)?.unstick();
  }

  /** How the locks of this process stand. Sends nothing. */
  status(): LockStatus {
    let waiting = 0;
    for (const { requests } of this.queues) waiting += requests.length;
    return { ...this.init.store.status(), waiting };
  }

  /** Makes sure that the server answers on the lock session, which is opened where none is. */
  ping(): Promise<void> {
    return this.init.store.ping();
  }

  /**
   * From now on only flows that hold something get more; whoever waits is refused, and what jobs kept between runs goes to
   * other processes.
   */
  drain(): void {
    this.draining = true;
    for (const queue of [...this.queues]) {
      queue.rejectAll((request) => this.shuttingDown(request.init.id));
      queue.unstick();
    }
  }

  /** Lets go of everything; what is still held counts as lost. @param before the connections close: what is awaited then. */
  async close(before?: () => Promise<void>): Promise<void> {
    this.drain();
    this.closed = true;
    const error = new Error('The module that held it was shut down.');
    const released = Promise.all([...this.queues].map((queue) => queue.close(error)));
    await before?.();
    await this.init.store.close(); // which does not wait for ever for a server that does not answer
    await released;
  }

  /** One number a grant, however often it is asked for; asked again where asking failed. */
  private fencingToken(grant: Grant): Promise<bigint> {
    grant.token ??= this.init.store.fencingToken(grant.hold).catch((error: unknown) => {
      grant.token = undefined;
      throw error;
    });
    return grant.token;
  }

  /** Reads the options of a call over the module's defaults. @throws {PgLockUsageError} when one is not allowed. */
  resolve(options: AdvisoryLockOptions | undefined): ResolvedAdvisoryOptions {
    return options === undefined ? this.defaults : resolveAdvisoryOptions(options, this.init.defaults);
  }

  private take(
    named: readonly NamedKey[],
    options: ResolvedAdvisoryOptions,
    flow: LockFlow | undefined,
  ): Promise<readonly Grant[]> {
    options.signal?.throwIfAborted();
    for (const { id, key } of named) this.assertAllowed(id, flow?.find(key), options.shared, flow);
    const [only] = named;
    if (named.length > 1 || only === undefined)
      return allOrNone(named, options.timeoutMs, (one, timeoutMs, had) => {
        const inner = had.length === 0 ? flow : new LockFlow(had, flow);
        return new Promise((resolve, reject) => this.ask(one, options, timeoutMs, inner, resolve, reject));
      });
    return new Promise((resolve, reject) => {
      this.ask(only, options, options.timeoutMs, flow, (grant) => resolve([grant]), reject);
    });
  }

  private ask(
    { id, key }: NamedKey,
    { shared, signal, sticky }: ResolvedAdvisoryOptions,
    timeoutMs: number | null | undefined,
    flow: LockFlow | undefined,
    resolve: (grant: Grant) => void,
    reject: (error: unknown) => void,
  ): void {
    const held = flow?.find(key);
    if (held?.hold.alive === true) return resolve(held.again());
    const wait = timeoutMs === undefined ? this.ambientTimeoutMs() : timeoutMs;
    const pids = this.init.flowPids.current;
    const keeps = sticky && !this.draining;
    const init = { id, shared, sticky: keeps, timeoutMs: wait, signal, flow, pids };
    const request = new LockRequest(init, resolve, reject);
    const queue = this.queues.of(key);
    queue.submit(request);
    if (wait === undefined) this.learnServerTimeout(request);
  }

  private handle(
    id: LockId | readonly LockId[],
    { shared, maxHoldMs, holdAtLeastMs }: ResolvedAdvisoryOptions,
    grants: readonly Grant[],
    watch: LockWatch | undefined,
  ): HeldLock {
    if (holdAtLeastMs > 0) for (const grant of grants) grant.keepAtLeast(holdAtLeastMs);
    const handle = new HeldLock(id, shared, grants, this.host, watch);
    if (maxHoldMs !== undefined) handle.expireIn(maxHoldMs);
    return handle;
  }

  private assertAllowed(
    id: LockId,
    held: Grant | undefined,
    shared: boolean,
    flow: LockFlow | undefined,
  ): void {
    if (this.closed) throw new PgLockUsageError('The module is shut down and takes no more locks.');
    if (this.draining && flow?.holdsAny !== true) throw this.shuttingDown(id);
    if (held?.shared === true && !shared)
      throw new PgLockUsageError(
        `This flow holds advisory lock ${printable(id)} shared and asks for it exclusively, which would wait for itself for ever. ` +
          'Take it exclusively from the start.',
      );
  }

  private shuttingDown(id: LockId): LockNotAvailableError {
    return new LockNotAvailableError(
      `Advisory lock ${printable(id)} was not taken: the application is shutting down.`,
      {
        id,
        waited: 0,
      },
    );
  }

  private ambientTimeoutMs(): number | null | undefined {
    const ambient = this.init.ambientTimeoutMs();
    return ambient === undefined ? this.serverTimeoutMs : ambient;
  }

  /** The first lock of a process learns the server's `lock_timeout` with the connection that it opens anyway. */
  private learnServerTimeout(request: LockRequest): void {
    this.init.store.defaultWaitMs().then(
      (timeoutMs) => {
        this.serverTimeoutMs = timeoutMs;
        if (timeoutMs !== null) request.expireIn(timeoutMs);
      },
      () => undefined, // the request itself meets the same error
    );
  }
}

/** Whether an error only says that the lock was not had, where that is to be passed over. */
function isSkipped(
  error: unknown,
  { onContention }: ResolvedAdvisoryOptions,
  otherwise: OnContention,
): boolean {
  return (onContention ?? otherwise) === 'skip' && error instanceof LockNotAvailableError;
}
