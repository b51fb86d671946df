import { randomBytes } from 'node:crypto';
import type { BlockingTreeNode } from '../../inspection/blocking-tree.js';
import { Fleet } from '../fleet/fleet.js';
import type { Pulse } from '../fleet/fleet-messages.js';
import { toJson, treesToJson } from '../json.js';
import type { WatchedDatabase } from '../watched-database.js';
import type { NowAnswer, TimelineItem, TimelineMarker } from '../wire.js';
import { listenToChannels } from './channel-events.js';
import { EventLog, type LoggedEvent } from './event-log.js';
import { History } from './history.js';
import { Sampler, type Sample } from './sampler.js';

/** How a database is watched. @internal */
export interface WatchOptions {
  readonly hideQueries: boolean;
  /** How far back the timeline reaches; null remembers only while a page is open. */
  readonly historyMs: number | null;
}

/** What is remembered without `history`: as much as was seen while a page was open. */
const UNASKED_HISTORY_MS = 15 * 60_000;
/** A moment during which a page is loaded anew is no reason to stop looking. */
const LINGER_MS = 5_000;

/**
 * One database, watched for all viewers of this process. It is *idle* until a page follows it, or for good *watching* once
 * `keep()` was called; then it looks once a second, or relays another replica that does, and tells all viewers what has changed.
 *
 * @internal
 */
