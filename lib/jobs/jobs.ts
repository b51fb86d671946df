import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import type { PeerInfo } from '../peers/peers.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import { keyOfText } from '../vocabulary/lock-key-text.js';
import { Job } from './job.js';
import type { CronJobLike, JobDefinition } from './job-definition.js';
import { jobsPage, peersJobs, statuses, toldJob, type PeersJob } from './job-listing.js';
import { KEY_WANTED } from './key-wanted.js';
import { JOB_RELEASE, JOBS_QUESTION, RUN_QUESTION } from './job-questions.js';
import { runHere } from './job-runs.js';
import type { JobStatus } from './job-status.js';
import type { JobsContext, JobsInit } from './jobs-context.js';
import { answerTickQuestions } from './tick-answers.js';
import { RecentTicks } from './recent-ticks.js';
import { believableUntil, TickMemory } from './tick-memory.js';
import { TICK, TICK_FINISHED, type TickAnnouncement } from './tick-messages.js';

/** By whom a tick was announced that is read from the ledger. */
const LEDGER = 'ledger';

/**
 * The jobs of one database in one process.
 *
 * *Idle* while there are none: nothing is opened and nothing is listened to. *Started*, it listens and every job has its clock.
 * *Stopping*, no tick begins, and what waits for one is released; runs end by themselves. *Lingering*, it only answers peers.
 *
 * @internal
 */
export class Jobs {
  private readonly jobs = new Map<string, Job>();
  private readonly memory = new TickMemory();
  readonly context: JobsContext;
  private state: 'idle' | 'started' | 'stopping' = 'idle';
  private startedAt = Date.now();
  private readonly stops: (() => void)[] = [];
  private readonly calls = new Set<Promise<unknown>>();
  private caughtUp = false;
  private sharing = false;
  /** Told once where another application has a job of the same id and name. */
  onShared: (job: Job, applicationName: string) => void = ignore;
  /** Told once of a wrapped job that is called by what is not known to be a cron job: its calls have no ticks. */
  onUntimed: (name: string) => void = ignore;
  /** The cron jobs in the scheduler's registry, where there is one. */
  registry: () => Iterable<object> = () => [];
  /** Told once of each job, when its first instant is known, or at once where it has none. */
  onScheduled: (job: Job) => void = ignore;
  /** Takes errors of runs that no timer of the scheduler waits for. */
  onError: (error: unknown) => void = ignore;

  constructor(init: JobsInit) {
    this.context = {
      ...init,
      memory: this.memory,
      // Also those whose clocks are ahead have told by then of whatever is still to come.
      recent: new RecentTicks(init.peers, this.memory, 2 * init.options.clockSkewMs),
      believableUntil: () => (init.hasManyClocks ? believableUntil(init.options.clockSkewMs) : Infinity),
      isStopping: () => this.state === 'stopping',
      track: (call) => this.track(call),
      onScheduled: (identity) => {
        const job = this.jobs.get(identity);
        if (job !== undefined) this.onScheduled(job);
      },
      startedAt: () => this.startedAt,
    };
    // Also of a process without jobs, so that the one that asks need not wait for silence.
    init.peers.answer(JOBS_QUESTION, ({ page }) => this.page(page));
    init.peers.on(KEY_WANTED, ({ key }) => this.lend(key));
  }

  /** All jobs of this process. */
  list(): Job[] {
    return [...this.jobs.values()];
  }

  /** A job of this process, by its name. */
  named(name: string): Job | undefined {
    return this.list().find(({ definition }) => definition.name === name);
  }

  /**
   * One more job, or one more definition of one that is there.
   *
   * @throws {ReadReplicaError} where there are no peers.
   */
  add(definition: JobDefinition): Job {
    this.context.assertPeers?.('ticks');
    const job = new Job(definition, this.context);
    const known = this.jobs.get(job.identity);
    known?.join(definition);
    if (known === undefined) this.jobs.set(job.identity, job);
    if (this.state === 'started') this.begin();
    if (this.state === 'started' && known === undefined) job.start();
    return known ?? job;
  }

  /** The cron jobs of the registry that call this function: known by what they call, where `cron` shows it. */
  registered(callback: unknown): CronJobLike[] {
    const found: CronJobLike[] = [];
    for (const job of this.registry()) {
      const { _callbacks } = job as { readonly _callbacks?: readonly unknown[] };
      if (_callbacks?.includes(callback) === true) found.push(job as CronJobLike);
    }
    return found;
  }

  /** Keeps a call in mind, for the shutdown to wait for. */
  track<Result>(call: Promise<Result>): Promise<Result> {
    const settled: Promise<unknown> = call.then(ignore, ignore).then(() => this.calls.delete(settled));
    this.calls.add(settled);
    return call;
  }

  /**
   * Asks whether the ledger is there. Where the server is away, that is asked before the first tick.
   *
   * @throws {PgLockConfigurationError} when table, columns or grants are missing.
   */
  async checkLedger(): Promise<void> {
    const { ledger } = this.context;
    try {
      await ledger?.check();
    } catch (error) {
      if (!(error instanceof PgLockConfigurationError)) return;
      await ledger?.close();
      throw error;
    }
  }

