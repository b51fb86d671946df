import type { LockStatus } from '../telemetry/lock-status.js';
import type { PollPort } from './poll-port.js';
import type { SharedAnswer } from './shared-answer.js';
import type { WaitOrderPort } from '../vocabulary/waiting-line.js';
import type { LockKey } from '../vocabulary/lock-id.js';

/**
 * One key held by this process at the server, whichever of its flows uses it. It is *held* until `LockStore.unlock`, or
 * until it is lost.
 *
 * @internal
 */
export interface HeldKey {
  readonly key: LockKey;
  readonly shared: boolean;
  /** The backend that holds it. */
  readonly pid: number;
  /** Whether it can still be trusted at this moment. */
  readonly alive: boolean;
  /** Whether it was waited for in the server's queue, where others are likely to stand as well. */
  readonly isContended?: boolean;
  /** Whom to tell, once, when the hold is lost; none after `unlock`. */
  listener: HeldKeyListener | undefined;
}

/** Who wants to know when a hold is lost. @internal */
export interface HeldKeyListener {
  onKeyLost(hold: HeldKey, error: Error): void;
}

/** Who tries for a key. An object with methods, since two functions made for each lock would cost more. @internal */
export interface TryLockCallbacks {
  /** The key is held now. */
  onAcquired(hold: HeldKey): void;
  /** Another session holds it. */
  onUnavailable(): void;
  /** It could not be tried. Where `isPassing(error)`, it makes sense to wait. */
  onError(error: unknown): void;
}

/** How to wait for a key. @internal */
export interface WaitOptions {
  /** When to stop, on the monotonic clock, or `null` for never; asked again when that comes. */
  readonly deadline: () => number | null;
  /** `LockKey.text` of all keys that stand still while this wait lasts; asked again now and then. */
  readonly holds: () => readonly string[];
  /** The wait could never end: `held` is the key of `holds()` through which the cycle runs. */
  readonly onDeadlock: (held: string) => void;
  /** A backend stands in the server's queue for this wait, until the function that it returns is called. */
  readonly onWaiting: (pid: number) => () => void;
  /**
   * The server could not be reached for `sessions.connectTimeout`: who has no timeout of its own gives up with this error,
   * and the wait goes on until it is cancelled. Called once for each time that the server is away. Left out, the wait
   * rejects with the error.
   */
  readonly onUnreachable?: (error: Error) => void;
  /** Whether this process holds the key shared meanwhile, so that it must not be tried for on the session that does. */
  readonly isBehindOwn?: () => boolean;
}

/** A wait for a key on behalf of all flows of this process that want it. @internal */
export interface LockWait {
  /** The hold, or `null` when the deadline came or the wait was cancelled. Rejects when waiting is impossible. */
  readonly outcome: Promise<HeldKey | null>;
  /** Stops the wait. `outcome` settles when the server has provably nothing of it any more. */
  cancel(): void;
}

/** {@link LockStatus} as far as a store knows it: who waits stands above it. @internal */
export type LockStoreStatus = Omit<LockStatus, 'waiting'>;

/**
 * Where locks are kept: PostgreSQL sessions, or a table in memory for tests. It knows keys, and no flows: what local
 * flows owe each other is arbitrated above it.
 *
 * @internal
 */
export interface LockStore {
  /**
   * Tries once, without waiting. What becomes of it is told later, never within the call. A patient try may be held back for
   * a few milliseconds, to be made together with others. Gives what those who try together may await first, where they do.
   */
  tryLock(
    key: LockKey,
    shared: boolean,
    trier: TryLockCallbacks,
    isPatient?: boolean,
  ): SharedAnswer | undefined;
  /** Waits until the key is acquired. */
  wait(key: LockKey, shared: boolean, options: WaitOptions): LockWait;
  /** Waits for the key exclusively, behind what this process itself holds shared; undefined where no session is free for that. */
  waitBehindOwn?(key: LockKey, options: WaitOptions): LockWait | undefined;
  /** Releases the key. Resolves when the key is free; never rejects. A `tryLock` called after it comes after it. */
  unlock(hold: HeldKey): Promise<void>;
  /** Asks other processes, again and again, for a key that they keep without using it, until what it gives is called. */
  askFor?(key: LockKey): () => void;
  /** Whether an exclusive request of another session waits behind this shared hold. */
  isAwaited(hold: HeldKey): Promise<boolean>;
  /** Whether a session outside this store holds the key. Takes nothing. */
  isHeldByOthers(key: LockKey): Promise<boolean>;
  /** A number that grows from call to call in the whole database. */
  fencingToken(hold: HeldKey): Promise<bigint>;
  /** The timeline of the server, which grows with each promotion. */
  fencingEpoch(hold: HeldKey): Promise<bigint>;
  /** The server's own `lock_timeout`, in milliseconds, `null` for none. */
  defaultWaitMs(): Promise<number | null>;
  /** Another process has released a key that a wait without a session of its own polls for. */
  wake?(key: string): void;
  /** How many connections and keys there are at this moment. Sends nothing. */
  status(): LockStoreStatus;
  /** Makes sure that the server answers, on the connection that holds the locks. */
  ping(): Promise<void>;
  /** Wakes polls of other processes, where there are any. */
  readonly polls?: PollPort | undefined;
  /** The order of requests across processes, where they can speak. */
  readonly order?: WaitOrderPort | undefined;
  /** Releases everything and closes every connection. */
  close(): Promise<void>;
}
