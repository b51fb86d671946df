type Send = (message: unknown, ...others: unknown[]) => unknown;

/** What is used of `pg`'s connection, or of `pg-native`: what the statements leave by. @internal */
export interface StatementSender {
  /** A text, of both. */
  query?: Send;
  /** Of `pg`: the messages of the extended protocol. */
  parse?: Send;
  bind?: Send;
  sync?: Send;
  /** The texts of `pg`'s named statements, by name. */
  readonly parsedStatements?: Readonly<Record<string, string | undefined>>;
  /** Of `pg-native`: a named statement, and its name alone from then on. */
  prepare?: Send;
}

const NOTHING: readonly string[] = [];

/**
 * What was sent on a connection and is not answered: the texts, by what the server answers with one `ReadyForQuery`.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html
 * @internal
 */
export class SentStatements {
  readonly #unanswered: string[][] = [];
  /** Where further statements go, until they are ended by `Sync`. */
  #open: string[] | undefined;
  readonly #named = new Map<unknown, unknown>();

  constructor(private readonly sender: StatementSender) {
    overhear(sender, 'query', (text) => this.#unanswered.push(textsOf(text)));
    overhear(sender, 'parse', (message) => this.#name(message as { name?: unknown; text?: unknown }));
    overhear(sender, 'bind', (message) => this.#bind((message as { statement?: unknown }).statement));
    overhear(sender, 'sync', () => {
      this.#extended();
      this.#open = undefined;
    });
    overhear(sender, 'prepare', (name, text) => this.#named.set(name, text));
    // `pg` executes a portal, and `pg-native` a statement by its name.
    if (sender.bind === undefined) this.#overhearExecute();
  }

  /** What the server is answering. */
  get answered(): readonly string[] {
    return this.#unanswered[0] ?? NOTHING;
  }

  /** The server is ready for what was sent next. */
  ready(): void {
    if (this.#unanswered.shift() === this.#open) this.#open = undefined;
  }

  #overhearExecute(): void {
    overhear(this.sender as { execute?: Send }, 'execute', (name) =>
      this.#unanswered.push(textsOf(this.#named.get(name))),
    );
  }

  /** The text of an unnamed statement is that of the last one. */
  #name({ name = '', text }: { readonly name?: unknown; readonly text?: unknown }): void {
    this.#named.set(name, text);
  }

  #bind(name: unknown = ''): void {
    const text = this.#named.get(name) ?? this.sender.parsedStatements?.[String(name)];
    this.#extended().push(...textsOf(text));
  }

  #extended(): string[] {
    if (this.#open === undefined) this.#unanswered.push((this.#open = []));
    return this.#open;
  }
}

function textsOf(text: unknown): string[] {
  return typeof text === 'string' ? [text] : [];
}

function overhear<Way extends string>(
  sender: Partial<Record<Way, Send>>,
  way: Way,
  listen: (message: unknown, other: unknown) => void,
): void {
  const send = sender[way];
  if (typeof send !== 'function') return;
  sender[way] = (...messages) => {
    listen(messages[0], messages[1]);
    return send.apply(sender, messages);
  };
}