  /** With the application: listens where there are jobs, and winds their clocks. Waits for nothing. */
  start(): void {
    if (this.state !== 'idle') return;
    this.state = 'started';
    this.startedAt = Date.now();
    this.begin();
    for (const job of this.jobs.values()) job.start();
  }

  /** No tick begins any more; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.state = 'stopping';
    for (const job of this.jobs.values()) job.stop();
    await Promise.all(this.calls);
    this.context.peers.flush();
  }

  /** Answers peers until the last tick is so long ago that no clock can be behind it. */
  async linger(atMostMs: number): Promise<void> {
    const latest = this.memory.latest(this.context.believableUntil());
    if (latest === undefined || this.context.peers.listeningSince === undefined) return;
    const ms = Math.min(latest + this.context.options.clockSkewMs - Date.now(), atMostMs);
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** The last thing: listens no more. */
  close(): void {
    this.context.recent.close();
    for (const stop of this.stops.splice(0)) stop();
  }

  async find(): Promise<JobStatus[]> {
    const own = this.list().map((job) => ({
      ...toldJob(job, this.context),
      missed: job.record.missedCount,
    }));
    const { peers, replica } = this.context;
    return statuses(own, await peersJobs(peers), replica, this.context.believableUntil());
  }

  /** The jobs of peers. */
  elsewhere(): Promise<PeersJob[]> {
    return peersJobs(this.context.peers);
  }

  /** What is kept between runs, and not used, goes to a session that waits for it; the next run asks for it again. */
  lend(key: string): void {
    const { peers, advisory } = this.context;
    const jobs = this.list().filter((job) => job.keeps(key));
    if (jobs.some(({ record }) => record.running > 0)) return;
    if (jobs.length > 0) peers.flush(); // who has the lock next knows how the last run ended
    for (const job of jobs) advisory.giveBack(job.definition.ids);
    const kept = keyOfText(key);
    if (jobs.length === 0 && kept !== undefined) advisory.kept.lendUnused(kept);
  }

  private begin(): void {
    if (this.jobs.size === 0 || this.stops.length > 0) return;
    outsideFlows(() => {
      const { peers } = this.context;
      this.stops.push(
        peers.on(TICK, (tick, from) => this.heard(tick, from)),
        peers.on(TICK_FINISHED, (end, from) => this.jobs.get(end.job)?.record.heardEnd(end, from.id)),
        peers.on(JOB_RELEASE, ({ job }) => this.release(job)),
        ...answerTickQuestions(this.context),
        peers.answer(RUN_QUESTION, (question) =>
          runHere(question, this.jobs.get(question.job), this.context),
        ),
        peers.onListening(() => void this.listening()),
        peers.onBreak(() => this.context.recent.forget()),
        peers.keepListening(),
      );
      if (peers.listeningSince !== undefined) void this.listening();
    });
  }

  private heard({ job, at, replica, late }: TickAnnouncement, from: PeerInfo): void {
    const claim = { at, by: from.id, replica, late, announcedAt: Date.now(), end: undefined };
    this.memory.note(job, claim, this.context.peers.id);
    this.jobs.get(job)?.record.heardBegin(claim);
    this.jobs.get(job)?.heard();
    this.noteApplication(job, from);
  }

  /** Two applications share ticks where id and name are equal: seldom meant, and told once. */
  private noteApplication(identity: string, { applicationName }: PeerInfo): void {
    const job = this.jobs.get(identity);
    const own = this.context.peers.self.applicationName;
    if (job === undefined || this.sharing || own === '' || applicationName === '' || applicationName === own)
      return;
    this.sharing = true;
    this.onShared(job, applicationName);
  }

  private page(page: number) {
    const told = this.list().map((job) => toldJob(job, this.context));
    return jobsPage(told, page, this.context.replica);
  }

  /** What the ledger knows counts as heard from others. Where it cannot be read, each tick asks it by itself. */
  private async readLedger(): Promise<void> {
    const { ledger, peers } = this.context;
    for (const row of (await ledger?.rows().catch(() => [])) ?? []) {
      const { job, at, replica, late, startedAt: announcedAt = at, outcome } = row;
      const { duration = null, error = null } = row;
      const end = outcome && { outcome, startedAt: announcedAt, duration, error };
      this.memory.note(job, { at, by: LEDGER, replica, late, announcedAt, end }, peers.id);
      this.jobs.get(job)?.record.heardBegin({ at, by: LEDGER, replica, late, announcedAt, end });
      if (end) this.jobs.get(job)?.record.heardEnd({ job, at, replica, ...end }, LEDGER);
    }
  }

  private release(identity: string): void {
    const job = this.jobs.get(identity);
    if (job?.hold !== undefined) job.giveBack();
  }

  /** Listens; for the first time: what came before it listened may not have been run. */
  private async listening(): Promise<void> {
    this.context.recent.ask();
    if (this.caughtUp || this.state !== 'started') return;
    this.caughtUp = true;
    await this.readLedger();
    for (const job of this.jobs.values())
      if (job.definition.hasTicks) this.track(job.catchUp()).catch(ignore); // it was not asked, and so is not run
  }
}

function ignore(): void {}
