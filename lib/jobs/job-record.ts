import { say } from '../telemetry/lock-channels.js';
import { errorText } from './error-text.js';
import type { JobDefinition } from './job-definition.js';
import type { JobRun } from './job-status.js';
import type { JobsContext } from './jobs-context.js';
import type { TickClaim, TickEnd } from './tick-memory.js';
import { TICK_FINISHED, type TickFinished } from './tick-messages.js';

/** The end of a run may be on its way when another replica has the lock already. */
const END_DUE_MS = 1_000;

/**
 * The end of a run under a lock that is kept travels with the next announcement, or by itself after so long: in place of a heartbeat,
 * so that a quiet tick costs one statement.
 */
const END_TOLD_WITHIN_MS = 1_000;
const HEARTBEAT_SHARE = 0.9;

/** What became of the runs and ticks of one job, and who is told. @internal */
export class JobRecord {
  /** The last run of a tick or by hand that this process knows of. */
  lastRun: JobRun | undefined;
  /** Ticks whose window ended unrun while this process looked. */
  missedCount = 0;
  /** Runs that go on in this process. */
  running = 0;

  constructor(
    private readonly identity: string,
    private readonly definition: JobDefinition,
    private readonly context: JobsContext,
  ) {}

  began(at: number | null, late: number, skipped: number): void {
    this.running++;
    const { replica } = this.context;
    this.lastRun = { startedAt: new Date(), duration: null, outcome: null, error: null, replica, late };
    const message = { job: this.definition.name, tick: dateOf(at), lateMs: late, skipped };
    say('nestjs-pglock:job-started', { ...this.context.source, ...message });
  }

  ended(
    at: number | null,
    startedAt: number,
    late: number,
    failure: { readonly error: unknown } | undefined,
  ): void {
    this.running--;
    const { name: job } = this.definition;
    const duration = Math.max(0, Date.now() - startedAt);
    const outcome = failure === undefined ? ('succeeded' as const) : ('failed' as const);
    const error = failure === undefined ? null : errorText(failure.error);
    const tick = dateOf(at);
    this.tellEnd(at, { outcome, startedAt, duration, error }, late);
    const message = { job, tick, lateMs: late, durationMs: duration, outcome, error: failure?.error };
    say('nestjs-pglock:job-finished', { ...this.context.source, ...message });
    this.context.emit({ type: 'jobFinished', job, tick, late, duration, outcome, error: failure?.error });
  }

  /** The lock came from another replica, or from none: a run of its that never told its end was interrupted. */
  tookOver(at: number): void {
    const { memory, peers, emit } = this.context;
    const last = memory.lastBefore(this.identity, at);
    const from = last !== undefined && last.by !== peers.id ? last.replica : null;
    emit({ type: 'jobTakenOver', job: this.definition.name, from });
    if (last === undefined || last.end !== undefined) return;
    setTimeout(() => this.reportInterrupted(last), END_DUE_MS).unref();
  }

  missed(at: number, catchUp: number): void {
    this.missedCount++;
    const { name: job } = this.definition;
    const tick = new Date(at);
    say('nestjs-pglock:job-missed', { ...this.context.source, job, tick, catchUpMs: catchUp });
    this.context.emit({ type: 'tickMissed', job, tick, catchUp });
  }

  /** A peer has announced a tick: it runs it now. */
  heardBegin({ at, late, replica, announcedAt }: TickClaim): void {
    const { memory } = this.context;
    if ((memory.last(this.identity, this.context.believableUntil())?.at ?? 0) > at) return;
    const startedAt = new Date(announcedAt);
    this.lastRun = { startedAt, duration: null, outcome: null, error: null, replica, late };
  }

  /** A peer has told how a run ended. */
  heardEnd({ at, replica, outcome, startedAt, duration, error }: TickFinished, by: string): void {
    const { memory } = this.context;
    const claim = at === null ? undefined : memory.find(this.identity, at);
    if (at !== null) memory.end(this.identity, at, by, { outcome, startedAt, duration, error });
    const late = claim?.late ?? 0;
    const isBelievable = startedAt <= this.context.believableUntil();
    const began = isBelievable ? startedAt : (claim?.announcedAt ?? Date.now() - (duration ?? 0));
    this.lastRun = { startedAt: new Date(began), duration, outcome, error, replica, late };
  }

  private tellEnd(at: number | null, end: TickEnd, late: number): void {
    const { peers, memory, ledger, lease, replica } = this.context;
    if (at !== null) memory.end(this.identity, at, peers.id, end);
    const { startedAt, duration, outcome, error } = end;
    this.lastRun = { startedAt: new Date(startedAt), duration, outcome, error, replica, late };
    const finished = { job: this.identity, at, replica, ...end };
    const withinMs = this.definition.isRetained
      ? Math.min(HEARTBEAT_SHARE * lease.heartbeatMs, END_TOLD_WITHIN_MS)
      : 0;
    peers.tellWithin(TICK_FINISHED, finished, withinMs).catch(ignore); // who takes the lock next reports a run without an end
    if (at !== null) ledger?.finish(this.identity, at, end).catch(ignore);
  }

  private reportInterrupted(claim: TickClaim): void {
    if (claim.end !== undefined) return;
    claim.end = {
      outcome: 'interrupted',
      startedAt: claim.announcedAt,
      duration: null,
      error: null,
    };
    const { replica, at, late, announcedAt } = claim;
    const { name: job } = this.definition;
    if (this.lastRun?.outcome === null && this.lastRun.replica === replica)
      this.lastRun = {
        startedAt: new Date(announcedAt),
        duration: null,
        outcome: 'interrupted',
        error: null,
        replica,
        late,
      };
    this.context.emit({ type: 'jobInterrupted', job, tick: new Date(at), replica });
    this.context.ledger?.finish(this.identity, at, claim.end).catch(ignore);
  }
}

function dateOf(at: number | null): Date | null {
  return at === null ? null : new Date(at);
}

function ignore(): void {}
