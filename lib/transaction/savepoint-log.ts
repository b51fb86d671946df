type Send = (message: unknown, ...others: unknown[]) => unknown;

/** What is used of `pg`'s connection, or of `pg-native`: what the statements leave by. @internal */
export interface StatementSender {
  query?: Send;
  parse?: Send;
}

interface Savepoint {
  readonly name: string;
  readonly moment: number;
}

const STEP =
  /\b(?:(ROLLBACK)\s+(?:(?:WORK|TRANSACTION)\s+)?TO(?:\s+SAVEPOINT)?|(RELEASE)(?:\s+SAVEPOINT)?|SAVEPOINT)\s+("(?:[^"]|"")+"|[^\s;"]+)/gi;
const MAY_HOLD_ONE = /savepoint|rollback|release/i;
/** Longer texts are no statements about savepoints. */
const LONGEST = 500;

/**
 * The savepoints of the transaction that is open on a `pg` client, as the statements tell that leave by its connection: what
 * came after one is taken back when the transaction is rolled back to it. A savepoint that was not seen to begin is older than
 * everything.
 *
 * @see https://www.postgresql.org/docs/current/sql-rollback-to.html
 * @internal
 */
export class SavepointLog {
  #open: Savepoint[] = [];
  #now = 0;

  /** @param onTakenBack told of a moment: what came in it or later is taken back. */
  constructor(
    sender: StatementSender,
    private readonly onTakenBack: (since: number) => void,
  ) {
    overhear(sender, 'query', (text) => this.#read(text));
    overhear(sender, 'parse', (statement) => this.#read((statement as { text?: unknown }).text));
  }

  /** The moment between two savepoints. */
  get now(): number {
    return this.#now;
  }

  /** The transaction has ended. */
  forget(): void {
    this.#open = [];
    this.#now = 0;
  }

  #read(text: unknown): void {
    if (typeof text !== 'string' || text.length > LONGEST || !MAY_HOLD_ONE.test(text)) return;
    for (const [, rollback, release, name = ''] of text.matchAll(STEP)) {
      const known = nameOf(name);
      if (rollback !== undefined) this.#rollBackTo(known);
      else if (release === undefined) this.#open.push({ name: known, moment: ++this.#now });
      else this.#open.splice(Math.max(0, this.#lastOf(known)));
    }
  }

  #rollBackTo(name: string): void {
    const position = this.#lastOf(name);
    // It stays, to be rolled back to again.
    this.#open.splice(position + 1);
    this.onTakenBack(this.#open[position]?.moment ?? 0);
  }

  #lastOf(name: string): number {
    return this.#open.findLastIndex((one) => one.name === name);
  }
}

/** As the server reads a name: in lower case, unless it is quoted. */
function nameOf(written: string): string {
  return written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written.toLowerCase();
}

function overhear(
  sender: StatementSender,
  way: keyof StatementSender,
  listen: (message: unknown) => void,
): void {
  const send = sender[way];
  if (typeof send !== 'function') return;
  sender[way] = (message, ...others) => {
    listen(message);
    return send.call(sender, message, ...others);
  };
}
