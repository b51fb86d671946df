import { WIRE } from './wire-message.js';
import type { WirePiece } from './wire-splitter.js';

/** A message on its way to the server, and what becomes of its answer. @internal */
export interface Expected {
  readonly kind: 'parse' | 'bind' | 'describe' | 'execute' | 'close' | 'sync' | 'query';
  /** Asked by the tracer: the tool does not see the answer. */
  readonly own: boolean;
  /** Whether `onAnswer` may take answers away from the tool. */
  readonly keeps?: boolean;
  /** Called with each answer to it; true takes the answer away from the tool. */
  readonly onAnswer?: (answer: WirePiece) => boolean;
}

/** Of messages of the extended protocol, by their letters. @internal */
export const EXPECTED_KIND: Readonly<Record<number, Expected['kind']>> = {
  [WIRE.parse]: 'parse',
  [WIRE.bind]: 'bind',
  [WIRE.describe]: 'describe',
  [WIRE.execute]: 'execute',
  [WIRE.close]: 'close',
};

const ENDS: Readonly<Record<Expected['kind'], ReadonlySet<number>>> = {
  parse: new Set([WIRE.parseComplete]),
  bind: new Set([WIRE.bindComplete]),
  close: new Set([WIRE.closeComplete]),
  describe: new Set([WIRE.rowDescription, WIRE.noData]),
  execute: new Set([WIRE.commandComplete, WIRE.emptyQuery, WIRE.portalSuspended]),
  sync: new Set([WIRE.ready]),
  query: new Set([WIRE.ready]),
};

/**
 * What the server still owes answers to, in order: it answers one message after the other, and after an error skips to the next
 * Sync.
 *
 * @internal
 */
export class ExpectedAnswers {
  readonly #queue: Expected[] = [];
  #isSkipping = false;

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** Behind an error the server ignores what comes, up to a Sync that is still to be sent. */
  get isSkipping(): boolean {
    return this.#isSkipping;
  }

  /** Whether the tool gets all that the server owes. */
  get arePassed(): boolean {
    for (const { own, keeps } of this.#queue) if (own || keeps === true) return false;
    return true;
  }

  get head(): Expected | undefined {
    return this.#queue[0];
  }

  add(expected: Expected): void {
    if (expected.kind === 'sync') this.#isSkipping = false;
    if (!this.#isSkipping) this.#queue.push(expected);
  }

  /** Takes a message of the server; notices and the like belong to nothing. @returns what it answers. */
  take(type: number): Expected | undefined {
    const head = this.#queue[0];
    if (head === undefined) return undefined;
    if (type === WIRE.error) return this.#failed(head);
    if (ENDS[head.kind].has(type)) this.#queue.shift();
    return head;
  }

  /** In COPY from the tool the server ignores what was sent behind the Execute, Sync included. */
  forgetSyncs(): void {
    const [head] = this.#queue;
    if (head?.kind === 'execute') this.#queue.splice(1);
  }

  #failed(head: Expected): Expected {
    if (head.kind === 'query' || head.kind === 'sync') return head;
    const sync = this.#queue.findIndex(({ kind }) => kind === 'sync');
    this.#isSkipping = sync === -1;
    this.#queue.splice(0, sync === -1 ? this.#queue.length : sync);
    return head;
  }
}
