import type { LockKey } from '../vocabulary/lock-id.js';
import type { KeyQueue } from './key-queue.js';

/** As many idle queues may stand around before somebody looks for them. */
const IDLE_AT_LEAST = 256;

/**
 * The queues of all keys that are in use, and of some that are not any more.
 *
 * An id that is locked again finds its queue where it was. Idle ones are left out when there may be as many of them as of
 * others: to delete each as it becomes idle costs the garbage collector (see `Roster`).
 *
 * @internal
 */
export class KeyQueues implements Iterable<KeyQueue> {
  private queues = new Map<string, KeyQueue>();
  private tidyAt = IDLE_AT_LEAST;

  constructor(private readonly create: (key: LockKey) => KeyQueue) {}

  /** The queue of a key, where there is one. */
  find(key: LockKey): KeyQueue | undefined {
    return this.queues.get(key.text);
  }

  /** The queue of a key, made where there is none. */
  of(key: LockKey): KeyQueue {
    const known = this.queues.get(key.text);
    if (known !== undefined) return known;
    if (this.queues.size >= this.tidyAt) this.tidy();
    const queue = this.create(key);
    this.queues.set(key.text, queue);
    return queue;
  }

  [Symbol.iterator](): Iterator<KeyQueue> {
    return this.queues.values();
  }

  private tidy(): void {
    this.queues = new Map([...this.queues].filter(([, queue]) => !queue.isIdle));
    this.tidyAt = Math.max(IDLE_AT_LEAST, 2 * this.queues.size);
  }
}
