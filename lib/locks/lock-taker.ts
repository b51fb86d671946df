import type { AssertPeers, Peers } from '../peers/peers.js';
import type { FlowPids } from '../session/flow-pids.js';
import type { LockStore } from '../session/lock-store.js';
import type { Flow } from '../vocabulary/flow-variable.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import type { LockId } from '../vocabulary/lock-id.js';
import { platformSignal } from '../vocabulary/wait-abort.js';
import { allOrNone, oneByOne } from './all-or-none.js';
import { AskedInSteps, type Asked } from './asked.js';
import { trace } from './call-places.js';
import type { HeldLocks } from './held-locks.js';
import { KeyQueue } from './key-queue.js';
import { KeyQueues } from './key-queues.js';
import { CallContext } from './call-context.js';
import { LockContext } from './lock-context.js';
import type { LockNames, NamedKey } from './lock-names.js';
import type { LockReference } from './lock-reference.js';
import { LockRequest, type LockCall } from './lock-request.js';
import { nestedQueueOf } from './nested-queue.js';
import { PermitLimits } from './permit-limits.js';
import { Permits, type PermitCall } from './permits.js';
import { releaseInTime } from './release-in-time.js';
import type { ResolvedAdvisoryOptions } from './resolve-advisory-options.js';

/** What keys are taken with. @internal */
export interface LockTakerInit {
  readonly store: LockStore;
  /** What the running flow holds, in transactions as well. */
  readonly held: HeldLocks;
  /** The wait that `pglock.timeout` asks of a flow; `undefined` outside of it. */
  readonly ambientTimeoutMs: (flow: Flow) => number | null | undefined;
  readonly flowPids: FlowPids;
  readonly names: LockNames;
  /** Those with whom the number of permits is agreed. */
  readonly peers: Peers;
  /** @throws {ReadReplicaError} where there are no peers, for what needs them. */
  readonly assertPeers?: AssertPeers;
  readonly emit: EventSink;
}

/** One call: what was asked for, from when on, by which flow. */
interface Call extends LockCall, PermitCall {
  readonly options: ResolvedAdvisoryOptions;
  readonly startedAt: number;
  readonly timeoutMs: number | null | undefined;
}

/**
 * Takes keys for one call: one, or several with one deadline; under a lock that the flow holds already, or in the queue of the
 * key, as any other caller.
 *
 * @internal
 */
export class LockTaker {
  readonly queues: KeyQueues;
  readonly permits: Permits<Call>;
  private serverTimeoutMs: number | null | undefined;
  /** When the timeout of the server was learned, on the monotonic clock. */
  private learnedAt: number | undefined;

  /** @param refusal why nothing more may be asked for in a flow: a call may have begun before the shutdown did. */
  constructor(
    private readonly init: LockTakerInit,
    private readonly refusal: (id: LockId, context: LockContext | undefined) => Error | undefined,
  ) {
    const { held, store } = init;
    this.queues = new KeyQueues((key) => new KeyQueue(held, key, store));
    this.permits = new Permits({
      names: init.names,
      limits: new PermitLimits(init.peers, init.emit),
      polls: () => store.polls,
      ask: (one, call, { shared, once }) => this.askFor(one, call, shared, once),
      refusal: ({ id }, { context }) => this.refusal(id, context),
      enters: ({ key }, { options, context }) => options.reentrant && held.own(key, context)?.alive === true,
      serverTimeoutMs: () => this.serverTimeoutMs,
    });
  }

  /** Asks for all keys. @param flow the one that asks. @throws what is known at once. */
  take(named: readonly NamedKey[], options: ResolvedAdvisoryOptions, flow: Flow): Asked {
    options.signal?.throwIfAborted();
    const timeoutMs = options.timeoutMs === undefined ? this.ambientTimeoutMs(flow) : options.timeoutMs;
    const { permits = 0, signal } = options;
    const context = LockContext.in(flow);
    const pids = this.init.flowPids.in(flow);
    const call = { options, timeoutMs, startedAt: monotonicMs(), context, pids, permits, signal };
    if (permits > 0) {
      this.init.assertPeers?.('permits');
      return new AskedInSteps(this.takePermits(named, call));
    }
    if (options.reentrant && context !== undefined)
      return new AskedInSteps(this.takeOrEnter(named, call, context));
    return this.takeAll(named, call);
  }

  /** One permit of each id, in the order in which all callers take them. */
  private takePermits(named: readonly NamedKey[], call: Call): Promise<readonly LockReference[]> {
    return oneByOne(named, call, (one, _waits, acquired) => {
      const context = acquired.length === 0 ? call.context : new CallContext([...acquired], call.context);
      return this.permits.take(one, { ...call, context });
    });
  }

