import { SealedQuestions, type FittedAnswer, type TrustedAnswer } from '../../peers/sealed-questions.js';
import type { PeerInfo } from '../../peers/peers.js';
import type { History } from '../sampling/history.js';
import type { TimelineItem } from '../wire.js';
import { Election, type FleetRole } from './election.js';
import {
  ALL,
  FOLLOW,
  NEWS,
  PULSE,
  RECORDS,
  SAMPLER,
  type Pulse,
  type RecordsAnswer,
  type RecordsQuestion,
} from './fleet-messages.js';
import type { FleetPort } from './fleet-port.js';
import { shown } from './shown-item.js';

/** What the other replicas change here. @internal */
export interface FleetHost {
  /** Whether to sample from now on. */
  sample(on: boolean): void;
  /** The sampling replica has looked: what it saw is what was there, or something else. */
  pulsed(pulse: Pulse, isNew: boolean): void;
  /** What others have seen, and was not known here. */
  learned(items: readonly TimelineItem[]): void;
}

/** What a fleet agrees about. @internal */
export interface FleetInit {
  readonly port: FleetPort;
  readonly host: FleetHost;
  readonly history: History;
  /** Statements are not told to anybody. */
  readonly hideQueries: boolean;
}

const CHECK_EVERY_MS = 1_000;
const FOLLOW_EVERY = 4;
/** A replica that followed so long ago follows no more. */
const FOLLOWED_FOR_MS = 10_000;
/** When nothing was heard for so long, this replica looks for itself. */
const SILENCE_MS = 4_000;
const ANSWER_WITHIN_MS = 500;
const MOST_ITEMS = 64;
const MOST_ROUNDS = 200;

/**
 * The replicas that show one database and keep its history: one of them samples, the others relay it. While a page is open
 * through another replica, the one that samples tells it once a second whether anything has changed; only then the other looks
 * as well. Statements are told only to sessions that could read them at the server, and so that none else can read
 * them; everything else that is told is what any role sees in `pg_locks`.
 *
 * @internal
 */
export class Fleet {
  private readonly election: Election;
  private readonly sealed: SealedQuestions;
  private readonly stops: (() => void)[] = [];
  /** How much of whose history is known here. */
  private readonly cursors = new Map<string, number>();
  private sampler: PeerInfo | undefined;
  private seen: Pick<Pulse, 'sampler' | 'tree'> | undefined;
  private heardAt = -Infinity;
  private followedAt = -Infinity;
  private checks = 0;
  private timer: NodeJS.Timeout | undefined;
  private pulling: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(private readonly init: FleetInit) {
    this.sealed = new SealedQuestions(init.port.peers);
    this.election = new Election(init.port, (role) => this.changed(role));
  }

  get role(): FleetRole {
    return this.election.role;
  }

  begin(): void {
    const { peers } = this.init.port;
    this.stops.push(
      peers.keepListening(),
      peers.on(PULSE, (pulse, from) => this.heard(pulse, from)),
      peers.on(FOLLOW, () => (this.followedAt = performance.now())),
      peers.on(NEWS, (_, from) => this.newsOf(from)),
      this.sealed.answer(RECORDS, (question, _from, trusted) => this.records(question, trusted)),
    );
    this.election.begin();
  }

