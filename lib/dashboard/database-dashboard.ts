import { randomBytes } from 'node:crypto';
import { examine } from '../inspection/doctor/examine.js';
import type { SignalOutcome } from '../inspection/signal-outcome.js';
import type { SignalRequest } from './actions/signal-request.js';
import { signalSession } from './actions/signal-session.js';
import type { DashboardActions, DashboardSource, DashboardView, ViewerName } from './dashboard-source.js';
import { toJson, treesToJson } from './json.js';
import { listenToChannels } from './sampling/channel-events.js';
import { EventLog, type LoggedEvent } from './sampling/event-log.js';
import { History } from './sampling/history.js';
import { JobHistory } from './sampling/job-history.js';
import { Sampler, type Sample } from './sampling/sampler.js';
import { SharedLook } from './sampling/shared-look.js';
import { locksView } from './views/locks-view.js';
import { replicasView } from './views/replicas-view.js';
import type { WatchedDatabase } from './watched-database.js';
import type { NowAnswer, TimelineAnswer, TimelineMarker } from './wire.js';

/** How a database is watched. @internal */
export interface DatabaseDashboardOptions {
  readonly hideQueries: boolean;
  readonly allowSignals: boolean;
  /** How far back the timeline reaches; null remembers only while somebody looks. */
  readonly historyMs: number | null;
}

/** What is remembered without `history`: as much as was seen while somebody looked. */
const UNASKED_HISTORY_MS = 15 * 60_000;
/** A moment during which a page is loaded anew is no reason to stop looking. */
const LINGER_MS = 5_000;
/** Peers are asked each time; whoever looks at the jobs asks more often. */
const JOBS_EVERY_MS = 15_000;

/**
 * One database, watched for all viewers of this process. It is *idle* until somebody follows it, or for good *watching* once
 * `keepWatching()` was called; then its sampler looks once a second, and tells everybody what has changed.
 *
 * @internal
 */
