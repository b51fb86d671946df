import type {
  HeldKey,
  HeldKeyListener,
  LockStore,
  LockWait,
  TryLockCallbacks,
} from '../session/lock-store.js';
import { monotonicMs, TIMER_MAX_MS } from '../session/monotonic.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import { DONE, Grant } from './grant.js';
import { keysStandingStill, waitsForItself } from './lock-graph.js';
import { enterAll, lastDeadline, type LockRequest, type RequestQueue } from './lock-request.js';

/** For how long a key goes from flow to flow of this process before other processes get their turn. */
const TENURE_MS = 10;
/** For how long a caller whose time is up waits until the server has provably nothing of its request. */
const QUIET_MS = 50;

/**
 * Who in this process holds one key, and who wants it, in order of arrival.
 *
 * To PostgreSQL all flows of a process are one session, so exclusive and shared, order, and who waits for whom among them
 * are arbitrated here; the store is asked once for all of them. The key is *free* here, *tried* at the server, *awaited*
 * there, or *held*; held, it is given to one exclusive or several shared requests, and passed on within the process for
 * `TENURE_MS` before it goes back to the server, where other processes stand in line.
 *
 * @internal
 */
export class KeyQueue implements TryLockCallbacks, HeldKeyListener, RequestQueue {
  /** Kept by `KeyQueues`. */
  next: KeyQueue | undefined;
  /** Whether the key is kept when nobody here wants it any more. */
  private sticky = false;
  // Made with one element where there is one: `push` on an empty array makes room for seventeen.
  holders: Grant[] = [];
  requests: LockRequest[] = [];

  private hold: HeldKey | undefined;
  private heldSince = 0;
  private wait: (LockWait & { readonly shared: boolean }) | undefined;
  /** Whether the server is being asked, and in which mode. */
  private asking = false;
  private askedShared = false;
  private onAnswer: (() => void)[] | undefined;
  private probing = false;
  private yielding = false;
  private unlocked = DONE;

  constructor(
    readonly key: LockKey,
    private readonly store: LockStore,
  ) {}

  /** Whether nobody here holds, wants or keeps the key, so that nothing would be lost with this queue. */
  get isIdle(): boolean {
    return this.requests.length === 0 && this.hold === undefined && !this.asking;
  }

  /** Lines a request up; it is granted or refused through itself. */
  submit(request: LockRequest): void {
    if (request.once && this.mustWait(request)) return request.reject(request.contention());
    request.waitsIn = this;
    if (this.requests.length === 0) this.requests = [request];
    else this.requests.push(request);
    this.advance();
  }

  /** A grant has ended. Resolves when the server has let go, or at once when the key stays in this process. */
  release(grant: Grant): Promise<void> {
    const keepMs = grant.keepUntil === 0 ? 0 : grant.keepUntil - monotonicMs();
    if (keepMs > 0) {
      setTimeout(() => void this.release(grant), Math.min(Math.ceil(keepMs), TIMER_MAX_MS)).unref();
      return DONE;
    }
    return this.letGo(grant);
  }

  /** Rejects everybody who waits here. */
  rejectAll(error: (request: LockRequest) => unknown): void {
    for (const request of [...this.requests]) void this.leave(request, error(request));
  }

  /** Keeps the key no longer than somebody here needs it. */
  unstick(): void {
    this.sticky = false;
    this.advance();
  }

  /** Ends everything: those who wait and those who hold. */
  async close(error: Error): Promise<void> {
    this.sticky = false;
    this.rejectAll(() => error);
    const grants = this.holders;
    this.holders = [];
    for (const grant of grants) grant.lose(error);
    this.advance();
    await this.unlocked;
  }

  /** A lock session cannot tell its flows apart: whether a request could not be granted even if the server agreed. */
  private mustWait(request: LockRequest): boolean {
    if (this.yielding) return true;
    if (this.requests.length === 0) return this.isLocallyBlocked(request); // a wait that nobody needs comes to its end
    return this.wait !== undefined || !request.shared || this.requests.some((other) => !other.shared);
  }

  private isLocallyBlocked(request: LockRequest): boolean {
    if (this.holders.length === 0) return false;
    return !request.shared || this.hold?.shared !== true;
  }

  /** Does whatever can be done now. Called after every change. */
  private advance(): void {
    for (;;) {
      const head = this.requests[0];
      if (head === undefined) return this.rest();
      if (this.hold === undefined) return this.ask(head);
      if (!this.isGrantable(head, this.hold)) return this.markWaiting();
      this.requests.shift();
      const grant = new Grant(this, this.hold);
      if (this.holders.length === 0) this.holders = [grant];
      else this.holders.push(grant);
      if (head.init.sticky) this.sticky = true;
      head.grant(grant);
    }
  }

  /** Whether the hold can be given to the head at once; if it has to go back to the server first, sends it there. */
  private isGrantable(head: LockRequest, hold: HeldKey): boolean {
    const tenured = !this.yielding && monotonicMs() - this.heldSince < TENURE_MS;
    if (this.holders.length === 0) {
      if (hold.shared === head.shared && (tenured || this.sticky)) return true;
      this.giveUp(hold);
      this.ask(head);
      return false;
    }
    if (!hold.shared || !head.shared) return false;
    if (!tenured && !this.yielding) this.probe(hold);
    return tenured;
  }

  /** Those who came last wait from now on; who would wait for itself is refused at once. */
  private markWaiting(): void {
    for (let index = this.requests.length - 1; index >= 0; index--) {
      const request = this.requests[index] as LockRequest;
      if (request.contended) return;
      request.markContended();
      if (waitsForItself(request, this)) void this.leave(request, request.deadlock());
    }
  }

