import { setTimeout as delay } from 'node:timers/promises';
import type { Check, HistoryChecker, Violation } from '../support/history.js';
import { now, Cluster, type ClusterOptions, type Replica } from './cluster.js';
import type { Message } from '../support/child.js';
import type { Fault, Scene } from './fault.js';
import { COMPANIONS } from './faults.js';

/** What became of one fault. */
export interface FaultResult {
  readonly name: string;
  readonly outcome: 'lost' | 'kept';
  /** Until another had the lock, where it was lost; in milliseconds. */
  readonly othersMs: number | undefined;
  /** Until `lock.signal` fired, from the fault or from when the event loop ran again. */
  readonly signalMs: number | undefined;
  /** Whether the signal fired before another had the lock; undefined where the event loop could not run. */
  readonly signalFirst: boolean | undefined;
  readonly shutdownMs: number | undefined;
}

export interface ChaosResult {
  readonly seed: number;
  readonly faults: readonly FaultResult[];
  readonly violations: readonly Violation[];
  readonly history: HistoryChecker;
  readonly seconds: number;
}

export interface StormOptions {
  readonly seed: number;
  /** How many flows each replica has at work. @default 2 */
  readonly flows?: number;
  /** Whether now and then a second fault meets another replica meanwhile. */
  readonly companions?: boolean;
  /** How long what should never happen is waited for. */
  readonly patienceMs?: number;
  readonly onFault?: (result: FaultResult) => void;
}

const PATIENCE_MS = 20_000;
/** The id that is kept between runs. */
const STICKY = 'sticky';
const SHUTDOWN_WITHIN_MS = 4_000;

/** Numbers between 0 and 1, the same for the same seed. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** All faults in an order that the seed decides, again and again, until there are so many, or the time is up. */
export function* shuffled(faults: readonly Fault[], seed: number, count: number): Generator<Fault> {
  const random = generator(seed);
  let deck: Fault[] = [];
  for (let i = 0; i < count; i++) {
    if (deck.length === 0) deck = [...faults];
    yield deck.splice(Math.floor(random() * deck.length), 1)[0] as Fault;
  }
}

/** Whether enough was seen: then nothing more is waited for. */
type Until = (violations: readonly Violation[]) => boolean;

/** Replicas at work, one fault after the other, and a judgement at the end. */
export async function chaos(
  options: ClusterOptions & StormOptions,
  faults: Iterable<Fault>,
  until: Until = () => false,
): Promise<ChaosResult> {
  const startedAt = now();
  const cluster = await Cluster.start(options);
  try {
    const storm = new Storm(cluster, options);
    const { flows = 2 } = options;
    for (const replica of cluster.replicas) await replica.ask('work', { count: flows });
    for (const fault of faults) if (await storm.meet(fault, flows, until)) break;
    if (!until(storm.violations)) await storm.end();
    const history = await cluster.judge();
    return {
      ...{ seed: options.seed, faults: storm.results, history },
      violations: [...storm.violations, ...history.violations],
      seconds: (now() - startedAt) / 1_000,
    };
  } finally {
    await cluster.stop();
  }
}

class Storm {
  readonly results: FaultResult[] = [];
  readonly violations: Violation[] = [];
  private readonly random: () => number;
  private count = 0;

  constructor(
    private readonly cluster: Cluster,
    private readonly options: StormOptions,
  ) {
    this.random = generator(options.seed);
  }

  private boundOf({ boundMs, leased }: Fault): number {
    return boundMs + (leased === true ? this.cluster.leaseMs : 0);
  }

  private get patienceMs(): number {
    return this.options.patienceMs ?? PATIENCE_MS;
  }

  fail(check: Check, what: string): void {
    this.violations.push({ check, what });
  }

  /** One fault, and whether enough was seen of it. */
  async meet(fault: Fault, flows: number, until: Until): Promise<boolean> {
    const before = new Set(this.cluster.replicas);
    try {
      await this.play(fault);
    } catch (error) {
      this.fail('others get it in time', `${fault.name}: ${String(error)}`);
    }
    if (until(this.violations)) return true;
    await Promise.all(this.cluster.replicas.map((replica) => this.expectHealthy(replica, fault)));
    for (const replica of this.cluster.replicas)
      if (!before.has(replica)) await replica.ask('work', { count: flows });
    return until(this.violations);
  }

