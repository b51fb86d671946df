import type { KeyOp } from '../sql/advisory-lock.js';
import { CommandBatch, triesOf, type StatementCommand, type TryOp } from './lock-command.js';
import type { PipelineDepth } from './pipeline-depth.js';
import type { SharedAnswer } from './shared-answer.js';

/** Where commands go: the session. What it begins to send ends with {@link CommandQueue.answered}. @internal */
export interface CommandSink {
  sendStatement(command: StatementCommand): void;
  sendBatch(batch: CommandBatch): void;
}

/** What a session was asked for and never sent. @internal */
export interface UnsentCommands {
  readonly statements: readonly StatementCommand[];
  readonly batches: readonly CommandBatch[];
}

/** What was sent, and is not answered yet. */
interface Flight {
  readonly sentAt: number;
  readonly allowanceMs: number;
  /** Whether nothing else was under way, and it is small: then the time of its answer is that of the network. */
  readonly isAlone: boolean;
}

/** Up to so many operations take the server no time to speak of. */
const SMALL = 8;

/**
 * What a session was asked for and has not sent yet, and what it has sent and not heard of, in order.
 *
 * Tries and releases gather in batches until the end of the turn, and until there is room for one more statement under way.
 * Other statements go before them, except for one that waits for a lock: what is released before it goes first, and it is sent right
 * behind, so that the session stands in the server's queue again without a round trip in between. It is *held back* while the session is brought back to a known state: then only urgent
 * statements are sent, one after the other.
 *
 * @internal
 */
export class CommandQueue {
  private statements: StatementCommand[] = [];
  private urgent: StatementCommand[] = [];
  private batches: CommandBatch[] = [];
  private readonly flights: Flight[] = [];
  private isScheduled = false;
  private isHeldBack = false;

  constructor(
    private readonly sink: CommandSink,
    private readonly depth: PipelineDepth | undefined,
  ) {}

  /** Whether anything is under way or waits for its turn. */
  get isBusy(): boolean {
    return this.isUnderWay || this.batches.length > 0 || this.statements.length > 0 || this.urgent.length > 0;
  }

  get isUnderWay(): boolean {
    return this.flights.length > 0;
  }

  /** The statement whose answer comes next. */
  get first(): Readonly<Flight> | undefined {
    return this.flights[0];
  }

  /** Gives what those who try in the same statement may await together. */
  try(op: TryOp): SharedAnswer {
    const batch = this.lastBatch;
    batch.addTry(op);
    this.schedule();
    return batch.answer;
  }

  /** Resolves when it is released. */
  release(op: KeyOp): Promise<void> {
    const batch = this.lastBatch;
    batch.addRelease(op);
    this.schedule();
    return batch.released;
  }

  /** Sends at once what there is room for: nothing more of this turn would go with it. */
  flush(): void {
    this.sendAll();
  }

  run(command: StatementCommand, isUrgent = false): void {
    (isUrgent ? this.urgent : this.statements).push(command);
    this.schedule();
  }

  /** Sends nothing but urgent statements until {@link CommandQueue.goOn}. */
  holdBack(): void {
    this.isHeldBack = true;
  }

  /** @param again tries that were under way and are made again, before all others. */
  goOn(again: readonly TryOp[]): void {
    this.isHeldBack = false;
    if (again.length > 0) this.batches.unshift(triesOf(again));
    this.schedule();
  }

  /** Takes out the batches that were not sent. */
  takeBatches(): readonly CommandBatch[] {
    const taken = this.batches;
    this.batches = [];
    return taken;
  }

  /** Takes out everything that was not sent. */
  takeAll(): UnsentCommands {
    const taken = { statements: [...this.urgent, ...this.statements], batches: this.takeBatches() };
    this.urgent = [];
    this.statements = [];
    return taken;
  }

  /** Notes that a statement is being sent. @param size how many operations it carries. */
  sent(now: number, allowanceMs: number, size: number): void {
    const isAlone = this.flights.length === 0 && size <= SMALL && allowanceMs === 0;
    this.flights.push({ sentAt: now, allowanceMs, isAlone });
  }

  /** Notes that the first statement under way was answered. */
  answered(now: number): void {
    const flight = this.flights.shift();
    if (flight !== undefined) this.depth?.measured(now - flight.sentAt, now, flight.isAlone);
    if (this.isBusy) this.schedule();
  }

  private get lastBatch(): CommandBatch {
    const last = this.batches[this.batches.length - 1];
    if (last?.isFull === false) return last;
    const next = new CommandBatch();
    this.batches.push(next);
    return next;
  }

  private get hasRoom(): boolean {
    const { length } = this.flights;
    if (length === 0) return true;
    if (this.isHeldBack || this.depth === undefined || this.flights[length - 1]?.allowanceMs !== 0)
      return false;
    return length < this.depth.value || (length === 1 && (this.isWaitNext || this.isFullNext));
  }

  /** Whether the next statement waits for a lock: nothing is sent behind it. */
  private get isWaitNext(): boolean {
    return this.urgent.length === 0 && this.statements[0]?.allowanceMs === Infinity;
  }

  /** Whether the next batch waits for nothing but room: the server works on it while the answer to the one before is read here. */
  private get isFullNext(): boolean {
    return this.batches[0]?.isFull === true;
  }

  /** Everything asked for until the end of this turn goes into one statement, or into several full ones. */
  private schedule(): void {
    if (this.isScheduled || !this.hasRoom) return;
    this.isScheduled = true;
    setImmediate(this.sendAll);
  }

  private readonly sendAll = (): void => {
    this.isScheduled = false;
    while (this.hasRoom && this.sendNext());
  };

  private sendNext(): boolean {
    const isBatchFirst = this.isWaitNext && this.batches.length > 0;
    const isKept = this.isHeldBack || isBatchFirst;
    const command = this.urgent.shift() ?? (isKept ? undefined : this.statements.shift());
    if (command !== undefined) {
      this.sink.sendStatement(command);
      return true;
    }
    const batch = this.isHeldBack ? undefined : this.batches.shift();
    if (batch !== undefined) this.sink.sendBatch(batch);
    return batch !== undefined;
  }
}
