import type { LockKey } from '../vocabulary/lock-id.js';
import type { KeyQueue } from './key-queue.js';

/** How many chains there are at the least; a power of two. */
const CHAINS = 256;

/**
 * The queues of all keys that are in use, and of some that are not any more.
 *
 * A table of chains, from which idle queues are dropped on the way: an id that is locked again finds its queue where it
 * was, and one that is never locked again soon leaves nothing behind. A `Map` would want a text for each key, and what is
 * deleted from it costs the garbage collector (see `Roster`).
 *
 * @internal
 */
export class KeyQueues implements Iterable<KeyQueue> {
  private chains: (KeyQueue | undefined)[] = emptyChains(CHAINS);
  private size = 0;

  constructor(private readonly create: (key: LockKey) => KeyQueue) {}

  /** The queue of a key, where there is one. */
  find(key: LockKey): KeyQueue | undefined {
    let queue = this.chains[this.chainOf(key)];
    while (queue !== undefined && !queue.key.equals(key)) queue = queue.next;
    return queue;
  }

  /** The queue of a key, made where there is none. */
  of(key: LockKey): KeyQueue {
    const known = this.find(key);
    if (known !== undefined) return known;
    if (this.size >= 2 * this.chains.length) this.tidy();
    const queue = this.create(key);
    this.add(queue);
    return queue;
  }

  *[Symbol.iterator](): Generator<KeyQueue> {
    for (const head of this.chains)
      for (let queue = head; queue !== undefined; queue = queue.next) yield queue;
  }

  private chainOf(key: LockKey): number {
    return key.hash & (this.chains.length - 1);
  }

  /** At the head of its chain, in the place of those that are idle there. */
  private add(queue: KeyQueue): void {
    const chain = this.chainOf(queue.key);
    let next = this.chains[chain];
    while (next?.isIdle === true) {
      next = next.next;
      this.size--;
    }
    queue.next = next;
    this.chains[chain] = queue;
    this.size++;
  }

  /** Drops every idle queue, and makes as many chains as the others need. */
  private tidy(): void {
    const used = [...this].filter((queue) => !queue.isIdle);
    let length = CHAINS;
    while (length < used.length) length *= 2;
    this.chains = emptyChains(length);
    this.size = 0;
    for (const queue of used) this.add(queue);
  }
}

function emptyChains(length: number): (KeyQueue | undefined)[] {
  return new Array<KeyQueue | undefined>(length).fill(undefined);
}
