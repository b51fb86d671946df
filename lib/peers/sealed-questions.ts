import { isRecord } from './peer-message.js';
import type { AskOptions, PeerAnswer, PeerInfo, PeerQuestionKind, Peers } from './peers.js';
import { Seal } from './seal.js';

/** What fits into one answer beside the envelope, sealed. */
const MOST_CHARACTERS = 6_400;

interface SealedQuestion {
  readonly key: string;
  readonly asked: unknown;
}

interface SealedAnswer {
  readonly key: string;
  readonly box: string;
}

/** A kind of question whose answers only the asker can read. @internal */
export interface SealedKind<Question, Answer> {
  readonly name: string;
  readonly readQuestion: (body: unknown) => Question | undefined;
  readonly readAnswer: (body: unknown) => Answer | undefined;
}

/** An answer, and whether it comes from a session that may see what ours do: for that the server vouches. @internal */
export interface TrustedAnswer<Answer> extends PeerAnswer<Answer> {
  readonly trusted: boolean;
}

/** An answer that is made of items, as many as fit. @internal */
export interface FittedAnswer<Item, Answer> {
  readonly items: readonly Item[];
  /** For an item that does not fit by itself. */
  readonly shorten: (item: Item) => Item;
  /** The answer of the first so many. */
  readonly of: (items: readonly Item[]) => Answer;
}

/** Questions to peers whose answers no other process can read. @internal */
export class SealedQuestions {
  private made: Seal | undefined;

  constructor(private readonly peers: Peers) {}

  /** Made with the first question, since keys cost as much as a few connections. */
  private get seal(): Seal {
    return (this.made ??= new Seal());
  }

  /**
   * Answers with the most items, from the first on, that fit into one message. `trusted` tells whether the server would show
   * the asker what our sessions do; others are to learn no more here.
   */
  answer<Question, Item, Answer>(
    kind: SealedKind<Question, Answer>,
    answerer: (
      question: Question,
      from: PeerInfo,
      trusted: boolean,
    ) => FittedAnswer<Item, Answer> | undefined,
  ): () => void {
    return this.peers.answer(questionKind(kind.name), async ({ key, asked }, from) => {
      const question = kind.readQuestion(asked);
      if (question === undefined) return undefined;
      const answer = answerer(question, from, await this.isTrusted(from));
      if (answer === undefined) return undefined;
      const box = this.fit(answer, key);
      return box === undefined ? undefined : { key: this.seal.publicKey, box };
    });
  }

  async ask<Question, Answer>(
    kind: SealedKind<Question, Answer>,
    question: Question,
    options: Pick<AskOptions<SealedAnswer>, 'waitMs' | 'isEnough'>,
  ): Promise<readonly TrustedAnswer<Answer>[]> {
    const asked = { key: this.seal.publicKey, asked: question };
    const answers = await this.peers.ask(questionKind(kind.name), asked, options);
    const opened = answers.flatMap(({ body: { key, box }, from }) => {
      const text = this.seal.open(box, key);
      const body = text === undefined ? undefined : kind.readAnswer(parsed(text));
      return body === undefined ? [] : [{ body, from }];
    });
    return Promise.all(
      opened.map(async (answer) => ({ ...answer, trusted: await this.isTrusted(answer.from) })),
    );
  }

  private fit<Item, Answer>(
    { items, shorten, of }: FittedAnswer<Item, Answer>,
    reader: string,
  ): string | undefined {
    const halves = [];
    for (let count = items.length; count > 0; count = Math.floor(count / 2))
      halves.push(items.slice(0, count));
    for (const some of [...halves, items.slice(0, 1).map(shorten), []]) {
      const box = this.seal.close(JSON.stringify(of(some)), reader);
      if (box.length <= MOST_CHARACTERS) return box;
    }
    return undefined;
  }

  private async isTrusted({ pid }: PeerInfo): Promise<boolean> {
    return this.peers.maySeeOurs(pid).catch(() => false);
  }
}

function questionKind(name: string): PeerQuestionKind<SealedQuestion, SealedAnswer> {
  return {
    name,
    readQuestion: (body) =>
      isRecord(body) && typeof body['key'] === 'string'
        ? { key: body['key'], asked: body['asked'] }
        : undefined,
    readAnswer: (body) =>
      isRecord(body) && typeof body['key'] === 'string' && typeof body['box'] === 'string'
        ? { key: body['key'], box: body['box'] }
        : undefined,
  };
}

/** Also a stranger can seal what it likes for us. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
