/** A key, who in this process holds it, and who wants it: what the walks below see of a queue. @internal */
export interface QueueNode {
  readonly key: { readonly text: string };
  readonly holders: Iterable<GrantNode>;
  readonly requests: readonly RequestNode[];
}

/** A key given to a flow, and what flows that hold it wait for. @internal */
export interface GrantNode {
  readonly queue: QueueNode;
  readonly waiting: ReadonlySet<RequestNode> | undefined;
}

/** A request, where it stands, and what its flow holds meanwhile. @internal */
export interface RequestNode {
  readonly waitsIn: QueueNode | undefined;
  readonly flowHolds: Iterable<GrantNode>;
}

/**
 * Whether a request waits, over flows of this process that wait for each other, for something that its own flow holds.
 *
 * @internal
 */
export function waitsForItself(request: RequestNode, queue: QueueNode): boolean {
  const own = new Set(request.flowHolds);
  if (own.size === 0) return false;
  const seen = new Set<GrantNode>();
  const reaches = (holders: Iterable<GrantNode>): boolean => {
    for (const holder of holders) {
      if (own.has(holder)) return true;
      if (seen.has(holder)) continue;
      seen.add(holder);
      for (const { waitsIn } of holder.waiting ?? [])
        if (waitsIn !== undefined && reaches(waitsIn.holders)) return true;
    }
    return false;
  };
  return reaches(queue.holders);
}

/**
 * All keys that stand still while a queue (or one request in it) waits: those that the waiting flows hold, and those held
 * by flows of this process that wait for these, and so on.
 *
 * @internal
 */
export function keysStandingStill(queue: QueueNode, only?: RequestNode): string[] {
  const keys = new Set<string>();
  const visit = (requests: readonly RequestNode[]): void => {
    for (const request of requests) {
      for (const grant of request.flowHolds) {
        if (keys.has(grant.queue.key.text)) continue;
        keys.add(grant.queue.key.text);
        visit(grant.queue.requests);
      }
    }
  };
  visit(only === undefined ? queue.requests : [only]);
  return [...keys];
}
