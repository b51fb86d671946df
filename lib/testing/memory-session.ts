import { DeadlockError } from '../errors/deadlock.error.js';
import type { HeldKey, HeldKeyListener } from '../session/lock-store.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import type { TransactionWatcher } from '../transaction/pg-session-watch.js';
import { PooledTransaction } from '../transaction/pooled-transaction.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import { nextMoment } from '../vocabulary/moment.js';
import type { MemoryLock, MemoryLockTable } from './memory-lock-table.js';
import { MemoryLockWait } from './memory-lock-wait.js';
import { onAbort } from '../vocabulary/wait-abort.js';

/** How to wait for the keys of a transaction. @internal */
export interface MemoryWaitOptions {
  /** Milliseconds; 0 tries once, `null` has no limit. */
  readonly limitMs: number | null;
  readonly signal: AbortSignal | undefined;
  /** `LockKey.text` of what the asking flow holds besides. */
  readonly others: readonly string[];
}

/** One transaction's locks in a {@link MemoryLockTable}: *open*, then *ended*, or *lost* with the first of its locks. @internal */
export class MemorySession implements HeldKeyListener {
  readonly pid: number;
  readonly watchers = new Set<TransactionWatcher>();
  /** What session-level locks of its flow may wait for: its end. */
  readonly transaction = new PooledTransaction(nextMoment(), undefined);
  private readonly locks = new Set<MemoryLock>();
  private ownTimeoutMs: number | null | undefined;

  constructor(
    private readonly table: MemoryLockTable,
    readonly endIsKnown: boolean,
  ) {
    this.pid = table.newPid();
  }

  get isOpen(): boolean | undefined {
    return this.endIsKnown ? this.transaction.isOpen : undefined;
  }

  /** How long its waits for locks may take, where it was told: `null` is no limit. */
  get lockTimeoutMs(): number | null | undefined {
    return this.ownTimeoutMs;
  }

  /** Runs work with a lock timeout; the former one is back afterwards. */
  async withLockTimeout<T>(timeoutMs: number | null, work: () => Promise<T> | T): Promise<T> {
    const former = this.ownTimeoutMs;
    this.ownTimeoutMs = timeoutMs;
    try {
      return await work();
    } finally {
      this.ownTimeoutMs = former;
    }
  }

  /** Takes all keys, or none; those that it has already once more. @returns what was taken; `null` when not in time. */
  async lock(
    keys: readonly LockKey[],
    shared: boolean,
    options: MemoryWaitOptions,
  ): Promise<readonly MemoryLock[] | null> {
    const deadline = options.limitMs === null ? null : monotonicMs() + options.limitMs;
    const taken: MemoryLock[] = [];
    try {
      for (const key of keys) {
        if (this.holds(key, shared)) continue;
        const lock =
          this.table.take(key, shared, this.pid, this) ?? (await this.wait(key, shared, deadline, options));
        if (lock === null) {
          this.free(taken);
          return null;
        }
        taken.push(this.keep(lock));
      }
      return taken;
    } catch (error) {
      this.free(taken);
      throw error;
    }
  }

  free(locks: Iterable<MemoryLock>): void {
    for (const lock of locks) {
      this.locks.delete(lock);
      this.table.free(lock);
    }
  }

  /** The transaction was committed or rolled back. */
  end(): void {
    this.free([...this.locks]);
    for (const watcher of this.take()) watcher.ended();
    this.transaction.end();
  }

  onKeyLost(_lock: HeldKey, error: Error): void {
    this.free([...this.locks]);
    for (const watcher of this.take()) watcher.lost(error);
    this.transaction.end();
  }

  private holds(key: LockKey, shared: boolean): boolean {
    for (const lock of this.locks) if (lock.key.equals(key) && (shared || !lock.shared)) return true;
    return false;
  }

  private keep(lock: MemoryLock): MemoryLock {
    lock.listener = this;
    this.locks.add(lock);
    return lock;
  }

  private async wait(
    key: LockKey,
    shared: boolean,
    deadline: number | null,
    { limitMs, signal, others }: MemoryWaitOptions,
  ): Promise<MemoryLock | null> {
    if (limitMs === 0) return null;
    let deadlock: DeadlockError | undefined;
    const wait = new MemoryLockWait(this.table, this, key, shared, {
      deadline: () => deadline,
      holds: () => [...others, ...Array.from(this.locks, (lock) => lock.key.text)],
      onDeadlock: () => {
        deadlock = new DeadlockError('Waiting for a lock in a transaction could never end.');
        wait.cancel();
      },
      onWaiting: () => () => undefined,
    });
    const cancel = () => wait.cancel();
    const stopListening = signal && onAbort(signal, cancel);
    const lock = await wait.outcome;
    stopListening?.();
    if (lock === null && signal?.aborted === true) throw signal.reason;
    if (lock === null && deadlock !== undefined) throw deadlock;
    return lock as MemoryLock | null;
  }

  private take(): readonly TransactionWatcher[] {
    const watchers = [...this.watchers];
    this.watchers.clear();
    return watchers;
  }
}
