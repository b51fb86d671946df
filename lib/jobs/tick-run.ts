import type { HeldKey } from '../session/lock-store.js';
import { TIMER_MAX_MS } from '../vocabulary/monotonic.js';
import { WaitAbort, type WaitSignal } from '../vocabulary/wait-abort.js';
import type { JobInvocation, TakeLock, TakenLock } from './job-definition.js';
import type { JobTick } from './job-tick.js';
import { isOver, nextStep, PUNCTUAL_MS, type TickFacts } from './next-step.js';
import { sharedPause } from './shared-pause.js';
import { isWorthWaiting } from './worth-waiting.js';

/** Why a wait for the lock of a tick ended. Read by none, and made once: a fleet leaves most of its ticks. */
const LEFT = new Error('The tick is not run here.');

/** Where no announcement has come within this time of a tick (half its window, if that is shorter), the replica stands by. */
const STAND_BY_AFTER_MS = 1_000;
/**
 * The announcement of a replica that keeps the lock, and was there of late, is given so long before the lock is tried at all: a busy
 * machine takes its time, and a fleet should not try all locks at every tick.
 */
const EXPECTED_WITHIN_MS = 500;
/** The same at most, where the timers of this machine are late themselves. */
const EXPECTED_WITHIN_AT_MOST_MS = 2_000;
/** Between two tries, while the server cannot be reached. */
const RETRY_MS = 250;

/** What a tick needs of its job, and of this process. @internal */
export interface TickHost {
  readonly windowMs: number;
  /** Whether the lock is to be left to the others first. */
  readonly standsBack: boolean;
  /** Whether a replica that is there ran the last tick, and keeps the lock. */
  readonly isOtherExpected: boolean;
  /** Whether other work of this process has the lock: no other replica will announce the tick meanwhile. */
  isHeldHere(): boolean;
  /** What is known at this moment; of the lock, the keys that are held. */
  facts(at: number): Pick<TickFacts, 'isClaimedByOther' | 'isMemoryComplete' | 'listenedAtTick'>;
  /** Whether the job was last decided on under these very keys. */
  isContinued(keys: readonly HeldKey[]): boolean;
  /** Hears all that was committed before; waits for a session that listens. */
  sync(signal: WaitSignal): Promise<void>;
  ask(at: number): Promise<'unseen' | 'silent'>;
  /** Announces that it is run now; false where the ledger says that it was run. Rejects where it could not be told. */
  announce(run: TickRun): Promise<boolean>;
  /** How many earlier ticks were not run. */
  skippedBefore(at: number): number;
  /** The run begins. */
  began(run: TickRun, keys: readonly HeldKey[]): void;
  /** It has the lock, and does not run here: others may know better, and the lock must not be kept from them. */
  gaveUp(): void;
  /** It is not run here. */
  left(run: TickRun, why: 'known' | 'missed' | 'foreign' | 'stopped'): void;
}

/**
 * One tick of one job in this process.
 *
 * *Waiting* for the lock, or for the announcement of another replica; *deciding* once it has the lock; *running* from its own
 * announcement on; *over*. While it waits, a later tick of the job takes its place (`retarget`), and it ends as soon as another
 * replica announces the tick, its time is over, or the job stops.
 *
 * @internal
 */
