import type { Peers } from '../../peers/peers.js';

/** A lock that is held until it is released, or lost. @internal */
export interface SamplerLock {
  /** Aborts when the lock is lost. */
  readonly signal: AbortSignal;
  release(): Promise<void>;
}

/** What replicas use to agree on who samples a database. @internal */
export interface FleetPort {
  readonly peers: Peers;
  /** Tries for the lock of the one that samples, once; null while another has it. */
  tryLock(): Promise<SamplerLock | null>;
}
