import { FlowVariable, type Flow } from '../vocabulary/flow-variable.js';

/** What a flow wants of the sessions that it takes. @internal */
export interface SessionScope {
  /** `null` is no limit; `undefined` leaves the session's own. */
  readonly lockTimeoutMs: number | null | undefined;
  /** Whether a transaction of the library's own takes them, which begins where it takes its session. */
  readonly isOwn?: boolean;
}

/** The scopes of the flows on one database: each flow sees its own, and those it starts inherit it. @internal */
export class SessionScopes {
  readonly #scopes = new FlowVariable<SessionScope>();

  /** The scope of the running flow, read synchronously. Each scope is an object of its own. */
  get current(): SessionScope | undefined {
    return this.#scopes.getStore();
  }

  /** That of a flow. */
  in(flow: Flow): SessionScope | undefined {
    return this.#scopes.getStore(flow);
  }

  /** Runs the work with a lock timeout for all sessions that it takes; `undefined` for the sessions' own. */
  withLockTimeout<T>(lockTimeoutMs: number | null | undefined, work: () => T): T {
    return this.#scopes.run({ lockTimeoutMs }, work);
  }

  /** Takes a session for a transaction of the library's own, which sets its lock timeout itself. */
  forTransaction<T>(take: () => T): T {
    return this.#scopes.run({ lockTimeoutMs: undefined, isOwn: true }, take);
  }
}
