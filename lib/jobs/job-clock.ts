import { CronInstants, type CronTimeLike } from './cron-instants.js';
import type { CronJobLike } from './job-definition.js';

/** A timer of the scheduler may fire so much early. */
const EARLY_MS = 20;
/** The clock on the wall may be set, or stand still with the machine: looked at so often while a tick is awaited. */
const LOOK_MS = 30_000;
/** How soon the scheduler's cron jobs are looked for again, until there are any; twice as late each time. */
const FIND_MS = 50;
/** The scheduler notes when a timer has fired right before it calls. */
const JUST_NOW_MS = 1_000;

/** What the timer waits for. */
interface Armed {
  readonly at: number;
  readonly since: number;
  /** What named the instant. `setTime()` of a cron job puts another in its place. */
  readonly source: CronTimeLike | undefined;
}

/** What a {@link JobClock} tells. @internal */
export interface JobClockListener {
  /** An instant has come, and no timer of the scheduler has said so. */
  onInstant(at: number): void;
  /** The scheduler has the job: told once. */
  onFound(): void;
  /** An instant has come, and the job is stopped, disabled or deleted in this process. */
  onIdleInstant(): void;
}

/**
 * When a job is due, whatever its timers do: an own timer beside those of the scheduler, armed with the instant that the job's
 * own `CronTime` names. `cron` fires once for several ticks after a blocked event loop, and skips what is too late.
 *
 * @internal
 */
export class JobClock {
  /** Up to here instants have been handed out, or had passed before. */
  private since = Date.now();
  private timer: NodeJS.Timeout | undefined;
  private source: CronTimeLike | undefined;
  private known: CronInstants | undefined;
  private armed: Armed | undefined;
  private readonly fired = new WeakMap<CronJobLike, Date>();
  /** Those whose timers have called in this turn. */
  private readonly calling = new Set<CronJobLike>();
  private isStarted = false;
  /** The last instant that was handed out. */
  private given: number | undefined;
  private isFound = false;
  private looked = 0;

  constructor(
    private readonly cronJobs: () => readonly CronJobLike[],
    private readonly listener: JobClockListener,
  ) {}

  /** What its expression names; undefined while the scheduler has no such job. */
  get instants(): CronInstants | undefined {
    const time = this.cronJobs()[0]?.cronTime;
    if (time !== undefined && time !== this.source) {
      this.source = time;
      this.known = new CronInstants(time);
    }
    return this.known;
  }

  /** The cron expression, as it was given; a date in ISO form. */
  get expression(): string | null {
    const source = this.cronJobs()[0]?.cronTime.source;
    if (source === undefined) return null;
    return typeof source === 'string' ? source : new Date(Number(source)).toISOString();
  }

  /** Whether any of its cron jobs is running here. */
  get isActive(): boolean {
    return this.cronJobs().some((job) => job.isActive !== false);
  }

  /** The next instant; undefined where there is none, or the job is stopped. */
  get next(): number | undefined {
    return this.isActive ? this.instants?.after(Date.now()) : undefined;
  }

  start(): void {
    this.isStarted = true;
    this.since = Date.now();
    this.arm();
  }

  stop(): void {
    this.isStarted = false;
    clearTimeout(this.timer);
  }

  /** The distance from the last instant to the next; before the first, from the next to the one after it. */
  get periodMs(): number | undefined {
    const { awaited } = this;
    if (awaited !== undefined && this.given !== undefined) return awaited - this.given;
    const next = this.instants?.after(Date.now());
    return next === undefined ? undefined : this.instants?.periodFrom(next);
  }

  /** The latest instant that has come and was not handed out; it is now. */
  take(): number | undefined {
    const until = Date.now() + EARLY_MS;
    // All that are later than the one that is awaited are, too; so that a call between two ticks costs nothing.
    if ((this.awaited ?? 0) > until) return undefined;
    const at = this.instants?.lastIn(this.since, until);
    if (at === undefined) return undefined;
    this.since = at;
    this.given = at;
    this.arm();
    return at;
  }

  /** Counts an instant as handed out: no timer gives it again. */
  advance(at: number): void {
    this.since = Math.max(this.since, at);
    this.arm();
  }

  /**
   * Whether it is a timer of the scheduler that calls now, rather than a call of `fireOnTick()`. The scheduler notes a new date
   * right before it calls. It calls twice in one turn where its timer was so late that the next instant came meanwhile: the second call
   * finds the date of the first.
   */
  isTimer(): boolean {
    let fired = false;
    for (const job of this.cronJobs()) {
      const last = job.lastDate?.() ?? undefined;
      const isNew =
        last !== undefined && last !== this.fired.get(job) && Date.now() - last.getTime() <= JUST_NOW_MS;
      if (isNew) this.noteFired(job, last);
      fired ||= this.calling.has(job);
    }
    return fired;
  }

  /** The instant that the timer waits for, unless the cron job has another schedule by now. */
  private get awaited(): number | undefined {
    const { armed } = this;
    return armed?.source === this.cronJobs()[0]?.cronTime ? armed?.at : undefined;
  }

  private noteFired(job: CronJobLike, at: Date): void {
    this.fired.set(job, at);
    this.calling.add(job);
    queueMicrotask(() => this.calling.delete(job));
  }

  private arm(): void {
    clearTimeout(this.timer);
    if (!this.isStarted) return;
    this.find();
    const now = Date.now();
    const at = this.instants?.after(Math.max(this.since, now));
    this.armed = at === undefined || !this.isActive ? undefined : { at, since: now, source: this.source };
    const { armed } = this;
    const delay = armed === undefined ? this.idleDelay() : Math.min(Math.max(armed.at - now, 0), LOOK_MS);
    this.timer = setTimeout(() => this.look(), delay);
    this.timer.unref();
  }

  private find(): void {
    if (this.isFound || this.instants === undefined) return;
    this.isFound = true;
    this.listener.onFound();
  }

  private idleDelay(): number {
    if (this.cronJobs().length > 0) return LOOK_MS;
    return Math.min(FIND_MS * 2 ** this.looked++, LOOK_MS);
  }

  private look(): void {
    const { armed } = this;
    if (armed === undefined || Date.now() < armed.at) return this.arm();
    if (this.isActive || this.firedSince(armed.since)) {
      const at = this.take();
      if (at !== undefined) return this.listener.onInstant(at);
    } else {
      this.since = Date.now();
      this.listener.onIdleInstant();
    }
    this.arm();
  }

  /** A cron job of one date is not active any more when it fires. */
  private firedSince(since: number): boolean {
    if (this.source?.realDate !== true) return false;
    return this.cronJobs().some((job) => (job.lastDate?.()?.getTime() ?? -1) >= since);
  }
}