  /** All flows end, then all processes: neither leaves a lock behind. */
  async end(): Promise<void> {
    const { replicas } = this.cluster;
    const resting = await Promise.allSettled(replicas.map((replica) => replica.ask('rest')));
    for (const { reason } of resting.filter((result) => result.status === 'rejected'))
      this.fail('others get it in time', `flows do not end: ${String(reason)}`);
    for (const what of await this.cluster.leftovers([STICKY]))
      this.fail('nothing is left', `at rest: ${what}`);
    for (const what of await this.cluster.leave()) this.fail('shutdown ends', what);
    for (const what of await this.cluster.leftovers()) this.fail('nothing is left', what);
  }

  private pick(): { victim: Replica; other: Replica; third: Replica | undefined } {
    const left = [...this.cluster.replicas];
    const draw = () => left.splice(Math.floor(this.random() * left.length), 1)[0] as Replica;
    return { victim: draw(), other: draw(), third: left[0] };
  }

  private async play(fault: Fault): Promise<void> {
    let { victim, other, third } = this.pick();
    if (fault.needsPool === true && !victim.lendsPool) {
      const lender = this.cluster.replicas.find(({ lendsPool }) => lendsPool);
      if (lender !== undefined && lender === other) [victim, other] = [lender, victim];
      else if (lender !== undefined) [victim, third] = [lender, victim];
    }
    const tag = String(++this.count);
    const key = `m:${tag}`;
    const { through = 'nothing', hold = {} } = fault;
    const held = await this.holding(victim, { keys: [key], through, options: hold });
    const { h, pid } = held as unknown as { h: string; pid: number };
    await other.ask('want', { key, timeout: 90_000, tag });
    const waiterPid = await this.cluster.waitForWaiter(key).catch(() => undefined);
    const had = other.child.next(`had:${tag}`, 100_000);
    had.catch(() => undefined);
    const { cluster, random } = this;
    const fail = this.fail.bind(this);
    const scene: Scene = { cluster, victim, other, key, h, tag, pid, waiterPid, random, had, fail };
    await this.strike(fault, scene, h, third);
  }

  /** The fault before may have made a login of PgBouncer fail, which then refuses everybody for `server_login_retry`. */
  private async holding(victim: Replica, init: Record<string, unknown>): Promise<Message> {
    for (let tries = 1; ; tries++) {
      try {
        return await victim.ask('hold', init);
      } catch (error) {
        if (tries === 10 || !String(error).includes('server_login_retry')) throw error;
        await delay(500);
      }
    }
  }

  private async strike(fault: Fault, scene: Scene, h: string, third: Replica | undefined): Promise<void> {
    const from = now();
    const names = fault.meets === 'victim' ? [scene.victim.name] : [scene.victim.name, scene.other.name];
    const window = {
      name: fault.name,
      from,
      to: Infinity,
      replicas: fault.meets === 'everybody' ? undefined : names,
    };
    const entry = { ...window, imposed: fault.imposed };
    this.cluster.faults.push(entry);
    const companion = this.companion(scene, third);
    let heal: (() => Promise<unknown>) | undefined;
    try {
      heal = await fault.apply(scene);
      if (fault.outcome === 'lost') await this.expectLost(fault, scene, from, h);
      else await this.expectKept(fault, scene, h, heal);
    } finally {
      await heal?.();
      await companion;
      entry.to = now();
    }
  }

  private async companion(scene: Scene, third: Replica | undefined): Promise<void> {
    if (this.options.companions !== true || third === undefined || this.random() > 0.25) return;
    const fault = COMPANIONS[Math.floor(this.random() * COMPANIONS.length)] as Fault;
    const entry = {
      name: fault.name,
      from: now(),
      to: Infinity,
      imposed: fault.imposed,
      replicas: [third.name],
    };
    this.cluster.faults.push(entry);
    await fault.apply({ ...scene, victim: third });
    entry.to = now();
  }

