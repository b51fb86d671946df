import type {
  HeldKey,
  HeldKeyListener,
  LockStore,
  LockWait,
  TryLockCallbacks,
  WaitOptions,
} from '../session/lock-store.js';
import type { SharedAnswer } from '../session/shared-answer.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import { DONE } from './lock-reference.js';
import { NextPlace } from './next-place.js';
import { owedAfter, TURN, type HeldState, type ServerState } from './next-step.js';

/** Hears of what becomes of a key at the server. @internal */
export interface ServerLockListener {
  /** It is held now, or a wait has ended without it. */
  onSettled(): void;
  /** Another process has it. */
  onUnavailable(shared: boolean): void;
  /** The server could not be asked. */
  onUnreachable(error: unknown): void;
  /** Waiting is impossible. */
  onWaitFailed(error: unknown): void;
  /** Another process has asked for it, or has not. */
  onAsked(): void;
  /** It was lost with the session that held it. */
  onLost(error: Error): void;
}

/** For how long a key counts as wanted by others; and within what time a process gets it back where it is alone. */
const CONTENDED_FOR_MS = 250;

/** For how long works are supposed to have a key, until that is known; and how much of that counts at the next look. */
const SUPPOSED_MS = 500;
const REMEMBERED_SHARE = 0.9;

const FREE: ServerState = { at: 'free' };
const TRYING_SHARED: ServerState = { at: 'trying', shared: true };
const TRYING_EXCLUSIVE: ServerState = { at: 'trying', shared: false };

/**
 * What this process has of one key at the server: *free* (nothing of it is here), *trying* (asked for once), *waiting* (in the
 * server's queue), or *held*. The only place that changes it, and that speaks to the store.
 *
 * @internal
 */
export class ServerLock implements TryLockCallbacks, HeldKeyListener {
  state: ServerState = FREE;
  /** Resolves when the server has released what was held last. */
  released = DONE;
  private onQuiet: (() => void)[] | undefined;
  /** Until when others are known to want it. */
  private contendedUntil = 0;
  private acquiredAt = -Infinity;
  /** How many works the next turn has beside its own. */
  private owed = 0;
  private linedUpAt = 0;
  /** For how long works had it of late, in milliseconds. */
  workMs = SUPPOSED_MS;

  constructor(
    private readonly key: LockKey,
    private readonly store: LockStore,
    private readonly listener: ServerLockListener,
  ) {}

  /** Since when it is held, on the monotonic clock, where it is. */
  get heldSince(): number {
    return this.acquiredAt;
  }

  /** The backend's lock, where it is held. */
  get lock(): HeldKey | undefined {
    return this.state.at === 'held' ? this.state.lock : undefined;
  }

  /** Free → trying. A patient try may be made together with others. Gives what they may all await first. */
  try(shared: boolean, isPatient: boolean): SharedAnswer | undefined {
    this.state = shared ? TRYING_SHARED : TRYING_EXCLUSIVE;
    return this.store.tryLock(this.key, shared, this, isPatient);
  }

  /** Since when it stands in the server's queue, on the monotonic clock; infinite where it does not. */
  get waitsSince(): number {
    return this.state.at === 'waiting' ? this.linedUpAt : Infinity;
  }

  /** Free → waiting. */
  wait(shared: boolean, options: WaitOptions): void {
    const wait = this.store.wait(this.key, shared, options);
    this.linedUpAt = monotonicMs();
    this.state = { at: 'waiting', shared, wait };
    this.follow(wait);
  }

  /** Waiting → (later) free, or held where the lock was granted in the same moment. */
  cancelWait(): void {
    if (this.state.at === 'waiting') this.state.wait.cancel();
  }

  /** Held → held, with a place in the server's queue behind the readers here and elsewhere, where a session is free for that. */
  lineUp(options: WaitOptions): void {
    const { state } = this;
    if (state.at !== 'held' || state.next !== undefined) return;
    const next = NextPlace.of(this.store, this.key, options);
    if (next === undefined) return;
    state.next = next;
    this.linedUpAt = monotonicMs();
    this.follow(next.wait);
  }

  /** Gives up the place behind the readers here. */
  cancelNext(): void {
    if (this.state.at === 'held') this.state.next?.wait.cancel();
  }

  /** Held → free, for works that want it again. Resolves as {@link ServerLock.unlock} does. */
  endTurn(): Promise<void> {
    const owed = this.state.at === 'held' ? owedAfter(this.state) : 0;
    const released = this.unlock();
    this.owed = owed;
    return released;
  }

