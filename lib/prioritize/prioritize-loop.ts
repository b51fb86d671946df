import { AsyncLocalStorage } from 'node:async_hooks';
import type { PrioritizeTimerRegistry } from './prioritize-timer-registry.js';
import type { PrioritizedFlow } from './prioritized-flow.js';
import { BlockerSweep, type BlockerSweepParts } from './blocker-sweep.js';

const SHORTEST_TICK_MS = 5;
const LONGEST_TICK_MS = 100;
/** Intervals are kept to a tenth of the shortest. */
const TICKS_PER_INTERVAL = 10;

/**
 * The one clock of all prioritized flows of a process and database.
 *
 * *At rest* it has no timer. The first flow starts it, the last one to leave stops it; `close()` stops it for good. Sweeps
 * never overlap: a tick that comes during one is dropped. It runs outside of every async context, so that nothing of the
 * flow that happened to start it leaks into the others.
 *
 * @internal
 */
export class PrioritizeLoop {
  /** Shows the timer to the application, where it has a registry. */
  registry: PrioritizeTimerRegistry | undefined;
  readonly #flows = new Set<PrioritizedFlow>();
  readonly #outside = AsyncLocalStorage.snapshot();
  #timer: NodeJS.Timeout | undefined;
  #tickMs = 0;
  #sweep: Promise<void> | undefined;
  #closed = false;

  constructor(
    private readonly name: string,
    private readonly parts: BlockerSweepParts,
  ) {}

  get isClosed(): boolean {
    return this.#closed;
  }

  /** How many flows are prioritized at this moment. */
  get size(): number {
    return this.#flows.size;
  }

  add(flow: PrioritizedFlow): void {
    this.#flows.add(flow);
    this.#setClock();
  }

  /** Ends a flow; resolves when no sweep looks after it any more. */
  async remove(flow: PrioritizedFlow): Promise<void> {
    this.#flows.delete(flow);
    this.#setClock();
    await this.#sweep;
    await flow.settled();
  }

  /** Stops for good. Running flows go on without. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#flows.clear();
    this.#setClock();
    await this.#sweep;
  }

  #setClock(): void {
    const shortest = Math.min(...[...this.#flows].map(({ options }) => options.intervalMs));
    const tickMs = Math.min(Math.max(shortest / TICKS_PER_INTERVAL, SHORTEST_TICK_MS), LONGEST_TICK_MS);
    const needed = this.#flows.size > 0 && !this.#closed;
    if (this.#timer !== undefined && (!needed || tickMs !== this.#tickMs)) this.#stop();
    if (needed && this.#timer === undefined) this.#start(tickMs);
  }

  #start(tickMs: number): void {
    this.#tickMs = tickMs;
    // The work itself keeps the process alive, as long as it does anything.
    this.#timer = this.#outside(() => setInterval(() => this.#tick(), tickMs)).unref();
    this.registry?.add(this.name, this.#timer);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.registry?.remove(this.name);
  }

  #tick(): void {
    if (this.#sweep !== undefined) return;
    const now = performance.now();
    const due = [...this.#flows].filter((flow) => flow.isDue(now));
    if (due.length === 0) return;
    for (const flow of due) flow.begin(now);
    this.#sweep = this.#lookAfter(due, now).finally(() => (this.#sweep = undefined));
  }

  async #lookAfter(due: readonly PrioritizedFlow[], now: number): Promise<void> {
    const spared = [...new Set([...this.#flows].flatMap(({ pids }) => [...pids]))];
    const sweep = new BlockerSweep(this.parts, spared, now);
    const rules = new Set(due.map(({ rule }) => rule));
    for (const wanted of rules) {
      const flows = due.filter(({ rule }) => rule === wanted);
      try {
        await sweep.run(flows);
      } catch (error) {
        // The next sweep tries again; the work is not to blame for it.
        if (this.#closed) return;
        this.parts.emit({ type: 'prioritizeFailed', error: error as Error });
      }
    }
  }
}
