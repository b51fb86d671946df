/** What is known of one tick at one moment, while its lock is tried or held. @internal */
export interface TickFacts {
  /** The wall clock of this process. */
  readonly now: number;
  /** The instant of the tick. */
  readonly at: number;
  /** How late it may still be run, in milliseconds. */
  readonly windowMs: number;
  /** Whether another process has announced this tick, or a later one. */
  readonly isClaimedByOther: boolean;
  /** Whether the lock is held, and trusted at this moment. */
  readonly isHeld: boolean;
  /** Whether the lock was held without a break since this process last decided on a tick of the job. */
  readonly isHoldContinued: boolean;
  /** Whether all that was committed before the lock was acquired has been heard. */
  readonly isSynced: boolean;
  /** Whether this process has listened since `clockSkew` before the tick. */
  readonly isMemoryComplete: boolean;
  /** What peers that listened over the instant say: `unseen` is an answer, `silent` is none. */
  readonly peers: 'not asked' | 'unseen' | 'silent';
  /** Whether this process listened at the instant itself, or would have, had the server been there. */
  readonly listenedAtTick: boolean;
}

/**
 * What to do next: `lock` take the lock (again), `sync` hear what is under way, `ask` the peers, `announce` and run;
 * or leave it: it is `known` to be run, `missed` (its window is over), or `foreign`: from before this process listened, and
 * none that did has answered that it was not run.
 *
 * @internal
 */
export type TickStep = 'lock' | 'sync' | 'ask' | 'announce' | 'known' | 'missed' | 'foreign';

/** A tick is tried at once by every timer, which may fire a little late, also where it is never to be caught up. */
export const PUNCTUAL_MS = 250;

/**
 * The order that keeps every tick exactly once: lock, decide, announce last. Another replica that has run the tick announced it under
 * the lock, so that with the lock held, everything heard, and nothing missed, what is not known has not been run.
 *
 * @internal
 */
export function nextStep(facts: TickFacts): TickStep {
  if (facts.isClaimedByOther) return 'known';
  if (isOver(facts)) return 'missed';
  if (!facts.isHeld) return 'lock';
  if (facts.isHoldContinued) return 'announce';
  if (!facts.isSynced) return 'sync';
  if (facts.isMemoryComplete || facts.peers === 'unseen') return 'announce';
  if (facts.peers === 'not asked') return 'ask';
  return facts.listenedAtTick ? 'announce' : 'foreign';
}

/** Whether it is too late for a tick. @internal */
export function isOver({ now, at, windowMs }: Pick<TickFacts, 'now' | 'at' | 'windowMs'>): boolean {
  return now > at + Math.max(windowMs, PUNCTUAL_MS);
}