  /** A page is open at this replica, or none any more. */
  watched(on: boolean): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.checks = 0;
    this.seen = undefined;
    if (!on || this.closed) return;
    this.timer = setInterval(() => this.check(), CHECK_EVERY_MS).unref();
    this.check();
  }

  /** This replica has looked. */
  pulse(pulse: Pulse): void {
    if (this.role !== 'sampler' || performance.now() - this.followedAt > FOLLOWED_FOR_MS) return;
    this.init.port.peers.tell(PULSE, pulse).catch(ignore); // they look for themselves
  }

  /** Something happened here that the one that samples has not seen. */
  news(): void {
    if (this.role === 'relay') this.init.port.peers.tell(NEWS, {}).catch(ignore);
  }

  /** Learns what the one that samples has seen. Never rejects. */
  refresh(): Promise<void> {
    return this.role === 'relay' ? this.pull(SAMPLER, this.sampler?.id ?? null) : Promise.resolve();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.timer);
    await this.election.end();
    for (const stop of this.stops.splice(0)) stop();
  }

  private changed(role: FleetRole): void {
    this.heardAt = performance.now();
    this.init.host.sample(role === 'sampler' || role === 'alone');
    if (role === 'sampler') void this.pull(ALL, null);
  }

  /** Once a second while a page is open. */
  private check(): void {
    if (this.role === 'sampler' || this.role === 'alone') return;
    if (this.checks++ % FOLLOW_EVERY === 0) this.init.port.peers.tell(FOLLOW, {}).catch(ignore);
    if (performance.now() - this.heardAt > SILENCE_MS) this.init.host.sample(true);
  }

  private heard(pulse: Pulse, from: PeerInfo): void {
    this.sampler = from;
    this.heardAt = performance.now();
    if (this.role === 'sampler' || this.role === 'alone' || this.timer === undefined) return;
    this.init.host.sample(false);
    const isNew = this.seen?.sampler !== pulse.sampler || this.seen.tree !== pulse.tree;
    this.seen = pulse;
    this.init.host.pulsed(pulse, isNew);
    if (this.cursors.get(from.id) !== pulse.revision) void this.pull(SAMPLER, from.id);
  }

  private newsOf({ id }: PeerInfo): void {
    if (this.role === 'sampler') void this.pull(id, id);
  }

  private records(
    { to, of, since }: RecordsQuestion,
    trusted: boolean,
  ): FittedAnswer<TimelineItem, RecordsAnswer> | undefined {
    const { history, port, hideQueries } = this.init;
    const { id } = port.peers;
    if (to !== ALL && to !== id && !(to === SAMPLER && this.role === 'sampler')) return undefined;
    const changes = history.changesSince(of === id ? since : 0, MOST_ITEMS);
    return {
      items: changes.items.map((item) => shown(item, { trusted, hideQueries })),
      shorten: (item) => shown(item, { trusted, hideQueries: true }),
      of: (items) => {
        const revision = changes.revisionOf(items.length);
        const more = revision < history.revision && items.length > 0;
        return { revision, more, begun: history.since.getTime(), items };
      },
    };
  }

  /** One after the other, so that nothing is asked for twice. */
  private pull(to: string, of: string | null): Promise<void> {
    this.pulling = this.pulling.then(() => this.pullAll(to, of)).catch(ignore);
    return this.pulling;
  }

  private async pullAll(to: string, of: string | null): Promise<void> {
    for (let round = 0; round < MOST_ROUNDS && !this.closed; round++) {
      const since = of === null ? 0 : (this.cursors.get(of) ?? 0);
      const answers = await this.sealed.ask(
        RECORDS,
        { to, of, since },
        { waitMs: ANSWER_WITHIN_MS, ...(to === ALL ? {} : { isEnough: ({ length }) => length > 0 }) },
      );
      for (const answer of answers) this.learn(answer);
      if (to === ALL) {
        for (const { from, body } of answers) if (body.more) await this.pullAll(from.id, from.id);
        return;
      }
      const [answer] = answers;
      if (answer?.body.more !== true) return;
      of = answer.from.id;
    }
  }

  private learn({ body, from, trusted }: TrustedAnswer<RecordsAnswer>): void {
    const { history, host } = this.init;
    this.cursors.set(from.id, body.revision);
    const learned = history.merge(body.items.map((item) => shown(item, { trusted, hideQueries: false })));
    const seen = learned.flatMap((item) => (item.type === 'wait' ? [item.to ?? item.from] : []));
    history.extend(new Date(body.begun), seen.length === 0 ? null : new Date(Math.max(...seen.map(Number))));
    if (learned.length > 0) host.learned(learned);
  }
}

function ignore(): void {}
