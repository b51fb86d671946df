import { isInRecovery, replicaError } from './server-check.js';
import { setTimeout } from 'node:timers';
import { FENCING_EPOCH, FENCING_TOKEN, heldByOthers, probeShared } from '../sql/advisory-lock.js';
import type { Statement } from '../sql/statement.js';
import { HEARTBEAT } from '../sql/lock-session.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import { closedError } from '../vocabulary/closed-error.js';
import type { Connector } from './connector.js';
import { LockAttempt, overBudget, type LockAttemptHost } from './lock-attempt.js';
import type { LockSession } from './lock-session.js';
import type {
  HeldKey,
  LockStore,
  LockStoreStatus,
  LockWait,
  TryLockCallbacks,
  WaitOptions,
} from './lock-store.js';
import { SessionLockWait } from './lock-wait.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import { KeptLook, type KeptPort } from './kept-look.js';
import type { PollPort } from './poll-port.js';
import type { PeerPort } from './peer-port.js';
import type { SessionLock } from './session-lock.js';
import type { SharedAnswer } from './shared-answer.js';
import { SessionPool } from './session-pool.js';
import type { ResolvedSessionsOptions } from './session-options.js';
import type { WaitOrderPort } from '../vocabulary/waiting-line.js';
import { WaitWatch } from './wait-watch.js';

/** For how long tries that may wait do so: timers that are due in the same moment fire a few milliseconds apart. */
const GATHER_MS = 5;
/** For how long a process that polls for a key goes first when it is released: a notification, and a try. */
const YIELD_MS = 20;

/**
 * Session-level advisory locks of one process on one PostgreSQL database: as many as wanted on one connection, and a few
 * more connections to wait on.
 *
 * @internal
 */
export class PgLockStore implements LockStore, LockAttemptHost {
  readonly pool: SessionPool;
  /** Called when a wait begins; what it returns, when that is over. */
  onWait: ((key: string) => () => void) | undefined;
  private readonly watch: WaitWatch;
  /** Releases under way on sessions other than the main one: a try for the same key comes after them. */
  private readonly unlocking = new Map<string, Promise<void>>();
  /** The sessions on which that is, until a wait for the same key takes them over. */
  private readonly releasing = new Map<string, LockSession>();
  /** Those that were taken over before their release was answered. */
  private readonly takenOver = new Set<LockSession>();
  private readonly waits = new Set<SessionLockWait>();
  /** Wakes polls, where peers can be spoken to. */
  polls: PollPort | undefined;
  /** The order of requests across processes, where peers can be spoken to. */
  order: WaitOrderPort | undefined;
  /** Keys that were released while a peer polled for them: until when it goes first. */
  private readonly yielded = new Map<string, number>();
  private budget: number | null = null;
  /** From when on nothing is asked for any more. */
  private isClosed = false;
  /** Tries that wait for others of the same moment. */
  private readonly gathered: LockAttempt[] = [];

  constructor(
    connector: Connector,
    private readonly options: ResolvedSessionsOptions,
    emit: EventSink,
  ) {
    this.pool = new SessionPool(connector, options, emit);
    this.watch = new WaitWatch(this.pool, this.waits);
    this.pool.onTick = () => this.watch.tick();
  }

  /** Looks from now on whether any session waits for what is kept and not used. */
  watchKept(kept: KeptPort): void {
    const look = new KeptLook(this.pool, kept);
    this.pool.onTick = () => {
      this.watch.tick();
      look.tick();
    };
  }

  /** For how long a lock whose timeout was left out waits for a server that is away, in milliseconds; null indefinitely. */
  get connectTimeoutMs(): number | null {
    return this.options.connectTimeoutMs;
  }

  /** What peers need of the main session. */
  get peers(): PeerPort {
    return this.pool.main;
  }

  tryLock(
    key: LockKey,
    shared: boolean,
    trier: TryLockCallbacks,
    isPatient = false,
  ): SharedAnswer | undefined {
    const attempt = new LockAttempt(this, key, shared, trier);
    if (!isPatient) return this.begin(attempt);
    if (this.gathered.push(attempt) === 1)
      setTimeout(() => {
        for (const one of this.gathered.splice(0)) this.begin(one);
      }, GATHER_MS);
    return undefined;
  }

  /** For how long the server lets a wait last before it looks for deadlocks, in milliseconds. */
  get deadlockTimeoutMs(): number {
    return this.pool.openMain?.facts.deadlockTimeout ?? 1_000;
  }

  wait(key: LockKey, shared: boolean, options: WaitOptions): LockWait {
    if (this.isClosed) return { outcome: Promise.reject(closedError()), cancel: () => undefined };
    const wait = new SessionLockWait(this, key, shared, options);
    this.waits.add(wait);
    const waited = this.onWait?.(key.text);
    const done = () => {
      this.waits.delete(wait);
      waited?.();
    };
    wait.outcome.then(done, done);
    return wait;
  }

  waitBehindOwn(key: LockKey, options: WaitOptions): LockWait | undefined {
    return this.pool.maySpare() ? this.wait(key, false, options) : undefined;
  }

  unlock(hold: HeldKey): Promise<void> {
    const released = this.unlockOnly(hold);
    return this.polls?.isAnyAwaited === true ? this.yieldKey(hold.key.text, released) : released;
  }

  /** Who polls for the key elsewhere is woken, and goes first once. */
  private yieldKey(key: string, released: Promise<void>): Promise<void> {
    if (this.polls?.isAwaited(key) !== true) return released;
    this.yielded.set(key, monotonicMs() + YIELD_MS);
    const forget = () => this.yielded.delete(key);
    outsideFlows(() => setTimeout(forget, YIELD_MS).unref());
    return released.then(() => this.polls?.released(key));
  }