export class Watch {
  readonly history: History;
  readonly historyMs: number;
  /** Called when this process begins or ceases to sample. */
  onSampling: (on: boolean) => void = ignore;
  /** Called while an advisory lock is awaited that has no name yet. */
  onUnnamed: () => void = ignore;
  private readonly log = new EventLog(randomBytes(6).toString('hex'));
  private readonly viewers = new Set<(event: LoggedEvent) => void>();
  private readonly sampler: Sampler;
  private readonly fleet: Fleet | undefined;
  private latest: Sample | undefined;
  private stillText = '';
  private tree = 0;
  private deadlocks: number | undefined;
  private troubled = false;
  private state: 'idle' | 'watching' | 'closed' = 'idle';
  private kept = false;
  private stopListening: (() => void) | undefined;
  private lingering: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: WatchedDatabase,
    private readonly options: WatchOptions,
  ) {
    const { historyMs, hideQueries } = options;
    this.historyMs = historyMs ?? UNASKED_HISTORY_MS;
    this.history = new History(this.historyMs, this.log.sampler);
    this.sampler = new Sampler(database, {
      sampled: (sample) => this.sampled(sample),
      failed: (error) => this.failed(error),
    });
    if (historyMs === null || database.fleet === undefined) return;
    const host = {
      sample: (on: boolean) => this.sample(on),
      pulsed: (pulse: Pulse, isNew: boolean) => this.pulsed(pulse, isNew),
      learned: (items: readonly TimelineItem[]) => this.learned(items),
    };
    this.fleet = new Fleet({ port: database.fleet, host, history: this.history, hideQueries });
  }

  /** Whether it is this process that says what happens to all. */
  get speaksForAll(): boolean {
    return this.fleet === undefined || this.fleet.role === 'sampler' || this.fleet.role === 'alone';
  }

  /** Watches whether a page is open or not, for the sake of the history. */
  keep(): void {
    this.kept = true;
    this.fleet?.begin();
    this.begin();
  }

  /** Tells a viewer everything from here on, or from where it was, until the function that it returns is called. */
  follow(lastEventId: string | undefined, tell: (event: LoggedEvent) => void): () => void {
    const missed = lastEventId === undefined ? undefined : this.log.after(lastEventId);
    if (missed !== undefined) for (const event of missed) tell(event);
    else if (this.latest !== undefined && this.sampler.isRunning) tell(this.snapshot(this.latest));
    const isFirst = this.viewers.size === 0;
    this.viewers.add(tell);
    this.begin();
    if (isFirst) this.fleet?.watched(true);
    if (!this.sampler.isRunning) void this.relay();
    return () => {
      this.viewers.delete(tell);
      if (this.viewers.size === 0) this.linger();
    };
  }

  /** What is there now: looked at, whichever replica samples. */
  async now(): Promise<NowAnswer> {
    const sample = await this.sampler.look();
    if (!this.sampler.isRunning && this.viewers.size === 0) this.history.note(sample.roots, sample.at);
    return this.answer(sample);
  }

  /** Everything that is remembered, here and where the database is sampled. */
  async items(): Promise<readonly TimelineItem[]> {
    await this.fleet?.refresh();
    return this.history.items();
  }

  /** Notes that something happened, and tells it. */
  mark(marker: Omit<TimelineMarker, 'id'>): void {
    this.tell(this.log.add('marker', toJson(this.history.mark(marker), this.options)));
    this.fleet?.news();
  }

  /** Stops looking, for good. Idempotent. */
  async close(): Promise<void> {
    this.rest();
    this.state = 'closed';
    this.viewers.clear();
    await this.fleet?.close();
  }

  private begin(): void {
    clearTimeout(this.lingering);
    if (this.state !== 'idle') return;
    this.state = 'watching';
    const { instance } = this.database;
    if (instance !== undefined)
      this.stopListening = listenToChannels(instance, (marker) => this.mark({ at: new Date(), ...marker }));
    if (this.fleet === undefined) this.sample(true);
  }

  private linger(): void {
    clearTimeout(this.lingering);
    this.lingering = setTimeout(() => this.left(), LINGER_MS).unref();
  }

  private left(): void {
    this.fleet?.watched(false);
    if (this.fleet?.role === 'relay' || this.fleet?.role === 'undecided') this.sample(false);
    if (!this.kept) this.rest();
  }

  private rest(): void {
    clearTimeout(this.lingering);
    this.sample(false);
    this.stopListening?.();
    this.stopListening = undefined;
    if (this.state === 'watching') this.state = 'idle';
  }

  private sample(on: boolean): void {
    if (on === this.sampler.isRunning || this.state === 'closed') return;
    if (on) {
      this.relays(undefined);
      this.sampler.start();
    } else {
      this.sampler.stop();
      this.deadlocks = undefined;
      this.stillText = '';
      this.history.rest();
    }
    this.onSampling(on);
  }

  private sampled(sample: Sample): void {
    this.troubled = false;
    if (this.speaksForAll) this.noteDeadlocks(sample);
    this.show(sample);
    const { tree, history, log } = this;
    this.fleet?.pulse({ sampler: log.sampler, tree, revision: history.revision, at: sample.at.getTime() });
  }

  /** Tells what is there, where it is not what was told last. */
  private show(sample: Sample): void {
    this.latest = sample;
    if (sample.roots.some(awaitsUnnamed)) this.onUnnamed();
    const changed = this.history.note(sample.roots, sample.at);
    const answer = this.answer(sample);
    const still = treesToJson(answer, { ...this.options, still: true });
    if (still === this.stillText) this.tell(this.at(sample.at));
    else {
      this.stillText = still;
      this.tree += 1;
      this.tell(this.log.add('now', treesToJson(answer, { ...this.options, still: false })));
    }
    if (changed.length > 0) this.tell(this.log.add('waits', toJson(changed, this.options)));
  }

  /** The one that samples has looked. */
  private pulsed({ sampler, at }: Pulse, isNew: boolean): void {
    this.relays(sampler);
    if (isNew) void this.relay();
    else if (this.latest !== undefined) this.tell(this.at(new Date(at)));
  }

  /** Viewers are shown everything anew, under the id of the sampler. */
  private relays(sampler: string | undefined): void {
    if (this.log.relays !== sampler) this.stillText = '';
    this.log.relays = sampler;
  }

  /** Looks once, since something has changed. */
  private async relay(): Promise<void> {
    try {
      const sample = await this.sampler.look();
      if (!this.sampler.isRunning && this.viewers.size > 0) this.show(sample);
    } catch (error) {
      if (!this.sampler.isRunning) this.failed(error);
    }
  }

  private learned(items: readonly TimelineItem[]): void {
    const waits = items.filter(({ type }) => type === 'wait');
    if (waits.length > 0) this.tell(this.log.add('waits', toJson(waits, this.options)));
    for (const item of items)
      if (item.type === 'marker') this.tell(this.log.add('marker', toJson(item, this.options)));
  }

  private failed(error: unknown): void {
    if (this.troubled) return;
    this.troubled = true;
    this.stillText = '';
    const message = error instanceof Error ? error.message : String(error);
    const text = `The database could not be asked: ${message}`;
    this.mark({ at: new Date(), kind: 'trouble', text, pid: null, lock: null, by: null });
    this.tell(this.log.add('trouble', toJson({ at: new Date(), message }, this.options)));
  }

  private noteDeadlocks({ deadlocks, at }: Sample): void {
    const broken = deadlocks - (this.deadlocks ?? deadlocks);
    this.deadlocks = deadlocks;
    if (broken <= 0) return;
    const text = `The server broke ${broken === 1 ? 'a deadlock' : `${broken} deadlocks`}`;
    this.mark({ at, kind: 'deadlock', text, pid: null, lock: null, by: null });
  }

  private tell(event: LoggedEvent): void {
    for (const viewer of this.viewers) viewer(event);
  }

  private at(at: Date): LoggedEvent {
    return { id: null, event: 'at', data: toJson({ at }, this.options) };
  }

  /** What a viewer needs who comes from nowhere, or from another replica. */
  private snapshot(sample: Sample): LoggedEvent {
    const data = treesToJson(this.answer(sample), { ...this.options, still: false });
    return { id: this.log.latest, event: 'now', data };
  }

  private answer({ at, roots, sessions, hidden }: Sample): NowAnswer {
    const { lastWaitAt } = this.history;
    return { connection: this.database.name, at, items: roots, sessions, hidden, lastWaitAt };
  }
}

function awaitsUnnamed({ lock, blocked }: BlockingTreeNode): boolean {
  return (lock?.type === 'ADVISORY' && lock.advisoryId === null) || blocked.some(awaitsUnnamed);
}

function ignore(): void {}
