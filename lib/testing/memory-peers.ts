import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type {
  AskOptions,
  PeerAnswer,
  PeerInfo,
  PeerMessageKind,
  PeerQuestionKind,
  Peers,
} from '../peers/peers.js';
import { monotonicMs } from '../vocabulary/monotonic.js';

type Listener = (body: unknown, from: PeerInfo) => void;
type Answerer = (body: unknown, from: PeerInfo) => unknown;

/** Who speaks over one lock table. */
const byTable = new WeakMap<object, Set<MemoryPeers>>();

/** The services on one lock table in memory, as peers: what is told is heard before it resolves, in JSON as over the wire. @internal */
export class MemoryPeers implements Peers {
  readonly id = randomBytes(9).toString('base64url');
  listeningSince: number | undefined = monotonicMs();
  isClosed = false;
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly answerers = new Map<string, Set<Answerer>>();
  private readonly all: Set<MemoryPeers>;
  readonly self: PeerInfo;

  constructor(table: object, pid: number) {
    this.all = byTable.get(table) ?? new Set();
    byTable.set(table, this.all.add(this));
    this.self = { id: this.id, pid, pids: [pid], applicationName: '', host: hostname() };
  }

  get attentiveSince(): number | undefined {
    return this.listeningSince;
  }

  keepListening(): () => void {
    return nothing;
  }

  on<Body>(kind: PeerMessageKind<Body>, listener: (body: Body, from: PeerInfo) => void): () => void {
    return added(this.listeners, kind.name, (raw, from) => {
      const body = kind.read(raw);
      if (body !== undefined) listener(body, from);
    });
  }

  tell<Body>(kind: PeerMessageKind<Body>, body: Body): Promise<void> {
    for (const peer of this.others) peer.hear(kind.name, wired(body), this.self);
    return Promise.resolve();
  }

  tellWithin<Body>(kind: PeerMessageKind<Body>, body: Body): Promise<void> {
    return this.tell(kind, body);
  }

  flush(): void {}

  sync(): Promise<void> {
    return Promise.resolve();
  }

  async ask<Question, Answer>(
    kind: PeerQuestionKind<Question, Answer>,
    question: Question,
    { isEnough }: AskOptions<Answer>,
  ): Promise<readonly PeerAnswer<Answer>[]> {
    const answers: PeerAnswer<Answer>[] = [];
    for (const peer of this.others)
      for (const raw of await peer.answersTo(kind.name, wired(question), this.self)) {
        const body = kind.readAnswer(wired(raw));
        if (body !== undefined) answers.push({ body, from: peer.self });
        if (isEnough?.(answers) === true) return answers;
      }
    return answers;
  }

  answer<Question, Answer>(
    kind: PeerQuestionKind<Question, Answer>,
    answerer: (body: Question, from: PeerInfo) => Answer | undefined | Promise<Answer | undefined>,
  ): () => void {
    return added(this.answerers, kind.name, (raw, from) => {
      const question = kind.readQuestion(raw);
      return question === undefined ? undefined : answerer(question, from);
    });
  }

  known(): readonly PeerInfo[] {
    return this.others.map(({ self }) => self);
  }

  maySeeOurs(): Promise<boolean> {
    return Promise.resolve(true);
  }

  onBreak(): () => void {
    return nothing;
  }

  onListening(): () => void {
    return nothing;
  }

  close(): void {
    this.isClosed = true;
    this.listeningSince = undefined;
    this.all.delete(this);
  }

  private get others(): MemoryPeers[] {
    return [...this.all].filter((peer) => peer !== this);
  }

  private hear(kind: string, body: unknown, from: PeerInfo): void {
    for (const listener of this.listeners.get(kind) ?? []) listener(body, from);
  }

  private async answersTo(kind: string, body: unknown, from: PeerInfo): Promise<unknown[]> {
    const given = await Promise.all(
      [...(this.answerers.get(kind) ?? [])].map((answer) => answer(body, from)),
    );
    return given.filter((answer) => answer !== undefined);
  }
}

function added<Entry>(map: Map<string, Set<Entry>>, name: string, entry: Entry): () => void {
  const entries = map.get(name) ?? new Set();
  map.set(name, entries.add(entry));
  return () => void entries.delete(entry);
}

function wired(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body)) as unknown;
}

function nothing(): void {}
