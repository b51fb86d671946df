import type { HeldKey, LockWait, WaitOptions } from '../session/lock-store.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import type { MemoryLock, MemoryLockTable, MemoryWaiter } from './memory-lock-table.js';

/** How often a wait asks again until when it may last, and whether it could go on indefinitely. */
const SLICE_MS = 100;

/** One place in the line of a {@link MemoryLockTable}: *waiting*, then *settled*, with a hold or without. @internal */
export class MemoryLockWait implements LockWait, MemoryWaiter {
  readonly outcome: Promise<HeldKey | null>;
  readonly pid: number;
  readonly since = new Date();

  private settle: (hold: HeldKey | null) => void = () => undefined;
  private readonly stopped: () => void;
  private timer: NodeJS.Timeout | undefined;
  private settled = false;
  private isInLine = false;

  constructor(
    private readonly table: MemoryLockTable,
    readonly owner: object,
    readonly key: LockKey,
    readonly shared: boolean,
    private readonly options: WaitOptions,
  ) {
    this.pid = table.newPid();
    this.outcome = new Promise((resolve) => (this.settle = resolve));
    this.stopped = options.onWaiting(this.pid);
    table.enqueue(this);
    this.isInLine = true;
    // The caller must know of the wait before it can be told of a deadlock.
    queueMicrotask(() => this.look());
  }

  holds(): readonly string[] {
    return this.options.holds();
  }

  grant(hold: MemoryLock): void {
    hold.isContended = this.isInLine;
    this.end(hold);
  }

  cancel(): void {
    if (this.settled) return;
    this.table.leave(this);
    this.end(null);
  }

  private look(): void {
    if (this.settled) return;
    const deadline = this.options.deadline();
    const leftMs = deadline === null ? SLICE_MS : Math.min(deadline - monotonicMs(), SLICE_MS);
    if (leftMs <= 0) return this.cancel();
    const held = this.deadlock();
    if (held !== undefined) this.options.onDeadlock(held);
    // The waiter has a timer of its own; this one alone must not keep a process alive.
    this.timer = setTimeout(() => this.look(), leftMs);
    this.timer.unref();
  }

  /** The key of ours that is awaited by a flow that, over others, keeps us waiting. */
  private deadlock(): string | undefined {
    const own = new Set(this.holds());
    if (own.size === 0) return undefined;
    const waiters = this.table.waiters().filter((waiter) => waiter !== this);
    const seen = new Set<MemoryWaiter>();
    const reaches = (keyText: string): string | undefined => {
      for (const waiter of waiters) {
        if (seen.has(waiter) || !waiter.holds().includes(keyText)) continue;
        seen.add(waiter);
        const found = own.has(waiter.key.text) ? waiter.key.text : reaches(waiter.key.text);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    return reaches(this.key.text);
  }

  private end(hold: HeldKey | null): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.timer);
    this.stopped();
    this.settle(hold);
  }
}
