import type { LockStore, LockWait, WaitOptions } from '../session/lock-store.js';
import type { LockKey } from '../vocabulary/lock-id.js';

/** A backend that stands in the server's queue, and what to call when it does no more. */
interface Standing {
  readonly pid: number;
  left: (() => void) | undefined;
}

/**
 * The place in the server's queue of a writer that waits behind readers of its own process, so that no further ones elsewhere come
 * before it. *Behind* them until they have released the key; then *alone*, as any other wait. What stands in the way of prioritized
 * work are others only: until then it does not count as that.
 *
 * @internal
 */
export class NextPlace {
  private readonly standing = new Set<Standing>();
  private isBehind = true;

  private constructor(
    private readonly options: WaitOptions,
    private readonly begun: { wait?: LockWait | undefined } = {},
  ) {}

  /** Undefined where no session is free for that. */
  static of(store: LockStore, key: LockKey, options: WaitOptions): NextPlace | undefined {
    const place = new NextPlace(options);
    place.begun.wait = store.waitBehindOwn?.(key, {
      ...options,
      isBehindOwn: () => place.isBehind,
      onWaiting: (pid) => place.onWaiting(pid),
    });
    return place.begun.wait === undefined ? undefined : place;
  }

  get wait(): LockWait {
    return this.begun.wait as LockWait;
  }

  /** The readers of this process have released the key, or lost it. */
  beAlone(): LockWait {
    this.isBehind = false;
    for (const one of this.standing) one.left = this.options.onWaiting(one.pid);
    return this.wait;
  }

  private onWaiting(pid: number): () => void {
    const one: Standing = { pid, left: this.isBehind ? undefined : this.options.onWaiting(pid) };
    this.standing.add(one);
    return () => {
      this.standing.delete(one);
      one.left?.();
    };
  }
}
