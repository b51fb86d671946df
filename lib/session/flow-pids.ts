import { FlowVariable, type Flow } from '../vocabulary/flow-variable.js';

/**
 * The backends that one prioritized flow uses at this moment, and what it hands on to flows around it.
 *
 * A backend is *in* from `enter` until the function that `enter` returned is called; entered twice, it stays in until
 * both are called.
 *
 * @internal
 */
export class PidScope implements Iterable<number> {
  readonly #counts = new Map<number, number>();
  readonly #parent: PidScope | undefined;

  constructor(parent?: PidScope) {
    this.#parent = parent;
  }

  /** How many backends are in. */
  get size(): number {
    return this.#counts.size;
  }

  has(pid: number): boolean {
    return this.#counts.has(pid);
  }

  [Symbol.iterator](): Iterator<number> {
    return this.#counts.keys();
  }

  /** Counts a backend in, here and in every scope around. Call what it returns, once, when the flow lets the backend go. */
  enter(pid: number): () => void {
    const scopes = [...this.#chain()];
    for (const scope of scopes) scope.#counts.set(pid, (scope.#counts.get(pid) ?? 0) + 1);
    let entered = true;
    return () => {
      if (!entered) return;
      entered = false;
      for (const scope of scopes) scope.#leave(pid);
    };
  }

  #leave(pid: number): void {
    const left = (this.#counts.get(pid) ?? 0) - 1;
    if (left > 0) this.#counts.set(pid, left);
    else this.#counts.delete(pid);
  }

  *#chain(): Generator<PidScope> {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the walk starts here
    for (let scope: PidScope | undefined = this; scope !== undefined; scope = scope.#parent) yield scope;
  }
}

const NOTHING = (): void => undefined;

/**
 * Which backends of one database the running async flow uses, so that `prioritize` knows whom to clear the way for.
 *
 * The scoped pool enters a connection's pid on checkout and leaves on release; the lock engine does so with the session
 * on which a flow waits. Outside a prioritized flow both cost one look-up and do nothing.
 *
 * @internal
 */
export class FlowPids {
  readonly #storage = new FlowVariable<PidScope>();

  /** The scope of the running flow, read synchronously; `undefined` outside of prioritized work. */
  get current(): PidScope | undefined {
    return this.#storage.getStore();
  }

  /** That of a flow. */
  in(flow: Flow): PidScope | undefined {
    return this.#storage.getStore(flow);
  }

  /** Counts a backend into the running flow's scope; does nothing outside of prioritized work. */
  enter(pid: number): () => void {
    return this.current?.enter(pid) ?? NOTHING;
  }

  /** Runs work in a scope of its own, inside the one that is current now. */
  run<T>(work: (scope: PidScope) => T): T {
    const scope = new PidScope(this.current);
    return this.#storage.run(scope, work, scope);
  }
}
