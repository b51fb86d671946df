import type {
  HeldKey,
  LockStore,
  LockStoreStatus,
  LockWait,
  TryLockCallbacks,
  WaitOptions,
} from '../session/lock-store.js';
import { closedError } from '../vocabulary/closed-error.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import type { MemoryLock, MemoryLockTable } from './memory-lock-table.js';
import { MemoryLockWait } from './memory-lock-wait.js';

/** What one process, or one of the "replicas" that a test plays, holds of a {@link MemoryLockTable}. @internal */
export class MemoryLockStore implements LockStore {
  private readonly waits = new Set<MemoryLockWait>();
  private isClosed = false;

  constructor(
    private readonly table: MemoryLockTable,
    private readonly pid: number,
  ) {}

  tryLock(key: LockKey, shared: boolean, trier: TryLockCallbacks): undefined {
    const hold = this.table.take(key, shared, this.pid, this);
    queueMicrotask(() => (hold === null ? trier.onUnavailable() : trier.onAcquired(hold)));
    return undefined;
  }

  wait(key: LockKey, shared: boolean, options: WaitOptions): LockWait {
    const wait = new MemoryLockWait(this.table, this, key, shared, options);
    this.waits.add(wait);
    const done = () => this.waits.delete(wait);
    wait.outcome.then(done, done);
    return wait;
  }

  unlock(hold: HeldKey): Promise<void> {
    this.table.free(hold as MemoryLock);
    return Promise.resolve();
  }

  isAwaited(hold: HeldKey): Promise<boolean> {
    return Promise.resolve(
      this.table.waiters(hold.key).some(({ shared, owner }) => !shared && owner !== this),
    );
  }

  isHeldByOthers(key: LockKey): Promise<boolean> {
    return Promise.resolve(this.table.holds(key).some(({ owner }) => owner !== this));
  }

  fencingToken(): Promise<bigint> {
    return Promise.resolve(this.table.nextToken());
  }

  /** Nothing here is ever promoted. */
  fencingEpoch(): Promise<bigint> {
    return Promise.resolve(1n);
  }

  /** There is no server that could have a `lock_timeout` of its own. */
  defaultWaitMs(): Promise<number | null> {
    return Promise.resolve(null);
  }

  /** As if on one connection, to a server whose lock table is never full. */
  status(): LockStoreStatus {
    const held = this.table.holds().filter(({ owner }) => owner === this).length;
    return { sessions: this.isClosed ? 0 : 1, maxSessions: 1, held, budget: null };
  }

  ping(): Promise<void> {
    return this.isClosed ? Promise.reject(closedError()) : Promise.resolve();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const wait of this.waits) wait.cancel();
    await Promise.allSettled([...this.waits].map((wait) => wait.outcome));
    for (const hold of this.table.holds()) if (hold.owner === this) this.table.free(hold);
  }
}
