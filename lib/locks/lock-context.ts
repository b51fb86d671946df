import type { PooledTransaction } from '../transaction/pooled-transaction.js';
import type { TracedPlace } from '../vocabulary/traced-place.js';
import { FlowVariable, type Flow } from '../vocabulary/flow-variable.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import { nextMoment } from '../vocabulary/moment.js';
import type { LockReference } from './lock-reference.js';

/** A transaction that is used under a lock. @internal */
export interface TransactionUse {
  readonly transaction: PooledTransaction;
  /** The stack of its first use. */
  readonly at: TracedPlace;
  /** Whether that is where the lock is asked for; else it is within the work. */
  readonly isAtLock: boolean;
}

const contexts = FlowVariable.shared<LockContext>('lock-contexts');

/**
 * What one async flow holds: the locks of one work, inside those around it, of all databases of the process.
 *
 * An async context says who *called*, and can be fooled (a task queue runs one request's callback in another's): it tells
 * `isHeld`, deadlocks, and under which lock a work runs that asks to enter one again; never that a lock is held already.
 *
 * @internal
 */
export class LockContext {
  /** That of all requests that were accepted before the shutdown. It holds nothing. */
  private static readonly accepted = new LockContext([], undefined);

  /** Handles that were acquired here: they belong to no flow, but a flow that waits meanwhile holds them. */
  private handles: Set<LockReference> | undefined;
  /** Transactions that began before this, and were used in it. */
  private uses: Map<PooledTransaction, TransactionUse> | undefined;
  private readonly moment = nextMoment();

  constructor(
    private references: readonly LockReference[],
    readonly outer: LockContext | undefined,
    /** What runs in it, or what that is called, to be named in messages. */
    readonly work?: unknown,
    /** The transaction that ends with the work. */
    private readonly transaction?: object,
  ) {}

  /** That of the running flow. */
  static get current(): LockContext | undefined {
    return contexts.getStore();
  }

  /** That of a flow. */
  static in(flow: Flow): LockContext | undefined {
    return contexts.getStore(flow);
  }

  /** That of the work of a transaction, which the running flow is in. */
  static ofTransaction(transaction: object): LockContext | undefined {
    let context = contexts.getStore();
    while (context !== undefined && context.transaction !== transaction) context = context.outer;
    return context;
  }

  /** A request begins; `isAccepted` where that is before the shutdown, so that it may acquire until it is over. */
  static beginRequest(isAccepted: boolean): void {
    contexts.begin(isAccepted ? LockContext.accepted : undefined);
  }

  /** A flow that is in this context. */
  flow(outer: Flow): NonNullable<Flow> {
    return contexts.with(this, outer);
  }

  /** Runs work, and all that it starts, in this context. */
  run<Args extends unknown[], Result>(work: (...args: Args) => Result, ...args: Args): Result {
    return contexts.run(this, work, ...args);
  }

  /** The innermost lock of a key under which a work of this flow runs, and that meets the condition. */
  find(
    domain: object,
    key: LockKey,
    condition: (reference: LockReference) => boolean,
  ): LockReference | undefined {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the walk starts here
    for (let context: LockContext | undefined = this; context !== undefined; context = context.outer)
      for (const reference of context.references)
        if (reference.queue.domain === domain && reference.queue.key.equals(key) && condition(reference))
          return reference;
    return undefined;
  }

  /** Everything that stands still while this flow waits: what its works run under, and the handles that it has. */
  *all(): Generator<LockReference> {
    for (const references of [this.references, this.handles ?? []])
      for (const reference of references) if (reference.active) yield* withOuter(reference);
    if (this.outer !== undefined) yield* this.outer.all();
  }

  /** Whether a work of this flow runs under any lock at this moment. */
  get holdsAny(): boolean {
    return this.references.some(({ active }) => active) || (this.outer?.holdsAny ?? false);
  }

  /** Whether this flow may acquire although the shutdown has begun. */
  get mayGoOn(): boolean {
    return this === LockContext.accepted || this.holdsAny || (this.outer?.mayGoOn ?? false);
  }

  /** How many works of one module's locks this flow runs in. */
  depthIn(domain: object): number {
    const isOne = this.references.some(({ active, queue }) => active && queue.domain === domain);
    return Number(isOne) + (this.outer?.depthIn(domain) ?? 0);
  }

  /** What the work is called that runs under a lock of this flow. */
  nameOf(reference: LockReference): string | undefined {
    if (!this.references.includes(reference)) return this.outer?.nameOf(reference);
    if (typeof this.work !== 'function') return this.workName;
    const source = Function.prototype.toString.call(this.work).split('\n', 1)[0]?.slice(0, 60);
    return `the work ${this.work.name || source}`;
  }

  /** What the work is called, where it has a name. */
  get workName(): string | undefined {
    const name = typeof this.work === 'function' ? this.work.name : this.work;
    return typeof name === 'string' && name !== '' ? `the work ${name}` : undefined;
  }

  /** `Class.method`, where a decorator locks that: no function that was written has a name with a dot. */
  get methodName(): string | undefined {
    return this.workName?.includes('.') ? this.workName : undefined;
  }

  /** A transaction is used in this flow: noted for each lock that was taken after its beginning, unless it ends with that lock's work. */
  use(transaction: PooledTransaction, trace: () => TracedPlace, isAtLock = false): void {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the walk starts here
    for (let context: LockContext | undefined = this; context !== undefined; context = context.outer) {
      if (context.moment < transaction.moment || context.uses?.has(transaction)) continue;
      if (transaction.client !== undefined && context.transaction === transaction.client) continue;
      context.uses ??= new Map<PooledTransaction, TransactionUse>();
      context.uses.set(transaction, { transaction, at: trace(), isAtLock });
    }
  }

  /** Whether any was. */
  get usesTransactions(): boolean {
    return this.uses !== undefined;
  }

  /** Those that are open by now. */
  openTransactions(): readonly TransactionUse[] {
    if (this.uses === undefined) return NO_USES;
    return [...this.uses.values()].filter(({ transaction }) => transaction.isOpen);
  }

  /** Its locks outlast its work, until the end of the `pglock.transaction` around it, whose work runs under them from now on. */
  handToTransaction(): void {
    let { outer } = this;
    while (outer !== undefined && outer.transaction === undefined) outer = outer.outer;
    outer?.add(this.references);
  }

  /** One more lock under which this context's work runs. */
  add(references: readonly LockReference[]): void {
    this.references = [...this.references.filter(({ active }) => active), ...references];
  }

  /** Handles that were acquired here; the function that it returns takes note of their end. */
  attribute(references: readonly LockReference[]): () => void {
    if (this === LockContext.accepted) return nothing;
    const handles = (this.handles ??= new Set());
    for (const reference of references) handles.add(reference);
    return () => {
      for (const reference of references) handles.delete(reference);
    };
  }
}

const NO_USES: readonly TransactionUse[] = Object.freeze([]);

/** A lock, and those under which it was entered again, which are kept for it. */
function* withOuter(reference: LockReference): Generator<LockReference> {
  for (let held: LockReference | undefined = reference; held !== undefined; held = held.outer) yield held;
}

function nothing(): void {}
