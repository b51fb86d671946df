import { examine } from '../inspection/doctor/examine.js';
import type { SignalOutcome } from '../inspection/signal-outcome.js';
import type { SignalRequest } from './actions/signal-request.js';
import { signalSession } from './actions/signal-session.js';
import type { DashboardActions, DashboardSource, DashboardView, ViewerName } from './dashboard-source.js';
import type { LoggedEvent } from './sampling/event-log.js';
import { JobHistory } from './sampling/job-history.js';
import { SharedLook } from './sampling/shared-look.js';
import { Watch, type WatchOptions } from './sampling/watch.js';
import { locksView } from './views/locks-view.js';
import { replicasView } from './views/replicas-view.js';
import type { WatchedDatabase } from './watched-database.js';
import type { TimelineAnswer, TimelineMarker } from './wire.js';

/** How a database is shown. @internal */
export interface DatabaseDashboardOptions extends WatchOptions {
  readonly allowSignals: boolean;
}

/** Peers are asked each time; a page that shows the jobs asks more often. */
const JOBS_EVERY_MS = 15_000;
/** Every process answers: not for every look. */
const REPORTS_FOR_MS = 5_000;

/** One database, shown to all viewers of this process: its views, and what can be done there. @internal */
export class DatabaseDashboard implements DashboardSource, DashboardActions {
  readonly name: string;
  readonly historyMs: number;
  readonly actions?: DashboardActions;
  private readonly watch: Watch;
  private readonly jobHistory = new JobHistory();
  private readonly looks: Readonly<Record<DashboardView, SharedLook<object>>>;
  private jobsTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: WatchedDatabase,
    options: DatabaseDashboardOptions,
  ) {
    this.name = database.name;
    this.watch = new Watch(database, options);
    this.historyMs = this.watch.historyMs;
    if (options.allowSignals) this.actions = this;
    if (options.historyMs !== null) this.watch.onSampling = (on) => this.keepJobs(on);
    // The server does not know names, nor since when a lock is held: those that hold them do.
    const reports = new SharedLook(() => database.reports(), REPORTS_FOR_MS);
    this.watch.onUnnamed = () => void reports.get();
    this.looks = {
      now: new SharedLook(() => this.watch.now(), 200),
      locks: new SharedLook(async () => locksView(database, await reports.get())),
      jobs: new SharedLook(() => this.readJobs()),
      timeline: new SharedLook(() => this.readTimeline(), 200),
      replicas: new SharedLook(() => replicasView(database)),
      doctor: new SharedLook(() => this.readDoctor()),
    };
  }

  read(view: DashboardView): Promise<object> {
    return this.looks[view].get();
  }

  follow(lastEventId: string | undefined, tell: (event: LoggedEvent) => void): () => void {
    return this.watch.follow(lastEventId, tell);
  }

  /** Watches whether a page is open or not, for the sake of the history. */
  keepWatching(): void {
    this.watch.keep();
  }

  async signal(request: SignalRequest, by: ViewerName): Promise<SignalOutcome> {
    const outcome = await signalSession(this.database, request);
    const { applicationName } = outcome.activity ?? {};
    const session = `session ${request.pid}${applicationName ? ` (${applicationName})` : ''}`;
    this.mark({
      kind: 'signal',
      text: `${request.action} ${session}: ${outcome.outcome}`,
      pid: request.pid,
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
  async close(): Promise<void> {
    clearInterval(this.jobsTimer);
    await this.watch.close();
  }

  /** The strip of ticks goes on while no page is open. */
  private keepJobs(on: boolean): void {
    clearInterval(this.jobsTimer);
    if (!on || this.database.jobs === undefined) return;
    this.jobsTimer = setInterval(
      () => void this.looks.jobs.get().catch(() => undefined),
      JOBS_EVERY_MS,
    ).unref();
  }

  private mark(marker: Pick<TimelineMarker, 'kind' | 'text'> & Partial<TimelineMarker>): void {
    this.watch.mark({ at: new Date(), pid: null, lock: null, by: null, ...marker });
  }

  private markJob(name: string, what: string, by: ViewerName): void {
    this.mark({ kind: 'job', text: `Job ${name} ${what}`, lock: name, by });
  }

  private async readTimeline(): Promise<TimelineAnswer> {
    const items = await this.watch.items();
    const { since } = this.watch.history;
    return { connection: this.name, at: new Date(), items, since, historyMs: this.historyMs };
  }

  private async readDoctor(): Promise<object> {
    return { connection: this.name, items: await examine(this.database), at: new Date() };
  }

  private async readJobs(): Promise<object> {
    const jobs = (await this.database.jobs?.find()) ?? [];
    for (const { name, holder } of this.jobHistory.note(jobs))
      if (this.watch.speaksForAll)
        this.mark({ kind: 'takeover', text: `Job ${name} was taken over by ${holder}`, lock: name });
    const items = jobs.map((job) => ({ ...job, ticks: this.jobHistory.of(job.name) }));
    return { connection: this.name, at: new Date(), items };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
