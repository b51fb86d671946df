/** A key, which flows of this process hold it, and which want it: what the walks below see of a queue. @internal */
export interface QueueNode {
  readonly key: { readonly text: string };
  /** The locks of one module: keys of different modules may be of different databases. */
  readonly domain: object;
  /** The lock that works enter again, where this is the queue of those. */
  readonly outer: HolderNode | undefined;
  readonly holders: Iterable<HolderNode>;
  readonly requests: Iterable<RequestNode>;
}

/** A key given to a flow, and what flows that hold it wait for. @internal */
export interface HolderNode {
  readonly queue: QueueNode;
  readonly waiting: ReadonlySet<RequestNode> | undefined;
}

/** A request, where it stands, and what its flow holds in the meantime. @internal */
export interface RequestNode {
  readonly waitsIn: QueueNode | undefined;
  readonly flowHolds: Iterable<HolderNode>;
  /** Whether it stands behind a lock of its own flow: such a wait ends by itself. */
  readonly behindItself: boolean;
}

/**
 * Whether a request waits for something that its own flow holds: the holder where that is the very key, so that the wait ends
 * when the flow releases it; `'cycle'` where it runs through other flows of this process, and cannot end.
 *
 * @internal
 */
export function closesCycle<Holder extends HolderNode>(
  request: RequestNode & { readonly flowHolds: Iterable<Holder> },
  queue: QueueNode,
): Holder | 'cycle' | undefined {
  const own = new Set<HolderNode>(request.flowHolds);
  if (own.size === 0) return undefined;
  const seen = new Set<HolderNode>();
  const reaches = (holder: HolderNode): boolean => {
    if (own.has(holder)) return true;
    if (seen.has(holder)) return false;
    seen.add(holder);
    for (const { waitsIn, behindItself } of holder.waiting ?? [])
      if (waitsIn !== undefined && !behindItself && some(waitsIn.holders, reaches)) return true;
    return false;
  };
  if (some(queue.holders, (holder) => !own.has(holder) && reaches(holder))) return 'cycle';
  const outers = new Set(outersOf(queue));
  for (const held of request.flowHolds) if (isSameKey(held.queue, queue) && !outers.has(held)) return held;
  return undefined;
}

/**
 * All keys that stand still while a queue (or one request in it) waits: those that the waiting flows hold, and those held
 * by flows of this process that wait for these, and so on. Only keys of the queue's own module are listed.
 *
 * @internal
 */
export function blockedKeys(queue: QueueNode, only?: RequestNode): string[] {
  const keys = new Set<string>();
  const seen = new Set<QueueNode>();
  const visit = (requests: Iterable<RequestNode>): void => {
    for (const request of requests) {
      for (const { queue: held } of request.flowHolds) {
        if (seen.has(held)) continue;
        seen.add(held);
        if (held.domain === queue.domain) keys.add(held.key.text);
        visit(held.requests);
      }
    }
  };
  visit(only === undefined ? queue.requests : [only]);
  return [...keys];
}

/** The locks under which the works of a queue run. */
function* outersOf(queue: QueueNode): Generator<HolderNode> {
  for (let { outer } = queue; outer !== undefined; { outer } = outer.queue) yield outer;
}

function some<Item>(items: Iterable<Item>, test: (item: Item) => boolean): boolean {
  for (const item of items) if (test(item)) return true;
  return false;
}

function isSameKey(one: QueueNode, other: QueueNode): boolean {
  return one.domain === other.domain && one.key.text === other.key.text;
}
