import { closedError } from '../vocabulary/closed-error.js';
import type { HeldKey, LockStore, WaitOptions } from '../session/lock-store.js';
import { isPassing } from '../session/reachability.js';
import { monotonicMs, TIMER_MAX_MS } from '../vocabulary/monotonic.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import { LocalQueue, type QueueHost } from './local-queue.js';
import { blockedKeys } from './lock-graph.js';
import { DONE, type LockReference } from './lock-reference.js';
import { enterAll, lastDeadline, type LockRequest } from './lock-request.js';
import { nextStep, type HeldState, type Others, type Step } from './next-step.js';
import { QUIET_MS } from './release-in-time.js';
import { ServerLock, type ServerLockListener } from './server-lock.js';

/** A request that went into the server's queue so soon has its place there. */
const AT_ONCE_MS = 10;

/**
 * Who in this process holds one key, and who wants it, below the server.
 *
 * To PostgreSQL all flows of a process are one session, so exclusive and shared, order, and who waits for whom among them are
 * arbitrated here; the server is asked once for all of them. What to do next is {@link nextStep}'s to say, what the process
 * has of the key is in {@link ServerLock}, and the order among flows in {@link LocalQueue}.
 *
 * @internal
 */
export class KeyQueue extends LocalQueue implements ServerLockListener, Others {
  /** Kept by `KeyQueues`. */
  next: KeyQueue | undefined;
  /** Whether the key is kept when no work here wants it any more. */
  private sticky = false;
  private isClosed = false;
  private readonly server: ServerLock;

  constructor(
    host: QueueHost,
    readonly key: LockKey,
    private readonly store: LockStore,
  ) {
    super(host);
    this.server = new ServerLock(key, store, this);
  }

  /** No lock of this process is above it. */
  get outer(): undefined {
    return undefined;
  }

  /** Whether no work here holds, wants or keeps the key, so that nothing would be lost with this queue. */
  get isIdle(): boolean {
    return this.requests.size === 0 && this.server.state.at === 'free';
  }

  /** Whether the key is kept, and no work here uses it or wants to. */
  get isKept(): boolean {
    return this.sticky && this.server.lock !== undefined && this.holders.length + this.requests.size === 0;
  }

  /** What this process has of the key at the server, and since when on the monotonic clock. */
  get held(): { readonly pid: number; readonly since: number } | undefined {
    const { lock, heldSince } = this.server;
    return lock === undefined ? undefined : { pid: lock.pid, since: heldSince };
  }

  /** Works that wanted to enter a lock ask here when that is over: after the shutdown as well. */
  override submit(request: LockRequest): void {
    if (this.isClosed) request.reject(closedError());
    else super.submit(request);
  }

  override release(reference: LockReference): Promise<void> {
    const keepMs = reference.keepUntil === 0 ? 0 : reference.keepUntil - monotonicMs();
    if (keepMs <= 0) return super.release(reference);
    const later = () =>
      setTimeout(() => void this.release(reference), Math.min(Math.ceil(keepMs), TIMER_MAX_MS)).unref();
    outsideFlows(later);
    return DONE;
  }

  fencingToken({ heldBy }: LockReference): Promise<bigint> {
    return this.server.fencingToken(heldBy as HeldKey);
  }

  fencingEpoch({ heldBy }: LockReference): Promise<bigint> {
    return this.server.fencingEpoch(heldBy as HeldKey);
  }

  /** Keeps the key when no work here wants it any more, until `unstick`. */
  stick(): void {
    this.sticky = true;
  }

  /** Keeps the key no longer than some work here needs it. Resolves when it is released, where none does. */
  async unstick(): Promise<void> {
    this.sticky = false;
    await this.advance();
  }

  /** The holders lose the key, and nothing asks for it any more. Resolves when the server has released it. */
  async close(error: Error): Promise<void> {
    this.isClosed = true;
    this.sticky = false;
    for (const reference of this.takeHolders()) reference.lose(error);
    await this.advance();
  }

  /** A wait of this queue could never end: `held` is the key of a flow here through which the cycle runs. */
  breakDeadlock(held: string): void {
    let last: LockRequest | undefined;
    for (const request of this.requests) if (blockedKeys(this, request).includes(held)) last = request;
    if (last !== undefined) void this.leave(last, last.deadlock());
  }

  get isInOrder(): boolean {
    const { first, last } = this.requests;
    return first !== undefined && first === last && this.server.waitsSince - first.startedAt < AT_ONCE_MS;
  }

  get workMs(): number {
    return this.server.workMs;
  }

  reconsider(): void {
    void this.advance();
  }

  onLasting(): void {
    const { first } = this.requests;
    if (first?.shared === false && this.holders.length > 0 && this.server.lock?.shared === true)
      this.server.lineUp(this.waitOptions);
  }

  cameBefore(): boolean {
    const { first } = this.requests;
    return first !== undefined && this.store.order?.comesAfterOthers(this, first) === true;
  }

  makesRoom(): boolean {
    const { first } = this.requests;
    return first !== undefined && this.store.order?.makesRoom(this, first) === true;
  }

  onSettled(): void {
    void this.advance();
  }

  onUnavailable(shared: boolean): void {
    for (const request of this.requests)
      if (request.expired || (request.once && (shared || !request.shared)))
        this.drop(request, request.contention());
    const head = this.requests.first;
    if (head?.shared !== shared) return void this.advance();
    this.markWaiting();
    this.wait(head);
  }

