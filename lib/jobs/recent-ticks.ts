import type { PeerAnswer, PeerInfo, Peers } from '../peers/peers.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import { pause } from '../vocabulary/pause.js';
import type { TickMemory } from './tick-memory.js';
import { RECENT_TICKS_QUESTION, type RecentTicksAnswer, type RecentTicksQuestion } from './tick-messages.js';

/** For how long answers are awaited, each of which is delayed by up to 100 ms; where no peer is known, for this part of it. */
const ANSWERS_MS = 1_000;
const NO_PEERS_MS = 400;
/** As many claims as fit into one message. */
const CLAIMS = 30;

/**
 * What was told right before this process began to listen: asked of the peers once for each session, right after `LISTEN`. Who
 * announced a tick before its instant by our clock, announced it before we listened, or was heard.
 *
 * *Unasked* while nothing listens, *asking*, then *known*; or *unknown*, where the answer was too long or could not be obtained.
 *
 * @internal
 */
export class RecentTicks {
  private asking: Promise<void> | undefined;
  private readonly ended = new AbortController();
  private state: 'unasked' | 'asking' | 'known' | 'unknown' = 'unasked';

  constructor(
    private readonly peers: Peers,
    private readonly memory: TickMemory,
    /** Who has listened for so long has heard of all. */
    private readonly completeAfterMs: number,
  ) {}

  /** Whether all that peers knew when this session began to listen is known here. */
  get areKnown(): boolean {
    return this.state === 'known';
  }

  /** Resolves when the answers are in; at once where nothing was asked. */
  async whenKnown(atMostMs: number): Promise<void> {
    if (this.asking === undefined) return;
    const known = new AbortController();
    const asked = this.asking.finally(() => known.abort());
    await Promise.race([asked, pause(atMostMs, known.signal)]);
  }

  /** A session listens. */
  ask(): void {
    this.state = 'asking';
    const asking: Promise<void> = this.collect().then(
      (isWhole) => this.settle(asking, isWhole ? 'known' : 'unknown'),
      () => this.settle(asking, 'unknown'), // the session is gone: the next one asks
    );
    this.asking = asking;
  }

  /** Waits for nothing any more. */
  close(): void {
    this.ended.abort();
  }

  /** The session is lost. */
  forget(): void {
    this.asking = undefined;
    this.state = 'unasked';
  }

  /** What this process answers; nothing where others know more. */
  answer({ from }: RecentTicksQuestion): RecentTicksAnswer | undefined {
    const isComplete = (this.peers.listeningSince ?? Infinity) <= monotonicMs() - this.completeAfterMs;
    const claims = this.memory.since(from);
    if (claims.length === 0 && !isComplete) return undefined;
    const told = claims.slice(0, CLAIMS);
    return { claims: told, isWhole: told.length === claims.length, isComplete };
  }

  private async collect(): Promise<boolean> {
    const question = { from: Date.now() };
    let answers: readonly PeerAnswer<RecentTicksAnswer>[] = [];
    const isEnough = (all: typeof answers) => {
      answers = [...all];
      return all.some(({ body }) => body.isComplete);
    };
    const asked = this.peers.ask(RECENT_TICKS_QUESTION, question, { waitMs: ANSWERS_MS, isEnough });
    await Promise.race([asked, this.nobodyKnowsMore(asked)]);
    for (const { body } of answers) this.learn(body);
    return answers.every(({ body }) => body.isWhole);
  }

  /** Without anybody who has listened for long, it does not wait for answers: who knows something has told it by then. */
  private async nobodyKnowsMore(asked: Promise<unknown>): Promise<void> {
    await pause(NO_PEERS_MS, this.ended.signal);
    const since = monotonicMs() - this.completeAfterMs;
    const isYoung = ({ listensSince }: PeerInfo) => listensSince !== undefined && listensSince > since;
    if (!this.peers.known().every(isYoung)) await asked;
  }

  private learn({ claims }: RecentTicksAnswer): void {
    const { memory, peers } = this;
    for (const { job, at, by, replica } of claims)
      memory.note(job, { at, by, replica, late: 0, announcedAt: Date.now(), end: undefined }, peers.id);
  }

  private settle(asking: Promise<void>, state: 'known' | 'unknown'): void {
    if (this.asking !== asking) return;
    this.asking = undefined;
    this.state = state;
  }
}