  private unlockOnly(hold: HeldKey): Promise<void> {
    const held = hold as SessionLock<LockSession>;
    const { session } = held;
    const done = session.unlock(held);
    if (session === this.pool.openMain) return done;
    session.flush(); // it had no other lock
    const { text } = hold.key;
    const settled = done.then(() => {
      if (this.unlocking.get(text) === settled) this.unlocking.delete(text);
      if (this.releasing.get(text) === session) this.releasing.delete(text);
      if (this.takenOver.delete(session)) return; // it waits again
      if (session.isOpen && session.holdCount === 0) this.pool.giveBack(session);
    });
    this.unlocking.set(text, settled);
    this.releasing.set(text, session);
    return settled;
  }

  async isAwaited(hold: HeldKey): Promise<boolean> {
    // A session is always given what it holds already: another one has to ask.
    const main = this.pool.openMain;
    const isOnMain = (hold as SessionLock<LockSession>).session === main;
    if (!isOnMain && main !== undefined) return this.probe(main, hold);
    const session = await this.pool.takeWaiter();
    if (session === undefined) return false;
    try {
      return await this.probe(session, hold);
    } finally {
      this.pool.giveBack(session);
    }
  }

  private async probe(session: LockSession, { key }: HeldKey): Promise<boolean> {
    const [row] = await session.read(probeShared(key));
    return row?.['free'] === 'f';
  }

  async isHeldByOthers(key: LockKey): Promise<boolean> {
    const main = await this.pool.openedMain();
    const [row] = await main.read(heldByOthers(key, this.pool.pids));
    return row?.['busy'] === 't';
  }

  async fencingToken(hold: HeldKey): Promise<bigint> {
    const row = await this.fencing(hold, FENCING_TOKEN);
    return BigInt(row?.['token'] ?? 0);
  }

  async fencingEpoch(hold: HeldKey): Promise<bigint> {
    const row = await this.fencing(hold, FENCING_EPOCH);
    return BigInt(`0x${row?.['timeline'] ?? 0}`);
  }

  private async fencing(hold: HeldKey, statement: Statement) {
    const { session } = hold as SessionLock<LockSession>;
    try {
      return (await session.read(statement))[0];
    } catch (error) {
      throw isInRecovery(error) ? replicaError('a fencing token', { cause: error }) : error;
    }
  }

  async defaultWaitMs(): Promise<number | null> {
    const { facts } = await this.pool.openedMain();
    return facts.lockTimeout === 0 ? null : facts.lockTimeout;
  }

  status(): LockStoreStatus {
    const { size, holdCount, openMain } = this.pool;
    if (openMain !== undefined) this.budget = this.budgetOf(openMain);
    return { sessions: size, maxSessions: this.options.max, held: holdCount, budget: this.budget };
  }

  async ping(): Promise<void> {
    const main = await this.pool.openedMain();
    await main.run(HEARTBEAT);
  }

  /** Another process has released the key: waits that poll for it try at once. */
  wake(key: string): void {
    for (const wait of this.waits) if (wait.key.text === key) wait.wake();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.pool.stopOpening();
    for (const wait of this.waits) wait.cancel();
    await Promise.allSettled([...this.waits].map((wait) => wait.outcome));
    await this.pool.close();
  }

  /** The most keys that this process may hold: its share of the server's lock table. */
  private budgetOf(session: LockSession): number {
    return Math.floor(session.facts.lockTable * this.options.lockTableShare);
  }

  whenReleased(key: LockKey): Promise<void> | undefined {
    return this.unlocking.size > 0 ? this.unlocking.get(key.text) : undefined;
  }

  takeReleasing(key: LockKey): LockSession | undefined {
    const session = this.releasing.get(key.text);
    if (session === undefined || !this.pool.mayKeep(session)) return undefined;
    this.releasing.delete(key.text);
    this.takenOver.add(session);
    return session;
  }

  yieldsMs(key: LockKey): number {
    const until = this.yielded.size > 0 ? this.yielded.get(key.text) : undefined;
    return until === undefined ? 0 : Math.max(0, Math.ceil(until - monotonicMs()));
  }

  private begin(attempt: LockAttempt): SharedAnswer | undefined {
    const main = this.pool.openMain;
    const yieldsMs = this.yieldsMs(attempt.key);
    const isUnlocking = this.unlocking.size > 0 && this.unlocking.has(attempt.key.text);
    if (this.isClosed) queueMicrotask(() => attempt.giveUp(closedError()));
    else if (yieldsMs > 0) outsideFlows(() => setTimeout(() => this.begin(attempt), yieldsMs));
    else if (main !== undefined && !isUnlocking) return this.tryOn(main, attempt);
    else {
      attempt.mayReconnect = false;
      this.tryLater(attempt);
    }
    return undefined;
  }

  /** After a release that is under way elsewhere, on a main session that has to be opened first; or again, on a new one. */
  tryLater(attempt: LockAttempt): void {
    this.mainFor(attempt.key).then(
      (main) => this.tryOn(main, attempt),
      (error: unknown) => attempt.onError(error),
    );
  }

  private async mainFor(key: LockKey): Promise<LockSession> {
    await this.unlocking.get(key.text);
    return this.pool.openMain ?? this.pool.mainAtOnce();
  }

  private tryOn(main: LockSession, attempt: LockAttempt): SharedAnswer | undefined {
    attempt.session = main;
    const budget = this.budgetOf(main);
    if (this.pool.holdCount < budget) return main.tryLock(attempt);
    queueMicrotask(() => attempt.giveUp(overBudget(budget)));
    return undefined;
  }
}