export class TickRun implements JobInvocation {
  readonly kind = 'tick';
  tick: JobTick | undefined;
  private state: 'waiting' | 'deciding' | 'running' | 'over' = 'waiting';
  private readonly ending = new WaitAbort();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private instant: number,
    private readonly host: TickHost,
  ) {
    this.expire();
  }

  get at(): number {
    return this.instant;
  }

  /** Milliseconds by which it is late at this moment. */
  get late(): number {
    return Math.max(0, Date.now() - this.instant);
  }

  /** When the run began; undefined before. */
  startedAt: number | undefined;
  isMissed = false;
  /** Whether its lock was asked for, rather than a guard having refused. */
  wasTried = false;

  /** Takes on a later tick; false where it is too late for that, or for its own, which is missed then. */
  retarget(at: number): boolean {
    if (this.state !== 'waiting') return false;
    if (isOver({ now: Date.now(), at: this.instant, windowMs: this.host.windowMs })) {
      this.leave('missed');
      return false;
    }
    this.instant = Math.max(at, this.instant);
    this.expire();
    return true;
  }

  /** Another replica has announced something of this job. */
  heard(): void {
    if (this.state === 'waiting' && this.host.facts(this.instant).isClaimedByOther) this.leave('known');
  }

  /** The job ends here. */
  stop(): void {
    if (this.state === 'waiting' || this.state === 'deciding') this.leave('stopped');
  }

  /** The run is over, or never began. */
  end(): void {
    this.state = 'over';
    clearTimeout(this.timer);
  }

  /** Told where the lock is taken: see `announce`. */
  took(): void {}

  /** It counts as begun from its announcement on, whatever stands between that and the method. */
  began(): void {}

  async takeOuter<Taken extends TakenLock>(takeLock: TakeLock<Taken>): Promise<Taken | undefined> {
    return this.takeLock(takeLock);
  }

  async take<Taken extends TakenLock>(takeLock: TakeLock<Taken>): Promise<Taken | undefined> {
    for (;;) {
      const taken = await this.takeLock(takeLock);
      if (taken === undefined) return undefined;
      this.state = 'deciding';
      const verdict = await this.decide(taken).catch(() => 'lock' as const);
      if (verdict === 'run') return taken;
      await taken.leave();
      if (verdict !== 'lock') {
        this.host.gaveUp();
        this.leave(verdict);
        return undefined;
      }
      if (this.hasEnded()) return undefined;
      this.state = 'waiting';
      await sharedPause(RETRY_MS, this.ending);
    }
  }

  /** For how long the announcement of another replica is expected, which has the lock. */
  private get announcementDueMs(): number {
    const afterMs = Math.min(STAND_BY_AFTER_MS, this.host.windowMs / 2);
    return Math.max(afterMs - (Date.now() - this.instant), RETRY_MS);
  }

  /** How long the replica that keeps the lock has the first word: twice as long as this one's own timer took. */
  private get expectedWithinMs(): number {
    const busyMs = Math.min(2 * this.late, EXPECTED_WITHIN_AT_MOST_MS);
    return Math.min(Math.max(EXPECTED_WITHIN_MS, busyMs), this.host.windowMs / 4);
  }

  private hasEnded(): boolean {
    return this.ending.aborted;
  }

  /** Tries; where another has it, gives that one a moment to announce the tick; then waits until it is too late. */
  private async takeLock<Taken extends TakenLock>(takeLock: TakeLock<Taken>): Promise<Taken | undefined> {
    const { ending: signal } = this;
    this.wasTried = true;
    let first = !this.host.standsBack;
    if (!first) await sharedPause(this.announcementDueMs, signal);
    else if (this.host.isOtherExpected) await sharedPause(this.expectedWithinMs, signal);
    while (!this.hasEnded()) {
      this.heard();
      if (this.hasEnded()) return undefined;
      try {
        const taken = await takeLock({ timeoutMs: first ? 0 : null, signal });
        if (taken !== undefined && this.hasEnded()) await taken.leave();
        else if (taken !== undefined) return taken;
        if (!first) await sharedPause(RETRY_MS, signal);
        else if (!this.host.isHeldHere()) await sharedPause(this.announcementDueMs, signal);
      } catch (error) {
        if (this.hasEnded()) return undefined;
        if (!isWorthWaiting(error)) throw error;
        await sharedPause(RETRY_MS, signal);
        if (first) continue;
      }
      first = false;
    }
    return undefined;
  }

  private async decide(taken: TakenLock): Promise<'run' | 'lock' | 'known' | 'missed' | 'foreign'> {
    let peers: TickFacts['peers'] = 'not asked';
    let isSynced = false;
    for (;;) {
      const step = nextStep({
        ...this.host.facts(this.instant),
        now: Date.now(),
        at: this.instant,
        windowMs: this.host.windowMs,
        isHeld: taken.isTrusted,
        isHoldContinued: this.host.isContinued(taken.keys),
        isSynced,
        peers,
      });
      if (step === 'announce') return this.announce(taken);
      if (step !== 'sync' && step !== 'ask') return step;
      if (step === 'ask') peers = await this.host.ask(this.instant);
      else await this.host.sync(this.ending);
      isSynced = true;
    }
  }

  /** The last thing that is waited for: what follows runs in the turn of the answer. */
  private async announce(taken: TakenLock): Promise<'run' | 'lock' | 'known'> {
    const { late } = this;
    if (this.hasEnded()) return 'lock';
    this.tick = { scheduledAt: new Date(this.instant), late, skipped: this.host.skippedBefore(this.instant) };
    if (!(await this.host.announce(this))) return 'known';
    if (!taken.isTrusted) return 'lock';
    this.state = 'running';
    this.startedAt = Date.now();
    clearTimeout(this.timer);
    this.host.began(this, taken.keys);
    return 'run';
  }

  /** Looks again when the time is over, which a later tick prolongs. */
  private expire(): void {
    clearTimeout(this.timer);
    const windowMs = Math.max(this.host.windowMs, STAND_BY_AFTER_MS, PUNCTUAL_MS);
    const left = this.instant + windowMs - Date.now();
    this.timer = setTimeout(() => this.expired(), Math.min(Math.max(left + 1, 0), TIMER_MAX_MS));
  }

  private expired(): void {
    if (this.state !== 'waiting') return;
    if (
      isOver({ now: Date.now(), at: this.instant, windowMs: Math.max(this.host.windowMs, STAND_BY_AFTER_MS) })
    )
      this.leave('missed');
    else this.expire();
  }

  private leave(why: 'known' | 'missed' | 'foreign' | 'stopped'): void {
    if (this.hasEnded()) return;
    this.isMissed = why === 'missed';
    this.end();
    this.ending.abort(LEFT);
    this.host.left(this, why);
  }
}
