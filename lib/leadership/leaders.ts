import type { AdvisoryLocks } from '../locks/advisory-locks.js';
import type { LockHandle } from '../locks/lock-handle.js';
import type { LockNames } from '../locks/lock-names.js';
import { askPages } from '../peers/paged.js';
import { nextListening } from '../peers/next-listening.js';
import type { AssertPeers, Peers } from '../peers/peers.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import { assertWork } from '../vocabulary/assert-work.js';
import { closedError } from '../vocabulary/closed-error.js';
import { Candidacy, type CandidacyHost, type TermEnd } from './candidacy.js';
import { leaderName, resolveLeadOptions, type LeadOptions } from './lead-options.js';
import { leadersPage, RESIGNED, WHO_LEADS, type LeaderReport } from './leader-messages.js';
import { leaderStatuses } from './leader-statuses.js';
import { leaderId, type LeaderStatus } from './leader-status.js';
import type { Leadership } from './leadership.js';
import { pause } from '../vocabulary/pause.js';
import { SharedPoll } from './shared-poll.js';
import type { Term } from './term.js';

/** Whatever the module's defaults for locks are: a lead has no other end than its own. */
const WHOLE_TERM = { onContention: 'skip', holdAtLeast: 0, maxHold: Number.MAX_SAFE_INTEGER } as const;

/** What leading stands on. @internal */
export interface LeadersInit {
  readonly advisory: Pick<AdvisoryLocks, 'acquire' | 'status'>;
  readonly names: LockNames;
  readonly peers: Peers;
  /** @throws {ReadReplicaError} where there are no peers. */
  readonly assertPeers?: AssertPeers;
  readonly emit: EventSink;
}

/**
 * The leaders of one database: `pglock.leaders`.
 *
 * @publicApi
 */
export class Leaders {
  readonly #init: LeadersInit;
  readonly #host: CandidacyHost;
  readonly #candidacies = new Map<Candidacy<unknown>, Promise<unknown>>();
  readonly #poll = new SharedPoll();
  #closed = false;

  /** @internal */
  constructor(init: LeadersInit) {
    this.#init = init;
    this.#host = {
      elect: (name, signal) => this.#elect(name, signal),
      onElected: ({ name, term, pid }) => init.emit({ type: 'leaderElected', name, term, pid }),
      onLost: ({ name, term, pid }, error) => init.emit({ type: 'leaderLost', name, term, pid, error }),
      outlast: (ms, signal) => nextListening(init.peers, ms, signal),
      onEnded: (term, how, error) => this.#ended(term, how, error),
    };
    init.peers.answer(WHO_LEADS, ({ page }) => leadersPage(this.#reports(), page));
    init.peers.on(RESIGNED, (name) => {
      if (this.#stands(name)) this.#poll.wake();
    });
  }

  /**
   * Lists the names that are led: the leader of each, and how many processes stand by, as reported by this process and by all
   * others that answer within a second.
   *
   * Sends one `NOTIFY`, on a lock session, which it opens if there is none.
   *
   * @throws {PgLockUsageError} after the shutdown.
   * @see https://www.postgresql.org/docs/current/sql-notify.html
   */
  async find(): Promise<LeaderStatus[]> {
    const { peers } = this.#init;
    const stop = peers.keepListening();
    try {
      const answers = await askPages(peers, WHO_LEADS);
      const theirs = answers.map(({ body, from }) => ({ leaders: body.leaders, from }));
      const own = { leaders: this.#reports(), from: peers.self };
      return leaderStatuses(own, theirs, (name) => this.#init.names.keyOf(leaderId(name)).toAdvisoryKey());
    } finally {
      stop();
    }
  }

  /** Whether nothing is led any more. @internal */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Whether this process leads the name at this moment. @internal */
  isLeader(name: string): boolean {
    const asked = leaderName(name);
    for (const candidacy of this.#candidacies.keys())
      if (candidacy.name === asked && candidacy.term?.held === true) return true;
    return false;
  }

  /** Leads the name whenever no other process does. @internal */
  lead<Result>(
    name: string,
    options: LeadOptions | undefined,
    work: ((leadership: Leadership) => Result | Promise<Result>) | undefined,
  ): Promise<Result | undefined> {
    const named = leaderName(name);
    const resolved = resolveLeadOptions(options);
    assertWork(work, 'lead(name, options, work)');
    this.#init.assertPeers?.('leaders');
    if (this.#closed) return Promise.reject(closedError());
    const candidacy = new Candidacy(this.#host, named, resolved, work);
    return outsideFlows(() => this.#run(candidacy));
  }

  /** All resign, and none stands by any more: the first step of a shutdown. @internal */
  stop(): void {
    this.#closed = true;
    for (const candidacy of this.#candidacies.keys()) candidacy.stop();
    this.#poll.wake();
  }

  /** Stops, and waits for the works, for at most so long. @internal */
  async close(timeoutMs: number): Promise<void> {
    this.stop();
    const over = new AbortController();
    const works = Promise.allSettled(this.#candidacies.values()).then(() => over.abort());
    await Promise.race([works, pause(timeoutMs, over.signal)]);
  }

  async #run<Result>(candidacy: Candidacy<Result>): Promise<Result | undefined> {
    const stopListening = this.#init.peers.keepListening();
    const running = candidacy.run();
    this.#candidacies.set(candidacy, running);
    try {
      return await running;
    } finally {
      this.#candidacies.delete(candidacy);
      stopListening();
    }
  }

  /** Stands in the server's queue on a connection of its own, as long as there is one; else tries from time to time. */
  async #elect(name: string, signal: AbortSignal): Promise<LockHandle | null> {
    const { advisory } = this.#init;
    const id = leaderId(name);
    while (!signal.aborted) {
      const lock = await advisory.acquire(id, { ...WHOLE_TERM, timeout: 0 });
      if (lock !== null) return lock;
      const { sessions, maxSessions } = advisory.status();
      if (sessions < maxSessions) return advisory.acquire(id, { ...WHOLE_TERM, timeout: null, signal });
      await this.#poll.next(signal);
    }
    return null;
  }

  #ended({ name, term, pid }: Term, how: Exclude<TermEnd, 'lost'>, error: unknown): void {
    const { emit, peers } = this.#init;
    emit({ type: 'leaderResigned', name, term, pid, reason: how, error });
    peers.tell(RESIGNED, name).catch(() => undefined); // they try by themselves
  }

  #stands(name: string): boolean {
    for (const candidacy of this.#candidacies.keys()) if (candidacy.name === name) return true;
    return false;
  }

  #reports(): LeaderReport[] {
    return Array.from(this.#candidacies.keys(), ({ name, term }) => ({
      name,
      leads:
        term?.held === true
          ? { since: term.since.getTime(), term: String(term.term), pid: term.pid }
          : undefined,
    }));
  }
}