  private askFor(one: NamedKey, call: Call, shared: boolean, once: boolean): Promise<LockReference> {
    const options = { ...call.options, shared, sticky: false };
    return once ? this.tryOne(one, { ...call, options }) : this.askOne(one, { ...call, options });
  }

  private async askOne(one: NamedKey, call: Call, isOneOfSeveral = false): Promise<LockReference> {
    const [reference] = await this.ask(one, call, isOneOfSeveral).settled();
    return reference;
  }

  /** Tries once, for a call that may wait: where the server does not answer, no longer than that. */
  private async tryOne(one: NamedKey, call: Call, isOneOfSeveral = false): Promise<LockReference> {
    const request = this.ask(one, { ...call, timeoutMs: 0 }, isOneOfSeveral);
    const { timeoutMs } = call;
    if (typeof timeoutMs === 'number' && timeoutMs > 0) request.expireIn(timeoutMs);
    const [reference] = await request.settled();
    return reference;
  }

  private async takeSeveral(named: readonly NamedKey[], call: Call): Promise<readonly LockReference[]> {
    const references = await allOrNone(named, call, (one, waits, acquired) => {
      const context = acquired.length === 0 ? call.context : new CallContext(acquired, call.context);
      const own = { ...call, context };
      return waits === 'once' ? this.tryOne(one, own, true) : this.askOne(one, own, true);
    });
    // Kept one by one, two processes would each keep one of two keys for good, and neither have both.
    if (call.options.sticky) for (const { queue } of references) if (queue instanceof KeyQueue) queue.stick();
    return references;
  }

  private takeAll(named: readonly NamedKey[], call: Call): Asked {
    const [only] = named;
    if (named.length === 1 && only !== undefined) return this.ask(only, call);
    return new AskedInSteps(this.takeSeveral(named, call));
  }

  /** Makes sure, before and after, that what is entered again is held. */
  private async takeOrEnter(
    named: readonly NamedKey[],
    call: Call,
    context: LockContext,
  ): Promise<readonly LockReference[]> {
    const { shared, signal } = call.options;
    for (const one of named) this.init.held.toReenter(one, shared, context);
    const references = await this.takeAll(named, call).settled();
    try {
      const { timeoutMs } = call;
      const left =
        typeof timeoutMs === 'number' && timeoutMs > 0 ? leftOf(timeoutMs, call.startedAt) : timeoutMs;
      for (const { heldBy } of references)
        await heldBy.confirm?.({
          timeoutMs: left,
          signal: platformSignal(signal),
        });
      return references;
    } catch (error) {
      await releaseInTime(references, call);
      throw error;
    }
  }

  /** Asks for one key: under the lock that the flow holds already, or of its queue, as any other caller. */
  private ask({ id, key }: NamedKey, call: Call, isOneOfSeveral = false): LockRequest {
    const { held } = this.init;
    const { options, timeoutMs, context } = call;
    const { shared, signal, reentrant } = options;
    signal?.throwIfAborted();
    const refused = this.refusal(id, context);
    if (refused !== undefined) throw refused;
    const outer = reentrant ? held.toReenter({ id, key }, shared, context) : undefined;
    const waitsForItself = outer === undefined && timeoutMs !== 0 && held.own(key, context) !== undefined;
    const request = new LockRequest(id, call, isOneOfSeveral);
    if (waitsForItself) request.trace = trace();
    if (outer === undefined) this.queues.of(key).submit(request);
    else nestedQueueOf(outer, held, () => this.queues.of(key)).submit(request);
    if (timeoutMs === undefined) this.learnServerTimeout(request);
    return request;
  }

  private ambientTimeoutMs(flow: Flow): number | null | undefined {
    const ambient = this.init.ambientTimeoutMs(flow);
    return ambient === undefined ? this.serverTimeoutMs : ambient;
  }

  /** The first lock of a process learns the server's `lock_timeout` with the connection that it opens anyway. */
  private learnServerTimeout(request: LockRequest): void {
    this.init.store.defaultWaitMs().then(
      (timeoutMs) => {
        this.serverTimeoutMs = timeoutMs;
        // The server counts while a session waits, and not while it connects.
        this.learnedAt ??= monotonicMs();
        const connectedMs = Math.max(0, this.learnedAt - request.startedAt);
        if (timeoutMs !== null) request.expireIn(timeoutMs + connectedMs);
      },
      () => undefined, // the request itself meets the same error
    );
  }
}

/** What is left of a time; a wait that is almost over is not a try. */
function leftOf(timeoutMs: number, startedAt: number): number {
  return Math.max(1, Math.ceil(timeoutMs - (monotonicMs() - startedAt)));
}
