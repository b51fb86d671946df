import { AsyncResource } from 'node:async_hooks';
import type { BlockingTreeNode } from '../../inspection/blocking-tree.js';
import { READ_DASHBOARD_FACTS, type DashboardFacts } from '../../sql/dashboard-facts.js';
import type { WatchedDatabase } from '../watched-database.js';

/** What one look saw. @internal */
export interface Sample {
  readonly at: Date;
  readonly roots: readonly BlockingTreeNode[];
  readonly sessions: number;
  readonly hidden: number;
  /** Deadlocks broken by the server so far. */
  readonly deadlocks: number;
}

/** Who is told of each look. @internal */
export interface SampleListener {
  sampled(sample: Sample): void;
  failed(error: unknown): void;
}

const PERIOD_MS = 1_000;
/** The facts beside the trees change slowly. */
const FACTS_EVERY = 5;
/** Of its time the sampler spends at most a quarter looking, however much there is to see. */
const REST_FACTOR = 3;

/**
 * Looks at one database once a second, while it is *running*; a look that takes long is followed by a longer rest, and one
 * never begins before the last has ended. Looks run outside of the flows that started them.
 *
 * @internal
 */
export class Sampler {
  private timer: NodeJS.Timeout | undefined;
  private running = false;
  private looks = 0;
  private facts: Pick<Sample, 'sessions' | 'hidden' | 'deadlocks'> = { sessions: 0, hidden: 0, deadlocks: 0 };
  private looking: Promise<Sample> | undefined;
  private readonly outside = new AsyncResource('PgLockDashboardSampler');

  constructor(
    private readonly database: WatchedDatabase,
    private readonly listener: SampleListener,
  ) {}

  get isRunning(): boolean {
    return this.running;
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.outside.runInAsyncScope(() => void this.turn());
  }

  stop(): void {
    this.running = false;
    clearTimeout(this.timer);
  }

  /** One look, shared by all that ask during it. */
  look(): Promise<Sample> {
    this.looking ??= this.outside
      .runInAsyncScope(() => this.read())
      .finally(() => (this.looking = undefined));
    return this.looking;
  }

  private async turn(): Promise<void> {
    const began = performance.now();
    try {
      const sample = await this.look();
      if (this.running) this.listener.sampled(sample);
    } catch (error) {
      if (this.running) this.listener.failed(error);
    }
    if (!this.running) return;
    const took = performance.now() - began;
    const rest = Math.max(PERIOD_MS - took, took * REST_FACTOR, 0);
    this.timer = setTimeout(() => void this.turn(), rest).unref();
  }

  private async read(): Promise<Sample> {
    const { blocked, observer } = this.database;
    const roots = await blocked.tree();
    const at = new Date();
    if (this.looks++ % FACTS_EVERY === 0) {
      const [row] = await observer.query<DashboardFacts>(READ_DASHBOARD_FACTS);
      this.facts = {
        sessions: Number(row?.sessions ?? 0),
        hidden: Number(row?.hidden ?? 0),
        deadlocks: Number(row?.deadlocks ?? 0),
      };
    }
    return { at, roots, ...this.facts };
  }
}
