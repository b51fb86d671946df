import { setTimeout as delay } from 'node:timers/promises';
import { PoolerError } from '../../errors/pooler.error.js';
import { ReadReplicaError } from '../../errors/read-replica.error.js';
import { ServerNotSupportedError } from '../../errors/server-not-supported.error.js';
import { RESIGNED } from './fleet-messages.js';
import type { FleetPort, SamplerLock } from './fleet-port.js';

/** Whether this replica samples, relays what another samples, or cannot agree with others and samples for itself. @internal */
export type FleetRole = 'undecided' | 'sampler' | 'relay' | 'alone';

/** How long a database goes unsampled after its sampler has died without a word, at most. */
const TRY_EVERY_MS = 5_000;
const PAUSE_MS = { undecided: 1_000, alone: 60_000, sampler: 0, relay: TRY_EVERY_MS } as const;

/**
 * Which replica samples: the one that holds the lock. *Undecided* until the server was asked first; *sampler* while it has the
 * lock, *relay* while another has it. Where no lock can be acquired (a pooler, a standby) it is *alone*.
 *
 * @internal
 */
export class Election {
  role: FleetRole = 'undecided';
  private readonly ended = new AbortController();
  private again = new AbortController();
  private held: SamplerLock | undefined;
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly port: FleetPort,
    private readonly changed: (role: FleetRole) => void,
  ) {}

  begin(): void {
    this.stops.push(this.port.peers.on(RESIGNED, () => this.again.abort()));
    void this.stand();
  }

  /** Lets the next one sample. Resolves when the lock is released. */
  async end(): Promise<void> {
    if (this.isOver) return;
    this.ended.abort();
    this.again.abort();
    for (const stop of this.stops) stop();
    const { held } = this;
    this.held = undefined;
    if (held === undefined) return;
    await held.release().catch(() => undefined); // it is lost, and free
    await this.port.peers.tell(RESIGNED, {}).catch(() => undefined); // they try by themselves
  }

  private get isOver(): boolean {
    return this.ended.signal.aborted;
  }

  private async stand(): Promise<void> {
    while (!this.isOver) {
      try {
        const lock = await this.port.tryLock();
        if (lock !== null) await this.lead(lock);
        else this.become('relay');
      } catch (error) {
        if (isForLong(error)) this.become('alone');
      }
      await this.pause();
    }
  }

  private async lead(lock: SamplerLock): Promise<void> {
    if (this.isOver) return lock.release();
    this.held = lock;
    this.become('sampler');
    await aborted(AbortSignal.any([lock.signal, this.ended.signal]));
    this.held = undefined;
    this.become('undecided');
    this.again.abort();
  }

  private become(role: FleetRole): void {
    if (this.role === role || this.isOver) return;
    this.role = role;
    this.changed(role);
  }

  private async pause(): Promise<void> {
    this.again = new AbortController();
    // Not all at once.
    const ms = PAUSE_MS[this.role] * (0.6 + Math.random() * 0.4);
    const signal = AbortSignal.any([this.again.signal, this.ended.signal]);
    await delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** What trying again soon does not mend. */
function isForLong(error: unknown): boolean {
  return [PoolerError, ReadReplicaError, ServerNotSupportedError].some((kind) => error instanceof kind);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
