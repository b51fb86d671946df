import type { PollPort } from '../session/poll-port.js';
import type {
  HeldKey,
  LockStore,
  LockStoreStatus,
  LockWait,
  TryLockCallbacks,
  WaitOptions,
} from '../session/lock-store.js';
import type { SharedAnswer } from '../session/shared-answer.js';
import type { WaitOrderPort } from '../vocabulary/waiting-line.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import type { LockKey } from '../vocabulary/lock-id.js';

/** A wait that has lasted so long is told, and again as often, for a holder that began to keep the lock meanwhile. */
const TOLD_AFTER_MS = 250;
const TOLD_EVERY_MS = 2_000;

/** A store whose waits ask for what other processes keep without using it: the locks of jobs between their runs. @internal */
export class LendingStore implements LockStore {
  constructor(
    readonly inner: LockStore,
    /** Tells the other processes that a key is waited for. */
    private readonly tellAwaited: (key: LockKey) => void,
  ) {}

  tryLock(
    key: LockKey,
    shared: boolean,
    trier: TryLockCallbacks,
    isPatient?: boolean,
  ): SharedAnswer | undefined {
    return this.inner.tryLock(key, shared, trier, isPatient);
  }

  wait(key: LockKey, shared: boolean, options: WaitOptions): LockWait {
    return this.telling(key, this.inner.wait(key, shared, options));
  }

  waitBehindOwn(key: LockKey, options: WaitOptions): LockWait | undefined {
    const wait = this.inner.waitBehindOwn?.(key, options);
    return wait && this.telling(key, wait);
  }

  unlock(hold: HeldKey): Promise<void> {
    return this.inner.unlock(hold);
  }

  isAwaited(hold: HeldKey): Promise<boolean> {
    return this.inner.isAwaited(hold);
  }

  isHeldByOthers(key: LockKey): Promise<boolean> {
    return this.inner.isHeldByOthers(key);
  }

  fencingToken(hold: HeldKey): Promise<bigint> {
    return this.inner.fencingToken(hold);
  }

  fencingEpoch(hold: HeldKey): Promise<bigint> {
    return this.inner.fencingEpoch(hold);
  }

  defaultWaitMs(): Promise<number | null> {
    return this.inner.defaultWaitMs();
  }

  get polls(): PollPort | undefined {
    return this.inner.polls;
  }

  get order(): WaitOrderPort | undefined {
    return this.inner.order;
  }

  wake(key: string): void {
    this.inner.wake?.(key);
  }

  status(): LockStoreStatus {
    return this.inner.status();
  }

  ping(): Promise<void> {
    return this.inner.ping();
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  askFor(key: LockKey): () => void {
    let timer = outsideFlows(() => setTimeout(() => tell(), TOLD_AFTER_MS).unref());
    const tell = () => {
      this.tellAwaited(key);
      timer = setTimeout(tell, TOLD_EVERY_MS).unref();
    };
    return () => clearTimeout(timer);
  }

  private telling(key: LockKey, wait: LockWait): LockWait {
    const done = this.askFor(key);
    wait.outcome.then(done, done);
    return wait;
  }
}
