import { randomBytes } from 'node:crypto';
import { isolated } from '../vocabulary/listeners.js';
import type { PeerMessage } from './peer-message.js';
import type { AnswerOptions, AskOptions, PeerAnswer, PeerInfo, PeerQuestionKind } from './peers.js';

/** Answers that many could give are held back for up to so long, and dropped when another has given them. */
const SUPPRESS_WITHIN_MS = 100;

type Send = (message: Pick<PeerMessage, 'kind' | 'asks' | 'answers' | 'body'>) => Promise<void>;

/** A question of ours that is being answered. */
interface Open {
  hear(body: unknown, from: PeerInfo): void;
  /** No more answers come. */
  end(): void;
}

interface Answerer {
  readonly answer: (body: unknown, from: PeerInfo) => unknown;
  readonly suppressed: boolean;
}

/** An answer of ours that is held back, in case that another gives it. */
interface Pending {
  readonly text: string;
  readonly timer: NodeJS.Timeout;
}

/** Questions to peers and answers to theirs. @internal */
export class Questions {
  private readonly open = new Map<string, Open>();
  private readonly answerers = new Map<string, Set<Answerer>>();
  private readonly pending = new Map<string, Set<Pending>>();

  constructor(private readonly send: Send) {}

  async ask<Question, Answer>(
    kind: PeerQuestionKind<Question, Answer>,
    body: Question,
    { waitMs, isEnough }: AskOptions<Answer>,
  ): Promise<readonly PeerAnswer<Answer>[]> {
    const number = randomBytes(9).toString('base64url');
    const answers: PeerAnswer<Answer>[] = [];
    let enough: () => void = nothing;
    const satisfied = new Promise<void>((resolve) => (enough = resolve));
    this.open.set(number, {
      hear(raw, from) {
        const answer = kind.readAnswer(raw);
        if (answer === undefined) return;
        answers.push({ body: answer, from });
        if (isEnough?.(answers) === true) enough();
      },
      end: () => enough(),
    });
    const timer = setTimeout(() => enough(), waitMs);
    try {
      await this.send({ kind: kind.name, asks: number, answers: undefined, body });
      await satisfied;
      return answers;
    } finally {
      clearTimeout(timer);
      this.open.delete(number);
    }
  }

  answer<Question, Answer>(
    kind: PeerQuestionKind<Question, Answer>,
    answerer: (body: Question, from: PeerInfo) => Answer | undefined | Promise<Answer | undefined>,
    { suppressed = false }: AnswerOptions = {},
  ): () => void {
    const own: Answerer = {
      suppressed,
      answer: (raw, from) => {
        const question = kind.readQuestion(raw);
        return question === undefined ? undefined : answerer(question, from);
      },
    };
    const answerers = this.answerers.get(kind.name) ?? new Set();
    this.answerers.set(kind.name, answerers.add(own));
    return () => void answerers.delete(own);
  }

  /** A question of a peer. */
  asked(number: string, { kind, body }: PeerMessage, from: PeerInfo): void {
    for (const { answer, suppressed } of this.answerers.get(kind) ?? [])
      isolated(async () => {
        const given = await answer(body, from);
        if (given === undefined) return;
        if (suppressed) this.holdBack(kind, number, given);
        else await this.give(kind, number, given);
      });
  }

  /** An answer of a peer: to us, or one that makes ours superfluous. */
  answered(number: string, { body }: PeerMessage, from: PeerInfo): void {
    this.open.get(number)?.hear(body, from);
    const text = JSON.stringify(body);
    for (const pending of this.pending.get(number) ?? [])
      if (pending.text === text) this.forget(number, pending);
  }

  /** Gives no more answers, and waits for none. */
  close(): void {
    for (const question of this.open.values()) question.end();
    for (const [number, held] of this.pending) for (const pending of held) this.forget(number, pending);
    this.answerers.clear();
  }

  private holdBack(kind: string, number: string, body: unknown): void {
    const held = this.pending.get(number) ?? new Set();
    const timer = setTimeout(() => {
      this.forget(number, pending);
      isolated(() => this.give(kind, number, body));
    }, Math.random() * SUPPRESS_WITHIN_MS);
    const pending: Pending = { text: JSON.stringify(body), timer };
    this.pending.set(number, held.add(pending));
  }

  private forget(number: string, pending: Pending): void {
    clearTimeout(pending.timer);
    const held = this.pending.get(number);
    held?.delete(pending);
    if (held?.size === 0) this.pending.delete(number);
  }

  /** What cannot be told is not told again: who asks goes by what comes in time. */
  private give(kind: string, number: string, body: unknown): Promise<void> {
    return this.send({ kind, asks: undefined, answers: number, body }).catch(nothing);
  }
}

function nothing(): void {}
