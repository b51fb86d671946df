import type { HeldKey } from '../session/lock-store.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import type { WaitSignal } from '../vocabulary/wait-abort.js';
import { HandRun } from './hand-run.js';
import { JobClock } from './job-clock.js';
import type { JobDefinition } from './job-definition.js';
import { JobDefinitions } from './job-definitions.js';
import { jobIdentity } from './job-identity.js';
import { defaultCatchUpMs } from './job-options.js';
import { JobRecord } from './job-record.js';
import type { JobRun } from './job-status.js';
import type { JobsContext } from './jobs-context.js';
import { syncPeers } from './sync-peers.js';
import { TickKnowledge } from './tick-knowledge.js';
import { TICK } from './tick-messages.js';
import { TickRun, type TickHost } from './tick-run.js';

/** An error is left to a timer of the scheduler that calls within this time. */
const ATTACH_MS = 1_000;

/** The last tick that was begun here, for the timer of the scheduler that comes after ours. */
interface Begun {
  readonly promise: Promise<unknown>;
  isAwaited: boolean;
}

/**
 * One job in one process: its clock, its pending tick, and what became of its runs.
 *
 * Several definitions may stand for one job (a provider in two modules, `ScheduleModule` imported twice): whichever timer comes
 * first begins the tick, and the others find it begun.
 *
 * @internal
 */
export class Job implements TickHost {
  readonly identity: string;
  readonly clock: JobClock;
  readonly record: JobRecord;
  private readonly known: TickKnowledge;
  private readonly definitions: JobDefinitions;
  private pending: TickRun | undefined;
  private begun: Begun | undefined;
  /** The keys under which the last decision was taken. */
  private decidedOn: readonly HeldKey[] = [];
  private failures = 0;
  private leavesNextTick = false;
  /** The keys of a run that was no tick, and decided on none. */
  private heldByHand: readonly HeldKey[] = [];

  constructor(
    readonly definition: JobDefinition,
    private readonly context: JobsContext,
  ) {
    this.definitions = new JobDefinitions(definition);
    const keys = context.names.keysOf(definition.ids).map(({ key }) => key);
    this.identity = jobIdentity(keys, definition.name);
    this.clock = new JobClock(() => this.definitions.cronJobs(), {
      onInstant: (at) => void this.begin(at),
      onIdleInstant: () => this.giveBack(),
      onFound: () => context.onScheduled(this.identity),
    });
    this.known = new TickKnowledge(this.identity, () => this.windowMs, context);
    this.record = new JobRecord(this.identity, definition, context);
  }

  /** Whether this process keeps the lock. */
  get hold(): HeldKey | undefined {
    return [this.decidedOn, this.heldByHand].find(isAlive)?.[0];
  }

  /** Whether this process keeps a key of it. */
  keeps(key: string): boolean {
    return [this.decidedOn, this.heldByHand].some(
      (keys) => isAlive(keys) && keys.some((held) => held.key.text === key),
    );
  }

  /** One more definition of the same job. */
  join(definition: JobDefinition): void {
    this.definitions.add(definition);
  }

  start(): void {
    if (this.definition.hasTicks) outsideFlows(() => this.clock.start());
    else this.context.onScheduled(this.identity);
  }

  /** Begins nothing more; what runs goes on. */
  stop(): void {
    this.clock.stop();
    this.pending?.stop();
  }

  /** A call of the scheduled method: by a timer of the scheduler, or by hand. */
  called(definition: JobDefinition): Promise<unknown> {
    if (this.context.isStopping()) return Promise.resolve(undefined);
    return outsideFlows(() => {
      if (!definition.hasTicks) return this.invoke(definition, new HandRun('call', this));
      const isTimer = this.clock.isTimer();
      const at = this.clock.take();
      if (at !== undefined) return this.begin(at, definition, true);
      if (isTimer) return this.attach();
      return this.invoke(definition, new HandRun('call', this));
    });
  }

