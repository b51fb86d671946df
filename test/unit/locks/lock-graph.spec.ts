import fc from 'fast-check';
import { blockedKeys, closesCycle } from '../../../lib/locks/lock-graph.js';
import type { HolderNode, QueueNode, RequestNode } from '../../../lib/locks/lock-graph.js';

/** Flows, what they hold, and what they wait for: a model of the nodes that the walks see. */
class Scene {
  readonly queues = new Map<string, QueueNode & { holders: Set<HolderNode>; requests: RequestNode[] }>();
  readonly grants = new Map<string, (HolderNode & { waiting: Set<RequestNode> })[]>();

  queue(key: string) {
    const queue = this.queues.get(key) ?? {
      key: { text: key },
      domain: this,
      outer: undefined,
      holders: new Set<HolderNode>(),
      requests: [] as RequestNode[],
    };
    this.queues.set(key, queue);
    return queue;
  }

  holds(flow: string, key: string): this {
    const queue = this.queue(key);
    const grant = { queue, waiting: new Set<RequestNode>() };
    queue.holders.add(grant);
    this.grants.set(flow, [...(this.grants.get(flow) ?? []), grant]);
    return this;
  }

  waits(flow: string, key: string): RequestNode {
    const queue = this.queue(key);
    const grants = this.grants.get(flow) ?? [];
    const request = { waitsIn: queue, flowHolds: grants, behindItself: false };
    queue.requests.push(request);
    for (const grant of grants) grant.waiting.add(request);
    return request;
  }
}

describe('closesCycle', () => {
  it('finds two flows that wait for each other', () => {
    const scene = new Scene().holds('f', 'A').holds('g', 'B');
    expect(closesCycle(scene.waits('f', 'B'), scene.queue('B'))).toBeUndefined();
    expect(closesCycle(scene.waits('g', 'A'), scene.queue('A'))).toBe('cycle');
  });

  it('finds a cycle over any number of flows, and only once it is closed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), (length) => {
        const scene = new Scene();
        for (let i = 0; i < length; i++) scene.holds(`f${i}`, `k${i}`);
        for (let i = 0; i < length; i++) {
          const next = `k${(i + 1) % length}`;
          const closed = closesCycle(scene.waits(`f${i}`, next), scene.queue(next));
          expect(closed).toBe(i === length - 1 ? 'cycle' : undefined);
        }
      }),
    );
  });

  it('sees no cycle in a chain, nor behind a shared holder who waits for somebody else', () => {
    const scene = new Scene().holds('f', 'A').holds('r', 'S').holds('q', 'S').holds('h', 'C');
    scene.waits('q', 'C');
    expect(closesCycle(scene.waits('f', 'S'), scene.queue('S'))).toBeUndefined();
    expect(closesCycle(scene.waits('r', 'A'), scene.queue('A'))).toBe('cycle');
  });

  it('tells a wait behind a lock of the same flow from one that cannot end', () => {
    const scene = new Scene().holds('f', 'A').holds('g', 'A').holds('f', 'B');
    const [own] = scene.grants.get('f') ?? [];
    expect(closesCycle(scene.waits('f', 'A'), scene.queue('A'))).toBe(own);
    scene.waits('g', 'B');
    expect(closesCycle(scene.waits('f', 'A'), scene.queue('A'))).toBe('cycle');
  });

  it('never waits for itself while it holds nothing', () => {
    const scene = new Scene().holds('g', 'B');
    expect(closesCycle(scene.waits('f', 'B'), scene.queue('B'))).toBeUndefined();
  });
});

describe('blockedKeys', () => {
  it('are those of the waiting flows, and of those who wait for these, each once', () => {
    const scene = new Scene().holds('f', 'A').holds('f', 'B').holds('g', 'C').holds('h', 'D');
    scene.waits('f', 'X');
    scene.waits('g', 'A');
    scene.waits('h', 'B');
    scene.waits('h', 'C');
    expect(blockedKeys(scene.queue('X')).sort()).toEqual(['A', 'B', 'C', 'D']);
    expect(blockedKeys(scene.queue('D'))).toEqual([]);
  });

  it('are asked for of one request alone', () => {
    const scene = new Scene().holds('f', 'A').holds('g', 'B');
    const [first] = [scene.waits('f', 'X'), scene.waits('g', 'X')];
    expect(blockedKeys(scene.queue('X'), first)).toEqual(['A']);
  });

  it('come to an end in a cycle', () => {
    const scene = new Scene().holds('f', 'A').holds('g', 'B');
    scene.waits('f', 'B');
    scene.waits('g', 'A');
    expect(blockedKeys(scene.queue('A')).sort()).toEqual(['A', 'B']);
  });
});
