import { randomBytes } from 'node:crypto';
import { LockSessionError } from '../errors/lock-session.error.js';
import { goneBackends, PEER_CHANNEL, seesOurStatements, SYNC_PEERS } from '../sql/peer-channel.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import { Listeners } from '../vocabulary/listeners.js';
import { Attention } from './attention.js';
import { Outbox } from './outbox.js';
import { decodeMessage, encodeMessage, type PeerMessage } from './peer-message.js';
import type { PeerNotification, PeerPort, PeerSession } from './peer-port.js';
import { PeerRoster } from './peer-roster.js';
import type {
  AnswerOptions,
  AskOptions,
  PeerAnswer,
  PeerInfo,
  PeerMessageKind,
  PeerQuestionKind,
  Peers,
} from './peers.js';
import { Presence } from './presence.js';
import { Questions } from './questions.js';

/** Who this process is to its peers. @internal */
export interface PeerIdentity {
  readonly applicationName: string;
  readonly host: string;
}

type Said = Pick<PeerMessage, 'kind' | 'asks' | 'answers' | 'body'>;

/** {@link Peers} over the main lock session of a process. @internal */
export class DatabasePeers implements Peers {
  readonly id = randomBytes(9).toString('base64url');
  listeningSince: number | undefined;
  isClosed = false;

  private readonly outbox: Outbox;
  private readonly roster = new PeerRoster();
  private readonly questions = new Questions((said) => this.send(said));
  private readonly kinds = new Map<string, Listeners<[unknown, PeerInfo]>>();
  private readonly breaks = new Listeners<[]>();
  private readonly resumes = new Listeners<[]>();
  private readonly presence = new Presence(this);
  private readonly attention = new Attention();
  private syncing: Promise<void> | undefined;
  private pid = 0;
  /** Counts the sessions, so that none relies on one for what another has missed. */
  private epoch = 0;

  constructor(
    private readonly port: PeerPort,
    private readonly identity: PeerIdentity,
  ) {
    this.outbox = new Outbox(port);
    port.onNotification(PEER_CHANNEL, (notification) => outsideFlows(() => this.hear(notification)));
    port.onMainOpened((main) => outsideFlows(() => this.resume(main)));
    port.onMainEnded((_main, error) => outsideFlows(() => this.break(error)));
  }

  get attentiveSince(): number | undefined {
    return this.listeningSince === undefined ? undefined : this.attention.attentiveSince;
  }

  get self(): PeerInfo {
    const { pids } = this.port;
    return { id: this.id, pid: this.pid, pids, ...this.identity };
  }

  keepListening(): () => void {
    return outsideFlows(() => {
      const close = this.port.keepOpen();
      const leave = this.presence.enter();
      return () => {
        leave();
        close();
      };
    });
  }

  on<Body>(kind: PeerMessageKind<Body>, listener: (body: Body, from: PeerInfo) => void): () => void {
    const listeners = this.kinds.get(kind.name) ?? new Listeners();
    this.kinds.set(kind.name, listeners);
    return listeners.add((raw, from) => {
      const body = kind.read(raw);
      if (body !== undefined) listener(body, from);
    });
  }

  tell<Body>({ name }: PeerMessageKind<Body>, body: Body): Promise<void> {
    return this.send({ kind: name, asks: undefined, answers: undefined, body });
  }

  tellWithin<Body>({ name }: PeerMessageKind<Body>, body: Body, ms: number): Promise<void> {
    return this.send({ kind: name, asks: undefined, answers: undefined, body }, ms);
  }

  flush(): void {
    outsideFlows(() => this.outbox.send());
  }

  sync(): Promise<void> {
    this.syncing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.syncing = undefined;
      return this.listenOnce();
    });
    return this.syncing;
  }

  ask<Question, Answer>(
    kind: PeerQuestionKind<Question, Answer>,
    body: Question,
    options: AskOptions<Answer>,
  ): Promise<readonly PeerAnswer<Answer>[]> {
    return outsideFlows(() => this.questions.ask(kind, body, options));
  }

  answer<Question, Answer>(
    kind: PeerQuestionKind<Question, Answer>,
    answerer: (body: Question, from: PeerInfo) => Answer | undefined | Promise<Answer | undefined>,
    options?: AnswerOptions,
  ): () => void {
    return this.questions.answer(kind, answerer, options);
  }

  known(): readonly PeerInfo[] {
    return this.roster.list();
  }

  async maySeeOurs(pid: number): Promise<boolean> {
    return (await this.port.runOnMain(seesOurStatements(pid))).length > 0;
  }

  onBreak(listener: () => void): () => void {
    return this.breaks.add(listener);
  }

  onListening(listener: () => void): () => void {
    return this.resumes.add(listener);
  }

  /** Waits for nothing: what closes the session sends what was asked of it before. */
  close(): void {
    this.isClosed = true;
    this.questions.close();
    this.presence.close();
    this.outbox.send();
  }

  /** Forgets peers whose backend is gone. */
  async forgetGone(): Promise<void> {
    const pids = this.roster.list().map(({ pid }) => pid);
    if (pids.length === 0 || this.listeningSince === undefined) return;
    const askedAt = performance.now();
    const rows = await this.port.runOnMain(goneBackends(pids));
    this.roster.dropBackends(new Set(rows.map(({ pid }) => Number(pid))), askedAt);
  }

  /** A peer has said goodbye. */
  forget({ id }: PeerInfo): void {
    this.roster.drop(id);
  }

  /** A peer has said for how long it has listened. */
  noteAge(peer: PeerInfo, ageMs: number): void {
    const now = performance.now();
    this.roster.note(peer, now, { listensSince: now - ageMs });
  }

  private async send(said: Said, withinMs?: number): Promise<void> {
    const { id, port, identity } = this;
    const text = encodeMessage({ ...said, ...identity, id, pids: port.pids });
    const { outbox } = this;
    await outsideFlows(() =>
      withinMs === undefined ? outbox.tell(text) : outbox.tellWithin(text, withinMs),
    );
  }

  private async listenOnce(): Promise<void> {
    const { epoch } = this;
    const lost = () => new LockSessionError('Nothing is listening to peers.');
    if (this.listeningSince === undefined) throw lost();
    await this.port.runOnMain(SYNC_PEERS);
    if (this.epoch !== epoch) throw lost();
  }

  private resume({ pid, serverUptimeMs, trustMs }: PeerSession): void {
    const now = performance.now();
    this.outbox.begin(trustMs);
    this.pid = pid;
    this.epoch++;
    this.listeningSince = now;
    this.attention.begin(now, now - serverUptimeMs);
    this.resumes.tell();
  }

  private break(error: Error): void {
    this.epoch++;
    this.listeningSince = undefined;
    this.attention.end(performance.now(), error);
    this.breaks.tell();
  }

  private hear({ pid, payload }: PeerNotification): void {
    const message = decodeMessage(payload);
    if (message === undefined || message.id === this.id) return;
    const { id, applicationName, host, pids } = message;
    const from = Object.freeze({
      id,
      pid,
      pids: pids.includes(pid) ? pids : [pid, ...pids],
      applicationName,
      host,
    });
    this.roster.note(from, performance.now());
    if (message.answers !== undefined) this.questions.answered(message.answers, message, from);
    else if (message.asks !== undefined) this.questions.asked(message.asks, message, from);
    else this.kinds.get(message.kind)?.tell(message.body, from);
  }
}
