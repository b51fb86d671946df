import type { FlowWait, KeyHolder, WaitGraph } from '../peers/wait-graph.js';
import { LockKey } from '../vocabulary/lock-id.js';
import { processWide } from '../vocabulary/process-wide.js';
import type { HolderNode, QueueNode, RequestNode } from './lock-graph.js';

/** A wait that can be told to give up. @internal */
export interface RefusableRequest extends RequestNode {
  /** When it began, on the monotonic clock. */
  readonly startedAt: number;
  /** Ends it with a `DeadlockError`; does nothing where it is over. */
  refuse(): void;
}

/** The queue of a key of this process, as the graph sees it. @internal */
export interface GraphQueue extends QueueNode {
  readonly holders: Iterable<HolderNode & { readonly shared: boolean }>;
}

/** A hold that takes note of what its flow waits for. */
interface MutableHolder {
  waiting: Set<RequestNode> | undefined;
}

const numbers = processWide('flow-numbers:1', () => ({ given: new WeakMap<object, number>(), last: 0 }));

/**
 * What chases see of one module: which flows of this process hold a key, at session level or in a transaction, and what they
 * wait for meanwhile.
 *
 * @internal
 */
export class FlowWaitGraph implements WaitGraph {
  /** Called when a transaction begins to wait for a key; what it returns, when that is over. */
  onWait: ((key: string) => () => void) | undefined;
  private readonly transactions = new Map<string, Set<HolderNode>>();
  private readonly transactionWaits = new Map<string, Set<RequestNode>>();

  constructor(private readonly queueOf: (key: LockKey) => GraphQueue | undefined) {}

  *holdersOf(key: string): Generator<KeyHolder> {
    for (const holder of this.queue(key)?.holders ?? []) yield new ChasedHolder(holder);
    for (const holder of this.transactions.get(key) ?? []) yield new ChasedHolder(holder);
  }

  isInTheWay(key: string): boolean {
    for (const requests of [this.queue(key)?.requests ?? [], this.transactionWaits.get(key) ?? []])
      for (const { flowHolds } of requests) if (!isEmpty(flowHolds)) return true;
    return false;
  }

  holdsAlone(key: string): boolean {
    for (const { shared } of this.queue(key)?.holders ?? []) if (!shared) return true;
    return false;
  }

  /** A transaction of this process holds a key. Returns what to call when it has ended. */
  addTransaction(holder: HolderNode): () => void {
    return addTo(this.transactions, holder.queue.key.text, holder);
  }

  /** A transaction of this process waits for a key. Returns what to call when it does no more. */
  addWait(
    wait: RefusableRequest & { readonly waitsIn: QueueNode },
    holds: readonly MutableHolder[],
  ): () => void {
    const { text } = wait.waitsIn.key;
    for (const holder of holds) (holder.waiting ??= new Set()).add(wait);
    const stops = [addTo(this.transactionWaits, text, wait), this.onWait?.(text)];
    return () => {
      for (const holder of holds) holder.waiting?.delete(wait);
      for (const stop of stops) stop?.();
    };
  }

  private queue(key: string): GraphQueue | undefined {
    const [classId, objId, objSubId] = key.split(':').map(Number) as [number, number, 1 | 2];
    return this.queueOf(LockKey.ofAdvisoryKey({ classId, objId, objSubId }));
  }
}

/** A hold, with the waits of its flow. */
class ChasedHolder implements KeyHolder {
  constructor(private readonly holder: HolderNode) {}

  get number(): number {
    return numberOf(this.holder);
  }

  get waits(): FlowWait[] {
    return Array.from(this.holder.waiting ?? []).flatMap((request) => chased(request) ?? []);
  }
}

/** A wait behind a lock of its own flow ends by itself. */
function chased(request: RequestNode): FlowWait | undefined {
  const { waitsIn } = request;
  if (waitsIn === undefined || request.behindItself || !isRefusable(request)) return undefined;
  return {
    number: numberOf(request),
    since: Math.round(performance.timeOrigin + request.startedAt),
    key: waitsIn.key.text,
    domain: waitsIn.domain,
    refuse: () => request.refuse(),
  };
}

function isRefusable(request: RequestNode): request is RefusableRequest {
  return 'refuse' in request && 'startedAt' in request;
}

function isEmpty(values: Iterable<unknown>): boolean {
  return values[Symbol.iterator]().next().done === true;
}

function numberOf(thing: object): number {
  const known = numbers.given.get(thing);
  if (known !== undefined) return known;
  numbers.given.set(thing, ++numbers.last);
  return numbers.last;
}

function addTo<Value>(sets: Map<string, Set<Value>>, key: string, value: Value): () => void {
  const set = sets.get(key) ?? new Set();
  sets.set(key, set.add(value));
  return () => {
    set.delete(value);
    if (set.size === 0 && sets.get(key) === set) sets.delete(key);
  };
}