  /** "Run now", under the lock, as a handler takes it. Rejects only where the lock was not acquired. */
  async runByHand(): Promise<JobRun | undefined> {
    const run = new HandRun('run', this);
    await outsideFlows(() => this.invoke(this.definitions.current, run)).catch((error: unknown) => {
      if (run.startedAt === undefined) throw error;
    });
    return run.startedAt === undefined ? undefined : this.record.lastRun;
  }

  /** Runs a tick now, whatever the clock says; the next instant where none is given. `undefined` where it was not run here. */
  async runTick(at = this.clock.next ?? Date.now()): Promise<JobRun | undefined> {
    this.clock.advance(at);
    const former = this.record.lastRun;
    const mine = this.begin(at, this.definitions.current, true);
    await mine.catch(() => undefined); // the run says how it ended
    return this.record.lastRun === former ? undefined : this.record.lastRun;
  }

  /** Gives the lock to the other replicas: it is released, and they have the first try at the next tick. */
  giveBack(): void {
    this.leavesNextTick = true;
    this.context.peers.flush(); // who has the lock next knows how the last run ended
    this.context.advisory.giveBack(this.definition.ids);
  }

  /** A tick from before this process began, which may not have been run. */
  async catchUp(): Promise<void> {
    const { instants } = this.clock;
    const before = this.context.startedAt();
    const at = instants?.lastIn(before - this.windowMs, before);
    if (at === undefined || !this.clock.isActive || this.facts(at).isClaimedByOther) return;
    if (this.context.ledger === undefined && (await this.ask(at)) !== 'unseen') return;
    if (this.context.isStopping() || this.pending !== undefined || this.facts(at).isClaimedByOther) return;
    void this.begin(at); // its errors are reported by itself
  }

  /** A peer has announced a tick of this job. */
  heard(): void {
    this.pending?.heard();
  }

  // What a tick asks of its job.

  get windowMs(): number {
    const given = this.definitions.current.catchUpMs;
    if (given !== undefined) return given;
    return defaultCatchUpMs(this.clock.periodMs, this.context.lease);
  }

  isHeldHere(): boolean {
    return this.context.advisory.isHeldHere(this.definition.ids);
  }

  get isOtherExpected(): boolean {
    const { memory, peers } = this.context;
    const last = memory.last(this.identity, this.context.believableUntil());
    return this.definition.isRetained && last !== undefined && peers.known().some(({ id }) => id === last.by);
  }

  get standsBack(): boolean {
    return this.leavesNextTick;
  }

  facts(at: number): ReturnType<TickHost['facts']> {
    return this.known.facts(at);
  }

  isContinued(keys: readonly HeldKey[]): boolean {
    const former = this.decidedOn;
    return former.length > 0 && keys.length === former.length && keys.every((key) => former.includes(key));
  }

  sync(signal: WaitSignal): Promise<void> {
    return syncPeers(this.context.peers, signal);
  }

  ask(at: number): Promise<'unseen' | 'silent'> {
    return this.known.ask(at);
  }

  async announce(run: TickRun): Promise<boolean> {
    const { peers, memory, replica, ledger } = this.context;
    const { at, late } = run;
    const { name } = this.definition;
    const claim = { at, by: peers.id, replica, late, announcedAt: Date.now(), end: undefined };
    const isOurs = memory.find(this.identity, at)?.by === peers.id;
    if (ledger !== undefined && !isOurs) {
      const isFromBefore = at <= this.context.startedAt();
      const { windowMs, identity: job } = this;
      if (!(await ledger.claim({ job, name, at, late, windowMs, replica, isFromBefore }))) return false;
    }
    memory.note(this.identity, claim, peers.id);
    const told = peers.tell(TICK, { job: this.identity, at, name, replica, late });
    if (ledger !== undefined)
      told.catch(() => undefined); // the ledger knows
    else
      await told.catch((error: unknown) => {
        memory.forget(this.identity, at, peers.id);
        throw error;
      });
    return true;
  }

