import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { LockHandle } from '../locks/lock-handle.js';
import { isolated } from '../vocabulary/listeners.js';
import type { ResolvedLeadOptions } from './lead-options.js';
import type { Leadership } from './leadership.js';
import { isHopeless } from '../session/reachability.js';
import { jittered } from '../vocabulary/jittered.js';
import { pause } from '../vocabulary/pause.js';
import { onAbort } from '../vocabulary/wait-abort.js';
import { Term } from './term.js';

/** For how long others go first after a resignation. */
const OTHERS_FIRST_MS = 1_000;
/** The first pause after a loss, or after the lock could not be asked for. */
const STAND_AGAIN_MS = { first: 50, most: 1_000 };

/** How a term came to its end. @internal */
export type TermEnd = 'finished' | 'failed' | 'resigned' | 'lost';

/** What a candidacy asks of the leaders of its database. @internal */
export interface CandidacyHost {
  /** Waits until the name is led by this process; `null` when the signal has aborted. */
  elect(name: string, signal: AbortSignal): Promise<LockHandle | null>;
  onElected(term: Term): void;
  onLost(term: Term, error: Error): void;
  /** Pauses for so long, or until a session is open again: the server was away. */
  outlast(ms: number, signal: AbortSignal): Promise<void>;
  /** The lock is released. */
  onEnded(term: Term, how: Exclude<TermEnd, 'lost'>, error: unknown): void;
}

type Settled<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: unknown };

/**
 * One wish to lead a name: *standing by*, then *leading*, and after a loss or a resignation standing by again; *over* when the
 * work has returned, has failed too often, or when it is stopped.
 *
 * @internal
 */
export class Candidacy<Result> {
  /** What this process leads at the moment. */
  term: Term | undefined;
  private readonly stopping = new AbortController();
  private errors = 0;
  private losses = 0;
  /** Whether the database has answered before: then what is wrong with it now may be a failover. */
  private wasElected = false;

  constructor(
    private readonly host: CandidacyHost,
    readonly name: string,
    private readonly options: ResolvedLeadOptions,
    private readonly work: (leadership: Leadership) => Result | Promise<Result>,
  ) {}

  /** Stands by no more, and resigns. */
  stop(): void {
    this.stopping.abort();
    void this.term?.resign();
  }

  /** What the work returns; `undefined` when it was stopped. */
  async run(): Promise<Result | undefined> {
    const { signal } = this.options;
    const stop = () => this.stop();
    signal?.throwIfAborted();
    const stopListening = signal === undefined ? undefined : onAbort(signal, stop);
    try {
      const settled = await this.leadAgainAndAgain();
      signal?.throwIfAborted();
      if (settled === undefined) return undefined;
      if (settled.ok) return settled.value;
      throw settled.error;
    } finally {
      stopListening?.();
    }
  }

  private async leadAgainAndAgain(): Promise<Settled<Result> | undefined> {
    while (!this.isStopped) {
      const term = await this.begin();
      if (term === undefined) continue;
      const settled = await this.serve(term);
      if (!term.isLost && !term.isResigned) return settled;
      await this.rest(term);
    }
    return undefined;
  }

  private get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Waits for the lead; `undefined` when it was stopped, or could not be acquired now. */
  private async begin(): Promise<Term | undefined> {
    const { signal } = this.stopping;
    let lock: LockHandle | null = null;
    try {
      lock = await this.host.elect(this.name, signal);
      if (lock === null) return undefined;
      this.wasElected = true;
      const number = await lock.fencingToken();
      if (!this.isStopped)
        return this.elected(new Term(this.name, number, lock, (...loss) => this.lost(...loss)));
    } catch (error) {
      if (this.isStopped) return undefined;
      if (error instanceof PgLockUsageError || (!this.wasElected && isHopeless(error))) throw error;
      await this.host.outlast(this.nextPauseMs(), this.stopping.signal);
    }
    await lock?.release();
    return undefined;
  }

  private elected(term: Term): Term {
    this.term = term;
    this.host.onElected(term);
    isolated(() => this.options.onElected?.(term));
    return term;
  }

  /** Runs the work until the term ends, and gives the lock back. */
  private async serve(term: Term): Promise<Settled<Result>> {
    let settled = await this.attempt(term);
    while (!settled.ok && !isEnding(term) && this.errors < this.options.giveUpAfter) {
      await pause(this.backOffMs, term.signal);
      if (!isEnding(term)) settled = await this.attempt(term);
    }
    this.term = undefined;
    const { isLost, isResigned } = term;
    await term.end();
    if (isLost) return settled;
    isolated(() => this.options.onResigned?.(term));
    if (isResigned) this.host.onEnded(term, 'resigned', undefined);
    else if (settled.ok) this.host.onEnded(term, 'finished', undefined);
    else this.host.onEnded(term, 'failed', settled.error);
    return settled;
  }

  private async attempt(term: Term): Promise<Settled<Result>> {
    const startedAt = performance.now();
    try {
      return { ok: true, value: await term.run(async (leadership) => this.work(leadership)) };
    } catch (error) {
      const wasLong = performance.now() - startedAt > this.options.longestPauseMs;
      this.errors = wasLong ? 1 : this.errors + 1;
      return { ok: false, error };
    }
  }

  private get backOffMs(): number {
    const { firstPauseMs, longestPauseMs } = this.options;
    return jittered(Math.min(firstPauseMs * 2 ** (this.errors - 1), longestPauseMs));
  }

  private lost(term: Term, error: Error): void {
    this.host.onLost(term, error);
    isolated(() => this.options.onLost?.(term, error));
  }

  /** Others go first. */
  private async rest(term: Term): Promise<void> {
    this.errors = 0;
    if (!term.isLost) this.losses = 0;
    await pause(term.isLost ? this.nextPauseMs() : OTHERS_FIRST_MS, this.stopping.signal);
  }

  private nextPauseMs(): number {
    return jittered(Math.min(STAND_AGAIN_MS.first * 2 ** this.losses++, STAND_AGAIN_MS.most));
  }
}

function isEnding({ signal }: Term): boolean {
  return signal.aborted;
}
