import type { TransactionStep } from './transaction-steps.js';

interface Savepoint {
  readonly name: string;
  readonly moment: number;
}

/**
 * The savepoints of the transaction that is open on a client: what came after one is taken back when the transaction is rolled
 * back to it. A savepoint that was not seen to begin is older than everything.
 *
 * @see https://www.postgresql.org/docs/current/sql-rollback-to.html
 * @internal
 */
export class Savepoints {
  #open: Savepoint[] = [];
  #now = 0;

  /** The moment between two savepoints. */
  get now(): number {
    return this.#now;
  }

  /** When the innermost began: what a failed statement has taken back came in that moment or later. */
  get innermost(): number {
    return this.#open.at(-1)?.moment ?? 0;
  }

  /** @returns the moment since which everything is taken back; undefined where nothing is. */
  apply(step: TransactionStep): number | undefined {
    switch (step.kind) {
      case 'savepoint':
        this.#open.push({ name: step.name, moment: ++this.#now });
        return undefined;
      case 'release':
        this.#open.splice(Math.max(0, this.#lastOf(step.name)));
        return undefined;
      case 'rollback to':
        return this.#rollBackTo(step.name);
      case 'end':
        this.#open = [];
        this.#now = 0;
        return 0;
    }
  }

  #rollBackTo(name: string): number {
    const position = this.#lastOf(name);
    // It stays, to be rolled back to again.
    this.#open.splice(position + 1);
    return this.#open[position]?.moment ?? 0;
  }

  #lastOf(name: string): number {
    return this.#open.findLastIndex((one) => one.name === name);
  }
}