export class DatabaseDashboard implements DashboardSource, DashboardActions {
  readonly name: string;
  readonly historyMs: number;
  readonly actions?: DashboardActions;
  private readonly log = new EventLog(randomBytes(6).toString('hex'));
  private readonly history: History;
  private readonly jobHistory = new JobHistory();
  private readonly viewers = new Set<(event: LoggedEvent) => void>();
  private readonly sampler: Sampler;
  private readonly looks: Readonly<Record<DashboardView, SharedLook<object>>>;
  private latest: Sample | undefined;
  private stillText = '';
  private deadlocks: number | undefined;
  private troubled = false;
  private kept = false;
  private closed = false;
  private stopListening: (() => void) | undefined;
  private lingering: NodeJS.Timeout | undefined;
  private jobsTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: WatchedDatabase,
    private readonly options: DatabaseDashboardOptions,
  ) {
    this.name = database.name;
    this.historyMs = options.historyMs ?? UNASKED_HISTORY_MS;
    this.history = new History(this.historyMs, this.log.sampler);
    if (options.allowSignals) this.actions = this;
    this.sampler = new Sampler(database, {
      sampled: (sample) => this.sampled(sample),
      failed: (error) => this.failed(error),
    });
    this.looks = {
      now: new SharedLook(() => this.readNow(), 200),
      locks: new SharedLook(() => locksView(database)),
      jobs: new SharedLook(() => this.readJobs()),
      timeline: new SharedLook(() => Promise.resolve(this.readTimeline()), 0),
      replicas: new SharedLook(() => replicasView(database)),
      doctor: new SharedLook(() => this.readDoctor()),
    };
  }

  read(view: DashboardView): Promise<object> {
    return this.looks[view].get();
  }

  follow(lastEventId: string | undefined, tell: (event: LoggedEvent) => void): () => void {
    const missed = lastEventId === undefined ? undefined : this.log.after(lastEventId);
    if (missed !== undefined) for (const event of missed) tell(event);
    else if (this.latest !== undefined && this.sampler.isRunning) tell(this.snapshot(this.latest));
    this.viewers.add(tell);
    this.watch();
    return () => {
      this.viewers.delete(tell);
      this.unwatch();
    };
  }

  /** Watches whether somebody looks or not, for the sake of the history. */
  keepWatching(): void {
    this.kept = true;
    this.watch();
  }

  async signal(request: SignalRequest, by: ViewerName): Promise<SignalOutcome> {
    const outcome = await signalSession(this.database, request);
    const { applicationName } = outcome.activity ?? {};
    this.mark({
      at: new Date(),
      kind: 'signal',
      text: `${request.action} session ${request.pid}${applicationName ? ` (${applicationName})` : ''}: ${outcome.outcome}`,
      pid: request.pid,
      lock: null,
      by,
    });
    return outcome;
  }

  async hasJob(name: string): Promise<boolean> {
    const jobs = (await this.database.jobs?.find()) ?? [];
    return jobs.some((job) => job.name === name);
  }

  runJob(name: string, by: ViewerName): Promise<void> {
    this.markJob(name, 'was asked to run now', by);
    // A run may take hours; what becomes of it is told when it is known.
    void this.database.jobs?.run(name).then(
      ({ outcome }) => this.markJob(name, `has run, as was asked: ${outcome ?? 'it has not ended'}`, by),
      (error: unknown) => this.markJob(name, `did not run: ${messageOf(error)}`, by),
    );
    return Promise.resolve();
  }

  async releaseJob(name: string, by: ViewerName): Promise<void> {
    await this.database.jobs?.release(name);
    this.markJob(name, 'was given back to the other replicas', by);
  }

  /** Stops looking, for good. Idempotent. */
  close(): void {
    this.closed = true;
    this.rest();
    this.viewers.clear();
  }

  private watch(): void {
    clearTimeout(this.lingering);
    if (this.closed || this.sampler.isRunning) return;
    const { instance, jobs } = this.database;
    if (instance !== undefined)
      this.stopListening = listenToChannels(instance, (marker) => this.mark({ at: new Date(), ...marker }));
    if (jobs !== undefined && this.options.historyMs !== null) {
      this.jobsTimer = setInterval(
        () => void this.looks.jobs.get().catch(() => undefined),
        JOBS_EVERY_MS,
      ).unref();
    }
    this.sampler.start();
  }

  private unwatch(): void {
    if (this.viewers.size > 0 || this.kept) return;
    clearTimeout(this.lingering);
    this.lingering = setTimeout(() => this.rest(), LINGER_MS).unref();
  }

  private rest(): void {
    clearTimeout(this.lingering);
    clearInterval(this.jobsTimer);
    this.sampler.stop();
    this.stopListening?.();
    this.stopListening = undefined;
    this.deadlocks = undefined;
    this.stillText = '';
  }

  private sampled(sample: Sample): void {
    this.latest = sample;
    this.troubled = false;
    this.noteDeadlocks(sample);
    const changed = this.history.note(sample.roots, sample.at);
    const answer = this.nowAnswer(sample);
    const still = treesToJson(answer, { ...this.options, still: true });
    if (still === this.stillText)
      this.tell({ id: null, event: 'at', data: toJson({ at: sample.at }, this.options) });
    else {
      this.stillText = still;
      this.tell(this.log.add('now', treesToJson(answer, { ...this.options, still: false })));
    }
    if (changed.length > 0) this.tell(this.log.add('waits', toJson(changed, this.options)));
  }

  private failed(error: unknown): void {
    if (this.troubled) return;
    this.troubled = true;
    this.stillText = '';
    const message = messageOf(error);
    this.mark({
      at: new Date(),
      kind: 'trouble',
      text: `The database could not be asked: ${message}`,
      pid: null,
      lock: null,
      by: null,
    });
    this.tell(this.log.add('trouble', toJson({ at: new Date(), message }, this.options)));
  }

  private noteDeadlocks({ deadlocks, at }: Sample): void {
    const broken = deadlocks - (this.deadlocks ?? deadlocks);
    this.deadlocks = deadlocks;
    if (broken <= 0) return;
    const text = `The server broke ${broken === 1 ? 'a deadlock' : `${broken} deadlocks`}`;
    this.mark({ at, kind: 'deadlock', text, pid: null, lock: null, by: null });
  }

  private mark(marker: Omit<TimelineMarker, 'id'>): void {
    this.tell(this.log.add('marker', toJson(this.history.mark(marker), this.options)));
  }

  private markJob(name: string, what: string, by: ViewerName): void {
    this.mark({ at: new Date(), kind: 'job', text: `Job ${name} ${what}`, pid: null, lock: name, by });
  }

  private tell(event: LoggedEvent): void {
    for (const viewer of this.viewers) viewer(event);
  }

  /** What a viewer needs who comes from nowhere, or from another replica. */
  private snapshot(sample: Sample): LoggedEvent {
    const data = treesToJson(this.nowAnswer(sample), { ...this.options, still: false });
    return { id: this.log.latest, event: 'now', data };
  }

  private nowAnswer({ at, roots, sessions, hidden }: Sample): NowAnswer {
    const { lastWaitAt } = this.history;
    return { connection: this.name, at, items: roots, sessions, hidden, lastWaitAt };
  }

  private async readNow(): Promise<NowAnswer> {
    const sample = await this.sampler.look();
    if (!this.sampler.isRunning) this.history.note(sample.roots, sample.at);
    return this.nowAnswer(sample);
  }

  private readTimeline(): TimelineAnswer {
    const { since } = this.history;
    return {
      connection: this.name,
      at: new Date(),
      items: this.history.items(),
      since,
      historyMs: this.historyMs,
    };
  }

  private async readDoctor(): Promise<object> {
    return { connection: this.name, items: await examine(this.database), at: new Date() };
  }

  private async readJobs(): Promise<object> {
    const jobs = (await this.database.jobs?.find()) ?? [];
    for (const { name, holder } of this.jobHistory.note(jobs))
      this.mark({
        at: new Date(),
        kind: 'takeover',
        text: `Job ${name} was taken over by ${holder}`,
        pid: null,
        lock: name,
        by: null,
      });
    const items = jobs.map((job) => ({ ...job, ticks: this.jobHistory.of(job.name) }));
    return { connection: this.name, at: new Date(), items };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
