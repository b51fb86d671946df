import { randomBytes } from 'node:crypto';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import { processWide } from '../vocabulary/process-wide.js';
import type { Peers } from './peers.js';
import { isSameHop, isYoungest, MOST_HOPS, PROBE, type Hop, type Probe, type ProbePhase } from './probe.js';
import { SeenProbes } from './seen-probes.js';
import type { FlowWait, WaitGraph } from './wait-graph.js';

/** How much longer than `deadlock_timeout` a wait lasts before it is chased: the server's own detector comes first. */
const BEYOND_MS = 200;
/** A wait that goes on is chased again, more and more seldom. */
const AGAIN = { factor: 1.5, mostMs: 10_000 };
/** For how long what was seen in a chase is remembered. */
const REMEMBERED_MS = 10_000;

/** What the chases of one module stand on. @internal */
export interface DeadlockProbesInit {
  /** Names the module in {@link FlowWait.domain}. */
  readonly domain: object;
  readonly peers: Pick<Peers, 'tell' | 'on'>;
  readonly graph: WaitGraph;
  /** The server's `deadlock_timeout`, in milliseconds. */
  readonly deadlockTimeoutMs: () => number;
  /** For what sessions of other software wait that hold the key, as the server shows it. */
  readonly waitsOfHolders: (key: string) => Promise<readonly ServerWait[]>;
}

/** A session that holds one key and waits for another. @internal */
export interface ServerWait {
  readonly pid: number;
  /** What it waits for. */
  readonly key: string;
}

/** The process of a {@link Hop} through a session of other software. */
const OTHER_SOFTWARE = 'server';

/** A wait at the server that may be chased. */
interface Watched {
  readonly key: string;
  dueAt: number;
  pauseMs: number;
}

/** The chases of all modules of one process: a flow may hold locks of several. @internal */
export class ProcessChases {
  /** What the process calls itself, whichever of its modules begins a chase. */
  readonly id = randomBytes(9).toString('base64url');
  readonly domains = new WeakMap<object, DeadlockProbes>();
  lastRound = 0;
}

const OWN_PROCESS = processWide('chases:1', () => new ProcessChases());

/**
 * Finds deadlocks that PostgreSQL cannot see, because here holder and waiter are different sessions, by edge chasing
 * (Chandy, Misra and Haas, 1983).
 *
 * A wait that has lasted sends a *probe* to the holders of its key. Each process passes it on along what the flows that hold
 * the key wait for. A probe that comes home to a wait of its origin was a cycle. A second round follows the same holds and the
 * same waits once more: when it comes home as well, all of them stood in the moment between the two, and a third round
 * refuses the youngest of the waits. For sessions of other software, which no peer answers for, the server is asked: what such a
 * session holds and waits for is whole in `pg_locks`.
 *
 * @internal
 */
export class DeadlockProbes {
  private readonly watched = new Set<Watched>();
  private readonly seen = new SeenProbes(REMEMBERED_MS);
  /** The chases that began here and have not come home, with the keys that they began from. */
  private readonly rounds = new Map<number, string>();
  private timer: NodeJS.Timeout | undefined;
  private timerDueAt = Infinity;
  private readonly stopHearing: () => void;

  constructor(
    private readonly init: DeadlockProbesInit,
    private readonly process = OWN_PROCESS,
  ) {
    process.domains.set(init.domain, this);
    this.stopHearing = init.peers.on(PROBE, (probe) => this.follow(probe));
  }

  /** Waiting for a key at the server begins. Returns what to call when it is over. */
  watch(key: string): () => void {
    const pauseMs = this.init.deadlockTimeoutMs() + BEYOND_MS;
    const watched: Watched = { key, pauseMs, dueAt: performance.now() + pauseMs };
    this.watched.add(watched);
    this.schedule(watched.dueAt);
    return () => void this.watched.delete(watched);
  }

  /** Chases and answers no more. */
  close(): void {
    clearTimeout(this.timer);
    this.watched.clear();
    this.stopHearing();
    this.process.domains.delete(this.init.domain);
  }

  private schedule(dueAt: number): void {
    if (dueAt >= this.timerDueAt) return;
    clearTimeout(this.timer);
    this.timerDueAt = dueAt;
    this.timer = outsideFlows(() =>
      setTimeout(() => this.tick(), Math.ceil(Math.max(0, dueAt - performance.now()))),
    );
    this.timer.unref();
  }

  private tick(): void {
    this.timerDueAt = Infinity;
    const now = performance.now();
    for (const watched of this.watched) {
      if (watched.dueAt <= now) this.chase(watched, now);
      this.schedule(watched.dueAt);
    }
  }

  private chase(watched: Watched, now: number): void {
    watched.dueAt = now + watched.pauseMs * (1 + Math.random() / 5);
    watched.pauseMs = Math.min(watched.pauseMs * AGAIN.factor, AGAIN.mostMs);
    if (this.init.graph.isInTheWay(watched.key)) this.begin('seek', watched.key, []);
  }

  private begin(phase: ProbePhase, key: string, path: readonly Hop[]): void {
    const round = ++this.process.lastRound;
    this.rounds.set(round, key);
    setTimeout(() => this.rounds.delete(round), REMEMBERED_MS).unref();
    this.advance({ origin: this.process.id, round, phase, key, path, at: 0 });
  }

  /** Asks for the holders of a key, here and elsewhere. */
  private advance(probe: Probe): void {
    this.follow(probe);
    if (probe.at >= MOST_HOPS || this.init.graph.holdsAlone(probe.key)) return;
    this.init.peers.tell(PROBE, probe).catch(nothing); // chased again in a while
    this.init.waitsOfHolders(probe.key).then((waits) => this.passOn(probe, waits), nothing);
  }

  /** Goes on through sessions of other software. They cannot be asked to give up, so that none of them counts as the youngest. */
  private passOn(probe: Probe, waits: readonly ServerWait[]): void {
    const { phase, path, at } = probe;
    for (const { pid, key } of waits) {
      const hop: Hop = [OTHER_SOFTWARE, pid, 0, 0];
      if (phase !== 'seek' && !isSameHop(hop, path[at])) continue;
      this.arrive({ ...probe, key, path: phase === 'seek' ? [...path, hop] : path, at: at + 1 });
    }
  }

  /** Goes on along what the flows that hold the key here wait for. */
  private follow(probe: Probe): void {
    if (probe.at >= MOST_HOPS || !this.seen.isNew(probe)) return;
    for (const { number, waits } of this.init.graph.holdersOf(probe.key))
      for (const wait of waits) this.step(probe, [this.process.id, number, wait.number, wait.since], wait);
  }

  private step(probe: Probe, hop: Hop, wait: FlowWait): void {
    const { phase, path, at } = probe;
    if (phase !== 'seek' && !isSameHop(hop, path[at])) return;
    if (phase === 'refuse' && isYoungest(hop, path)) return wait.refuse();
    const next = this.process.domains.get(wait.domain);
    const way = phase === 'seek' ? [...path, hop] : path;
    next?.arrive({ ...probe, key: wait.key, path: way, at: at + 1 });
  }

  /** The way goes on at a key of this module, or comes home here. */
  private arrive(probe: Probe): void {
    const { origin, round, phase, key, path, at } = probe;
    if (origin !== this.process.id || this.rounds.get(round) !== key) return this.advance(probe);
    this.rounds.delete(round);
    if (phase === 'seek') this.begin('confirm', key, path);
    else if (phase === 'confirm' && at === path.length) this.begin('refuse', key, path);
  }
}

function nothing(): void {}