  /** Held → free, or waiting where it has a place in the server's queue. Resolves when the server has released the key. */
  unlock(): Promise<void> {
    const { lock, state } = this;
    this.owed = 0;
    if (state.at === 'held' && (state.isContended || state.lock.shared)) this.measure(state);
    this.state = afterHold(state);
    if (lock !== undefined) this.released = this.store.unlock(lock);
    return this.released;
  }

  /** Asks whether another process waits for the key that is held shared. */
  ask(): void {
    const { state } = this;
    if (state.at !== 'held') return;
    state.awaited = 'asking';
    const done = (awaited: boolean) => {
      if (this.state !== state) return;
      state.awaited = awaited ? 'yes' : 'unknown';
      if (!awaited) state.handoffSince = monotonicMs();
      this.listener.onAsked();
    };
    this.store.isAwaited(state.lock).then(done, () => done(false));
  }

  /** A number that grows from holder to holder, asked for on the session that holds the key. */
  fencingToken(lock: HeldKey): Promise<bigint> {
    return this.store.fencingToken(lock);
  }

  /** The timeline of the server. */
  fencingEpoch(lock: HeldKey): Promise<bigint> {
    return this.store.fencingEpoch(lock);
  }

  /** Whether it is being asked whether another session waits behind what is held shared. */
  get isAsking(): boolean {
    return this.state.at === 'held' && this.state.awaited === 'asking';
  }

  /** Whether a try or a wait is under way. */
  get isUnsettled(): boolean {
    const { state } = this;
    return (
      state.at === 'trying' || state.at === 'waiting' || (state.at === 'held' && state.next !== undefined)
    );
  }

  /** Resolves when no try and no wait is under way. */
  untilSettled(): Promise<void> {
    if (!this.isUnsettled) return DONE;
    return new Promise((resolve) => (this.onQuiet ??= []).push(resolve));
  }

  onAcquired(lock: HeldKey): void {
    lock.listener = this;
    const now = monotonicMs();
    // Others may want it, unless the last turn was this process's own and none came between.
    const isOthers = now < this.contendedUntil || now - this.acquiredAt > CONTENDED_FOR_MS;
    const isContended = isOthers && !lock.shared;
    this.acquiredAt = now;
    const turn = TURN.works + this.owed;
    this.settle({ at: 'held', lock, isContended, works: 0, turn, handoffSince: now, awaited: 'unknown' });
    this.listener.onSettled();
  }

  onUnavailable(): void {
    const shared = this.state === TRYING_SHARED;
    this.markContended();
    this.settle(FREE);
    this.listener.onUnavailable(shared);
  }

  onError(error: unknown): void {
    this.settle(FREE);
    this.listener.onUnreachable(error);
  }

  onKeyLost(lock: HeldKey, error: Error): void {
    if (this.lock !== lock) return;
    this.state = afterHold(this.state);
    this.listener.onLost(error);
  }

  private onWaited(wait: LockWait, lock: HeldKey | null): void {
    if (this.state.at === 'held' && this.state.next?.wait === wait) return this.onNextOver(this.state, lock);
    if (this.state.at !== 'waiting' || this.state.wait !== wait) return;
    if (lock?.isContended === true) this.markContended();
    if (lock !== null) return this.onAcquired(lock);
    this.settle(FREE);
    this.listener.onSettled();
  }

  private follow(wait: LockWait): void {
    wait.outcome.then(
      (lock) => this.onWaited(wait, lock),
      (error: unknown) => {
        if (this.state.at === 'held' && this.state.next?.wait === wait)
          return this.onNextOver(this.state, null);
        if (this.state.at !== 'waiting' || this.state.wait !== wait) return;
        this.settle(FREE);
        this.listener.onWaitFailed(error);
      },
    );
  }

  /** It was cancelled; or the server has ended the session of the readers, who are told of that by itself. */
  private onNextOver(state: HeldState, lock: HeldKey | null): void {
    if (lock !== null) void this.store.unlock(lock);
    state.next = undefined;
    this.settle(state);
    this.listener.onSettled();
  }

  private measure({ works }: HeldState): void {
    if (works === 0) return;
    const ms = (monotonicMs() - this.acquiredAt) / works;
    this.workMs = Math.max(ms, this.workMs * REMEMBERED_SHARE);
  }

  private markContended(): void {
    this.contendedUntil = monotonicMs() + CONTENDED_FOR_MS;
  }

  private settle(state: ServerState): void {
    this.state = state;
    if (this.onQuiet === undefined) return;
    const { onQuiet } = this;
    this.onQuiet = undefined;
    for (const resolve of onQuiet) resolve();
  }
}

/** The place in the server's queue outlasts what was held. */
function afterHold(state: ServerState): ServerState {
  if (state.at !== 'held' || state.next === undefined) return FREE;
  return { at: 'waiting', shared: false, wait: state.next.beAlone() };
}