  skippedBefore(at: number): number {
    const last = this.context.memory.lastBefore(this.identity, at)?.at ?? 0;
    // A tick that is as old as the window was given up for this one.
    const since = Math.max(last, at - this.windowMs - 1, this.context.startedAt());
    return this.clock.instants?.countIn(since, at) ?? 0;
  }

  began(run: TickRun, keys: readonly HeldKey[]): void {
    if (this.pending === run) this.pending = undefined;
    if (!this.isContinued(keys) && this.definition.isRetained) this.record.tookOver(run.at);
    this.decidedOn = keys;
    this.leavesNextTick = false;
    this.record.began(run.at, run.late, run.tick?.skipped ?? 0);
  }

  /** A run that is no tick has the lock. */
  handTook(keys: readonly HeldKey[]): void {
    if (this.definition.isRetained && !this.isContinued(keys)) this.heldByHand = keys;
  }

  /** A run that is no tick begins. */
  handBegan(): void {
    this.record.began(null, 0, 0);
  }

  gaveUp(): void {
    this.context.advisory.giveBack(this.definition.ids);
  }

  left(run: TickRun, why: 'known' | 'missed' | 'foreign' | 'stopped'): void {
    if (this.pending === run) this.pending = undefined;
    this.leavesNextTick = false;
    if (why === 'missed' && this.facts(run.at).isMemoryComplete) this.record.missed(run.at, this.windowMs);
  }

  private begin(at: number, definition = this.definitions.current, isAwaited = false): Promise<unknown> {
    if (this.context.isStopping()) return Promise.resolve(undefined);
    if (this.pending?.retarget(at) === true) return Promise.resolve(undefined);
    const run = new TickRun(at, this);
    this.pending = run;
    const promise = this.context.track(this.invoke(definition, run)).finally(() => this.over(run));
    const begun: Begun = { promise, isAwaited };
    this.begun = begun;
    promise.catch((error: unknown) => this.reportUnlessAwaited(begun, definition, error));
    return promise;
  }

  /** A timer of the scheduler comes after ours, or a second one: the first of them waits for the run. */
  private attach(): Promise<unknown> {
    const { begun } = this;
    if (begun === undefined || begun.isAwaited) return Promise.resolve(undefined);
    begun.isAwaited = true;
    return begun.promise;
  }

  private reportUnlessAwaited(begun: Begun, definition: JobDefinition, error: unknown): void {
    setTimeout(() => {
      if (!begun.isAwaited) definition.onError(error);
      begun.isAwaited = true;
    }, ATTACH_MS).unref();
  }

  private over(run: TickRun): void {
    run.end();
    if (this.pending !== run) return;
    // A guard, or another interceptor, kept it from being run here: the lock is for the others.
    this.pending = undefined;
    if (!run.wasTried) this.giveBack();
  }

  private async invoke(definition: JobDefinition, run: TickRun | HandRun): Promise<unknown> {
    try {
      const result = await definition.invoke(run);
      this.ended(run, undefined);
      return result;
    } catch (error) {
      this.ended(run, { error });
      throw error;
    }
  }

  private ended(run: TickRun | HandRun, failure: { readonly error: unknown } | undefined): void {
    if (run.startedAt === undefined) return;
    this.record.ended(run instanceof TickRun ? run.at : null, run.startedAt, run.tick?.late ?? 0, failure);
    this.failures = failure === undefined ? 0 : this.failures + 1;
    const { giveBackAfter } = this.definition;
    if (giveBackAfter === undefined || this.failures < giveBackAfter) return;
    this.failures = 0;
    this.giveBack();
  }
}

function isAlive(keys: readonly HeldKey[]): boolean {
  return keys.length > 0 && keys.every((key) => key.alive);
}