  /** Those who try once are told; the others wait for as long as the store thinks it worth while. */
  onUnreachable(error: unknown): void {
    const isWorthWaiting = isPassing(error);
    for (const request of this.requests)
      if (request.once || (!isWorthWaiting && !request.contended)) this.drop(request, error);
      else if (request.expired) this.drop(request, request.contention(request.contended));
    const head = this.requests.first;
    if (head === undefined) void this.advance();
    else this.wait(head);
  }

  /** The server has been away for long: requests without a timeout are told. */
  private onAway(error: Error): void {
    for (const request of this.requests)
      if (request.call.timeoutMs === undefined && !request.hasLimit) this.drop(request, error);
    void this.advance();
  }

  onWaitFailed(error: unknown): void {
    for (const request of this.requests) this.drop(request, error);
    void this.advance();
  }

  /** Where a writer elsewhere waits behind the readers here, there are no further ones until it had its turn. */
  onAsked(): void {
    if (this.isHandingOver)
      for (const request of this.requests) if (request.once) this.drop(request, request.contention());
    void this.advance();
  }

  onLost(error: Error): void {
    for (const reference of this.takeHolders()) reference.lose(error);
    void this.advance();
  }

  protected mustWait(request: LockRequest): boolean {
    if (this.isHandingOver) return true;
    const { size, exclusives } = this.requests;
    // A wait that no request needs any more comes to its end: what is asked for then is tried.
    if (size > 0) return this.server.state.at === 'waiting' || !request.shared || exclusives > 0;
    return this.holders.length > 0 && (!request.shared || this.server.lock?.shared !== true);
  }

  protected advance(): Promise<void> {
    let released = DONE;
    for (;;) {
      const head = this.requests.first;
      const { state } = this.server;
      const step = nextStep(state, this.holders.length, head, this.sticky, monotonicMs, this);
      if (step === 'unlock') released = this.server.unlock();
      else if (step === 'unlock and line up') {
        released = this.server.endTurn();
        if (this.lineUp(head as LockRequest)) return released;
      } else if (step === 'grant') this.grant(head as LockRequest);
      else {
        this.take(step, head as LockRequest);
        return released;
      }
    }
  }

  protected override async untilQuiet(): Promise<void> {
    if (!this.server.isUnsettled) return;
    let timer: NodeJS.Timeout | undefined;
    const soon = new Promise<void>((resolve) => (timer = setTimeout(resolve, QUIET_MS)));
    await Promise.race([this.server.untilSettled().then(() => this.server.released), soon]);
    clearTimeout(timer);
  }

  protected override markWaiting(): void {
    if (this.server.isAsking) this.markBehindWriters();
    else {
      super.markWaiting();
      this.markFirst();
    }
    if (this.requests.size > 0) this.store.order?.watch(this);
  }

  /** Readers in front of all writers wait for no other flow here, while the server is asked whether another session waits. */
  private markBehindWriters(): void {
    let writers = this.requests.exclusives;
    for (let request = this.requests.last; request?.contended === false && writers > 0;) {
      const { before } = request;
      if (!request.shared) writers--;
      this.mark(request);
      request = before;
    }
  }

  /** Those readers, when they have to wait. */
  private markFirst(): void {
    for (let request = this.requests.first; request?.contended === false;) {
      const { after } = request;
      this.mark(request);
      request = after;
    }
  }

  protected override takeOut(request: LockRequest): void {
    super.takeOut(request);
    if (request.told !== 0) this.store.order?.left(this);
  }

  private get isHandingOver(): boolean {
    return this.server.state.at === 'held' && this.server.state.awaited === 'yes';
  }

  private grant(head: LockRequest): void {
    const state = this.server.state as HeldState;
    const { lock } = state;
    state.works++;
    this.sticky ||= head.call.options.sticky && !head.isOneOfSeveral;
    this.grantFirst(head, lock, lock.shared);
  }

  private take(step: Exclude<Step, 'unlock' | 'unlock and line up' | 'grant'>, head: LockRequest): void {
    if (step === 'nothing') {
      if (this.isIdle) this.sticky = false;
      return;
    }
    // What is kept between runs is wanted by jobs, of which many may tick in the same moment.
    if (step === 'try') {
      head.isTried(this.server.try(head.shared, head.call.options.sticky));
      return;
    }
    if (step === 'cancel wait') this.server.cancelWait();
    else if (step === 'cancel next') this.server.cancelNext();
    else if (step === 'queue and ask') this.server.ask();
    this.markWaiting();
  }

  /** Goes into the server's queue without a try before it. False where one waits for its only try. */
  private lineUp(head: LockRequest): boolean {
    for (const request of this.requests) if (request.once) return false;
    this.markWaiting();
    // One of them would wait for itself, and has left: the rule is asked again.
    if (this.requests.first !== head) return false;
    this.wait(head);
    return true;
  }

  private wait(head: LockRequest): void {
    this.server.wait(head.shared, this.waitOptions);
  }

  private get waitOptions(): WaitOptions {
    return {
      deadline: () => lastDeadline(this.requests),
      holds: () => blockedKeys(this),
      onDeadlock: (held) => this.breakDeadlock(held),
      onWaiting: (pid) => enterAll(this.requests, pid),
      onUnreachable: (error) => this.onAway(error),
    };
  }
}
