import { monotonicMs } from '../vocabulary/monotonic.js';
import type { JobsContext } from './jobs-context.js';
import type { TickFacts } from './next-step.js';
import { TICK_QUESTION, type TickAnswer } from './tick-messages.js';

/** For how long answers of peers are awaited; where no peer is known, there is hardly one to answer. */
const ANSWERS_MS = 1_000;
const NO_PEERS_MS = 400;
/** Answers are delayed by up to 100 ms, so that not all answer. */
const LEAST_ANSWERS_MS = 250;

/** What this process knows of the ticks of one job, and what it learns from its peers. @internal */
export class TickKnowledge {
  constructor(
    private readonly identity: string,
    private readonly windowMs: () => number,
    private readonly context: JobsContext,
  ) {}

  facts(at: number): Pick<TickFacts, 'isClaimedByOther' | 'isMemoryComplete' | 'listenedAtTick'> {
    const { peers, options, recent, ledger } = this.context;
    const tickMs = monotonicMs() - (Date.now() - at);
    const since = peers.listeningSince ?? Infinity;
    const listened = since <= tickMs;
    const hasHeardAll = since <= tickMs - options.clockSkewMs || (listened && recent.areKnown);
    // A restart of the server cuts off all replicas: the one that announced it since, is there to say so.
    const listenedAtTick = (peers.attentiveSince ?? Infinity) <= tickMs;
    return {
      isClaimedByOther: this.isClaimedByOther(at),
      isMemoryComplete: hasHeardAll || ledger !== undefined,
      listenedAtTick,
    };
  }

  /**
   * Asks peers for a tick: `unseen` is the answer of one that listened over its instant. What was asked when this session began
   * to listen is not asked again: of a tick that came later, everything else was heard.
   */
  async ask(at: number): Promise<'unseen' | 'silent'> {
    const { peers } = this.context;
    if ((peers.listeningSince ?? Infinity) <= monotonicMs() - (Date.now() - at)) {
      await this.context.recent.whenKnown(this.patienceMs(at));
      const { isClaimedByOther, isMemoryComplete } = this.facts(at);
      if (isClaimedByOther || isMemoryComplete) return 'silent';
    }
    // A question must not outlast the tick that it is about: answers come within a moment, where there are any.
    const patientMs = peers.known().length === 0 ? NO_PEERS_MS : ANSWERS_MS;
    const waitMs = Math.min(patientMs, this.patienceMs(at));
    const question = { job: this.identity, at };
    const answers = await peers.ask(TICK_QUESTION, question, { waitMs, isEnough: (all) => all.length > 0 });
    for (const { body } of answers) this.learn(body, at);
    return answers.length > 0 && !this.isClaimedByOther(at) ? 'unseen' : 'silent';
  }

  private patienceMs(at: number): number {
    const leftMs = at + this.windowMs() - Date.now();
    return Math.max(LEAST_ANSWERS_MS, leftMs / 2);
  }

  private isClaimedByOther(at: number): boolean {
    const { memory, peers, believableUntil } = this.context;
    return memory.claimedByOther(this.identity, at, peers.id, believableUntil()) !== undefined;
  }

  private learn({ by, at, replica }: TickAnswer, asked: number): void {
    if (by === null) return;
    const { memory, peers } = this.context;
    const claim = { at: at || asked, by, replica, late: 0, announcedAt: Date.now(), end: undefined };
    memory.note(this.identity, claim, peers.id);
  }
}