  private async expectLost(fault: Fault, scene: Scene, from: number, h: string): Promise<void> {
    const counted = scene.countFrom ?? from;
    const had = await Promise.race([
      scene.had,
      delay(this.boundOf(fault) + this.patienceMs, undefined, { ref: false }),
    ]);
    const { t, failed } = (had ?? {}) as { t?: number; failed?: string };
    if (t === undefined) throw new Error(`the other one never had the lock (${failed ?? 'it still waits'})`);
    const othersMs = Math.max(0, t - counted);
    if (othersMs > this.boundOf(fault))
      this.fail('others get it in time', `${fault.name}: after ${othersMs.toFixed(0)} ms`);
    const lostAt = fault.name.includes('SIGKILL') ? undefined : await this.lossOf(fault, scene, h);
    const signalFirst = fault.loopRuns && lostAt !== undefined ? lostAt < t : undefined;
    if (signalFirst === false && !fault.imposed)
      this.fail(
        'signal first',
        `${fault.name}: ${(Number(lostAt) - t).toFixed(1)} ms after another had the lock`,
      );
    this.note(fault, {
      othersMs,
      signalMs: lostAt && Math.max(0, lostAt - (scene.runsFrom ?? counted)),
      signalFirst,
      scene,
    });
  }

  /** When the signal of the victim fired; it has to, soon after everything is over. */
  private async lossOf(fault: Fault, { victim }: Scene, h: string): Promise<number | undefined> {
    for (const until = now() + this.patienceMs / 2; ;) {
      await delay(10);
      const { lostAt, held } = (await victim.ask('status', { h })) as unknown as {
        lostAt?: number;
        held: boolean;
      };
      if (lostAt !== undefined) {
        await victim.ask('drop', { h });
        return lostAt;
      }
      if (now() < until) continue;
      this.fail('signal first', `${fault.name}: no signal; held is ${String(held)}`);
      await victim.ask('drop', { h });
      return undefined;
    }
  }

  private async expectKept(
    fault: Fault,
    scene: Scene,
    h: string,
    heal: (() => Promise<unknown>) | undefined,
  ): Promise<void> {
    await heal?.();
    const { held, lostAt } = (await scene.victim.ask('drop', { h })) as { held?: boolean; lostAt?: number };
    if (held !== true)
      this.fail(
        'nothing is lost without cause',
        `${fault.name}: ${lostAt === undefined ? 'not held' : 'lost'}`,
      );
    const droppedAt = now();
    const had = (await Promise.race([
      scene.had,
      delay(this.boundOf(fault) + this.patienceMs, undefined, { ref: false }),
    ])) as { t?: number } | undefined;
    if (had?.t === undefined) throw new Error('the other one never had the lock after its release');
    if (had.t - droppedAt > this.boundOf(fault))
      this.fail('others get it in time', `${fault.name}: ${String(had.t - droppedAt)} ms`);
    this.note(fault, { othersMs: undefined, signalMs: undefined, signalFirst: undefined, scene });
  }

  private note(
    { name, outcome }: Fault,
    {
      scene,
      ...measured
    }: Pick<FaultResult, 'othersMs' | 'signalMs' | 'signalFirst'> & { readonly scene: Scene },
  ): void {
    const { shutdownMs } = scene;
    if (shutdownMs !== undefined && shutdownMs > SHUTDOWN_WITHIN_MS)
      this.fail('shutdown ends', `${name}: after ${shutdownMs.toFixed(0)} ms`);
    this.results.push({ name, outcome, ...measured, shutdownMs });
    this.options.onFault?.(this.results[this.results.length - 1] as FaultResult);
  }

  /** Whatever happened, afterwards every replica can take a lock again. */
  private async expectHealthy(replica: Replica, fault: Fault): Promise<void> {
    const key = `health:${replica.name}`;
    let last = '';
    for (const until = now() + this.patienceMs; now() < until;) {
      await delay(100);
      try {
        const { ok, name, message } = await replica.ask('try', { key, timeout: 5_000 });
        if (ok === true) return;
        last = `${String(name)}: ${String(message)}`;
      } catch (error) {
        last = String(error);
        if (/exited|ended/.test(last)) break;
      }
    }
    this.fail(
      'others get it in time',
      `after "${fault.name}" ${replica.name} takes no lock any more: ${last}`,
    );
    await replica.child.kill();
    await this.cluster.replace(replica);
  }
}
