/** One step of a random program; numbers are taken modulo what there is to choose from. */
export interface Step {
  readonly kind: 'open' | 'want' | 'close';
  /** In the flow of which work, open or over, the call is made, if of any. Or which work to close. */
  readonly at: number;
  readonly key: number;
  readonly process: number;
  readonly shared: boolean;
  readonly reentrant: boolean;
  /** Whether key and process are those of the work in whose flow the call is made. */
  readonly isSame: boolean;
  readonly via: Way;
}

/** How a call comes to its flow. */
export type Way = 'call' | 'timer' | 'listener' | 'queue' | 'bottleneck';

/** What becomes of a call that tries once. */
export type Outcome = 'held' | 'refused' | 'usage';

/** A work in the model: its lock, and where it was called. */
export class ModelWork {
  /** Whether the work still runs. */
  active = false;
  readonly nested = new Set<ModelWork>();
  /** The work under whose lock it runs. */
  outer: ModelWork | undefined;

  constructor(
    readonly number: number,
    readonly key: number,
    readonly process: number,
    readonly shared: boolean,
    /** In whose flow it was called. */
    readonly caller: ModelWork | undefined,
  ) {}

  /** The innermost work of its callers, itself included, that runs under a lock of that key. */
  find(key: number, process: number): ModelWork | undefined {
    if (this.active && this.key === key && this.process === process) return this;
    return this.caller?.find(key, process);
  }

  /** Whether any of its callers runs under a lock of that key, of whatever process. */
  touches(key: number): boolean {
    return (this.active && this.key === key) || (this.caller?.touches(key) ?? false);
  }
}

/** The rules of `API.md` §2 for two processes, without any server: who gets what. */
export class NestingModel {
  /** Every work so far, in the order of their calls. */
  readonly works: ModelWork[] = [];
  /** The one work that waits for its lock. */
  waiting: ModelWork | undefined;
  private readonly roots = new Set<ModelWork>();

  /** A call that tries once. */
  open(work: ModelWork, reentrant: boolean): Outcome {
    const outer = reentrant ? work.caller?.find(work.key, work.process) : undefined;
    if (outer?.shared === true && !work.shared) return 'usage';
    if (!this.admits(work, outer)) return 'refused';
    this.grant(work, outer);
    return 'held';
  }

  /** A call that waits; whether it may be made at all: it must have to wait, and not for itself. */
  want(work: ModelWork, reentrant: boolean): boolean {
    const { caller, key, process } = work;
    const outer = reentrant ? caller?.find(key, process) : undefined;
    if (this.waiting !== undefined || work.shared || outer?.shared === true) return false;
    if (outer === undefined && caller?.touches(key) === true) return false;
    if (this.admits(work, outer)) return false;
    work.outer = outer;
    this.waiting = work;
    return true;
  }

  /** A work ends; gives the one that waited and has its lock now. */
  close(work: ModelWork): ModelWork | undefined {
    work.active = false;
    this.leave(work);
    const { waiting } = this;
    if (waiting === undefined) return undefined;
    while (waiting.outer?.active === false) waiting.outer = waiting.outer.outer;
    if (!this.isFree(waiting, waiting.outer)) return undefined;
    this.waiting = undefined;
    this.grant(waiting, waiting.outer);
    return waiting;
  }

  /** A reader that comes while a writer waits behind readers is let in or not by the clock. */
  isUncertain({ key, shared }: ModelWork): boolean {
    return shared && this.waiting?.key === key && [...this.holders(key)].every((holder) => holder.shared);
  }

  private admits(work: ModelWork, outer: ModelWork | undefined): boolean {
    const { waiting } = this;
    if (waiting?.key === work.key && waiting.outer === outer) return false;
    return this.isFree(work, outer);
  }

  private isFree({ key, shared }: ModelWork, outer: ModelWork | undefined): boolean {
    for (const holder of outer?.nested ?? this.holders(key)) if (!shared || !holder.shared) return false;
    return true;
  }

  private *holders(key: number): Generator<ModelWork> {
    for (const root of this.roots) if (root.key === key) yield root;
  }

  private grant(work: ModelWork, outer: ModelWork | undefined): void {
    work.active = true;
    work.outer = outer;
    (outer?.nested ?? this.roots).add(work);
  }

  /** A lock that is over stays for the works that run under it. */
  private leave(work: ModelWork): void {
    if (work.active || work.nested.size > 0) return;
    (work.outer?.nested ?? this.roots).delete(work);
    if (work.outer !== undefined) this.leave(work.outer);
  }
}