  /** Nobody wants the key. */
  private rest(): void {
    this.wait?.cancel();
    if (this.hold !== undefined && this.holders.length === 0 && !this.sticky) this.giveUp(this.hold);
    if (this.isIdle) this.sticky = false;
  }

  private giveUp(hold: HeldKey): void {
    this.hold = undefined;
    this.yielding = false;
    this.unlocked = this.store.unlock(hold);
  }

  /** Asks the server, unless it is being asked already; a wait in the other mode ends first. */
  private ask(head: LockRequest): void {
    if (this.wait !== undefined && this.wait.shared !== head.shared) this.wait.cancel();
    if (this.asking) {
      if (this.wait !== undefined) this.markWaiting();
      return;
    }
    this.asking = true;
    this.askedShared = head.shared;
    // What is kept between runs is wanted by jobs, of which many may tick in the same moment.
    this.store.tryLock(this.key, head.shared, this, head.init.sticky);
  }

  private answered(): void {
    this.asking = false;
    for (const tell of this.onAnswer ?? []) tell();
    this.onAnswer = undefined;
  }

  /** The server has given the key to this process. */
  onAcquired(hold: HeldKey): void {
    this.answered();
    this.hold = hold;
    this.heldSince = monotonicMs();
    hold.listener = this;
    if (!hold.alive) this.giveUp(hold);
    this.advance();
  }

  /** The server has given the key to another process. */
  onUnavailable(): void {
    this.answered();
    const shared = this.askedShared;
    const refusable = (request: LockRequest) =>
      request.expired || (request.once && (request.shared === shared || shared));
    for (const request of this.requests.filter(refusable)) this.drop(request, request.contention());
    const [head] = this.requests;
    if (head === undefined) return this.rest();
    if (head.shared !== shared) return this.ask(head);
    this.markWaiting();
    this.stand(head);
  }

  /** The server cannot be asked. Who waits already goes on waiting, for as long as the store thinks it worth while. */
  onError(error: unknown): void {
    this.answered();
    const droppable = ({ contended, once }: LockRequest) => !contended || once;
    for (const request of this.requests.filter(droppable)) this.drop(request, error);
    const [head] = this.requests;
    if (head === undefined) this.rest();
    else this.stand(head);
  }

  private stand(head: LockRequest): void {
    const wait = this.store.wait(this.key, head.shared, {
      deadline: () => lastDeadline(this.requests),
      holds: () => keysStandingStill(this),
      onDeadlock: (held) => this.breakDeadlock(held),
      onWaiting: (pid) => enterAll(this.requests, pid),
    });
    this.wait = { outcome: wait.outcome, cancel: () => wait.cancel(), shared: head.shared };
    this.asking = true;
    wait.outcome.then(
      (hold) => this.waited(hold),
      (error: unknown) => this.failAll(error),
    );
  }

  private waited(hold: HeldKey | null): void {
    this.wait = undefined;
    if (hold !== null) return this.onAcquired(hold);
    this.answered();
    this.advance();
  }

  private failAll(error: unknown): void {
    this.wait = undefined;
    this.answered();
    for (const request of [...this.requests]) this.drop(request, error);
    this.rest();
  }

  private probe(hold: HeldKey): void {
    if (this.probing) return;
    this.probing = true;
    const done = (awaited: boolean) => {
      this.probing = false;
      if (this.hold !== hold) return;
      if (awaited) this.yieldTo();
      else this.heldSince = monotonicMs();
      this.advance();
    };
    this.store.isAwaited(hold).then(done, () => done(false));
  }

  /** A writer elsewhere waits behind the readers here: no further ones until it had its turn. */
  private yieldTo(): void {
    this.yielding = true;
    for (const request of this.requests.filter(({ once }) => once)) this.drop(request, request.contention());
  }

  /** The key was lost with the session that held it. */
  onKeyLost(hold: HeldKey, error: Error): void {
    if (this.hold !== hold) return;
    this.hold = undefined;
    this.yielding = false;
    const grants = this.holders;
    this.holders = [];
    for (const grant of grants) grant.lose(error);
    this.advance();
  }

  private letGo(grant: Grant): Promise<void> {
    const index = this.holders.indexOf(grant);
    if (index < 0) return DONE;
    this.holders.splice(index, 1);
    this.unlocked = DONE;
    this.advance();
    const { unlocked } = this;
    this.unlocked = DONE;
    return unlocked;
  }

  private drop(request: LockRequest, error: unknown): void {
    const index = this.requests.indexOf(request);
    if (index >= 0) this.requests.splice(index, 1);
    request.reject(error);
  }

  /** A request gives up; its caller is told when nothing of it is left at the server, or very soon. */
  async leave(request: LockRequest, error: unknown): Promise<void> {
    const index = this.requests.indexOf(request);
    if (index < 0) return;
    this.requests.splice(index, 1);
    this.advance();
    if (this.requests.length === 0 && this.asking) await this.quiet();
    request.reject(error);
  }

  private async quiet(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const soon = new Promise<void>((resolve) => (timer = setTimeout(resolve, QUIET_MS)));
    const answer = new Promise<void>((resolve) => (this.onAnswer ??= []).push(resolve));
    await Promise.race([answer.then(() => this.unlocked), soon]);
    clearTimeout(timer);
  }

  private breakDeadlock(held: string): void {
    const guilty = this.requests.filter((request) => keysStandingStill(this, request).includes(held));
    const last = guilty[guilty.length - 1];
    if (last !== undefined) void this.leave(last, last.deadlock());
  }
}
