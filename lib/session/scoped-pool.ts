import pg from 'pg';
import type { ClientBase, Pool, PoolClient, PoolConfig } from 'pg';
import { replaceMethod } from '../vocabulary/replaced-method.js';
import type { TracedPlace } from '../vocabulary/traced-place.js';
import { ContextClients, type FlowContext } from './flow-context.js';
import type { FlowPids } from './flow-pids.js';
import type { PooledClients } from './pooled-clients.js';
import { enterUntilReleased, onRelease, ScopedClients } from './scoped-pool-client.js';
import type { SessionScopes } from './scoped-pool-scope.js';

type Release = (destroy?: Error | boolean) => void;
type ConnectCallback = (error: Error | undefined, client: PoolClient | undefined, done: Release) => void;
type PlainConnect = () => Promise<PoolClient>;

/** How a pool follows the flows. @internal */
export interface ScopedPoolOptions {
  readonly scopes: SessionScopes;
  /** Where prioritized flows have their sessions counted. */
  readonly flowPids?: FlowPids;
  /** What flows attach to the names of their sessions. */
  readonly flowContext?: FlowContext;
  /** Where the clients that are taken are noted. */
  readonly pooledClients?: PooledClients;
  /** The stack at this moment. */
  readonly trace?: () => TracedPlace;
  /**
   * Told of each client that is taken, where, and whether for a transaction of the library's own; what it gives back is called when
   * that is released.
   */
  readonly onTaken?: (client: PoolClient, at: TracedPlace | undefined, isOwn?: boolean) => () => void;
  /** A pooler in between gives each client one backend for its whole life. */
  readonly trustPooler?: boolean;
}

/**
 * A `pg.Pool` whose sessions have the lock timeout of the flow that takes them (`pglock.timeout`). Everything else is as
 * in `pg`: what is taken is released by the code that took it.
 *
 * Sends at most one `SET` or `RESET` after a checkout, and none where the session already fits. A session where that
 * fails is destroyed, and the checkout rejects.
 *
 * @see https://node-postgres.com/apis/pool
 * @internal
 */
export class ScopedPool extends pg.Pool {
  readonly #checkout: Checkout;

  constructor(config: PoolConfig, options: ScopedPoolOptions) {
    // Idle sessions keep no script from its end.
    super({ allowExitOnIdle: true, ...config });
    this.#checkout = new Checkout(options);
    this.#checkout.markQueries(this);
    // An idle session that dies is gone from the pool; no caller need hear of it, and the process must not die of it.
    this.on('error', ignore);
    this.on('connect', (client) => client.on('error', ignore));
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<PoolClient> | undefined {
    return promiseOf(
      this,
      this.#checkout.take(() => super.connect(), callback),
    );
  }
}

/**
 * Makes a lent pool follow the flows as {@link ScopedPool} does, by replacing its `connect`; `pool.query` goes through that.
 * The pool stays its owner's to close.
 *
 * @returns a function that restores the sessions that are idle and gives the pool its own `connect` back. While sessions are
 * out, the replacement stays, to restore each when it is taken next.
 * @internal
 */
export function adopt(pool: Pool, options: ScopedPoolOptions): () => Promise<void> {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- put back as it was, and called on the pool
  const original = pool.connect;
  const plain: PlainConnect = () => (original as PlainConnect).call(pool);
  const checkout = new Checkout(options);
  const scoped = ((callback?: ConnectCallback) =>
    promiseOf(pool, checkout.take(plain, callback))) as typeof pool.connect;
  pool.connect = scoped;
  const unmarkQueries = checkout.markQueries(pool);
  return async () => {
    checkout.leave();
    unmarkQueries();
    await restoreIdle(pool, () => checkout.take(plain));
    if (pool.connect === scoped && pool.totalCount === pool.idleCount) pool.connect = original;
  };
}

/** Takes each idle session once, which restores it; waits for none that is out. */
async function restoreIdle(pool: Pool, take: () => Promise<PoolClient> | undefined): Promise<void> {
  const idle = (pool as Pool & { readonly ending?: boolean }).ending ? 0 : pool.idleCount;
  const taken = await Promise.allSettled(Array.from({ length: idle }, async () => take()));
  for (const one of taken) if (one.status === 'fulfilled') one.value?.release();
}

/**
 * Makes single sessions of a foreign pool fit, for ORMs that bring their own (Sequelize): call it each time such a pool
 * hands out a connection.
 *
 * @internal
 */
export function scopedSessions(options: ScopedPoolOptions): (client: ClientBase) => Promise<void> {
  const clients = new ScopedClients({ trustPooler: options.trustPooler ?? false });
  return (client) => clients.fit(client, options.scopes.current);
}

class Checkout {
  readonly #options: ScopedPoolOptions;
  readonly #clients: ScopedClients;
  readonly #contexts = new ContextClients();
  #left = false;
  /** Whether `pool.query` is taking a client at this moment. */
  #isQuery = false;

  constructor(options: ScopedPoolOptions) {
    this.#options = options;
    this.#clients = new ScopedClients({ trustPooler: options.trustPooler ?? false });
  }

  /** From now on flows have no say: sessions only get back what they had. */
  leave(): void {
    this.#left = true;
  }

  /**
   * Knows from now on which clients are taken by `pool.query`, for a statement of its own: no transaction begins there, so that no
   * place is noted. A stack costs such a query a fifth of its time in this process.
   *
   * @returns a function that gives the pool its own `query` back.
   */
  markQueries(pool: Pool): () => unknown {
    const marked =
      (query: Pool['query']) =>
      (...args: unknown[]): unknown => {
        this.#isQuery = true;
        try {
          return Reflect.apply(query, pool, args);
        } finally {
          this.#isQuery = false;
        }
      };
    return replaceMethod(pool, 'query', marked as (query: Pool['query']) => Pool['query']);
  }

  /** As `pool.connect`, with or without a callback. */
  take(connect: PlainConnect, callback?: ConnectCallback): Promise<PoolClient> | undefined {
    const fitted = this.#fitted(connect);
    if (callback === undefined) return fitted;
    // Not within the promise: what a callback throws is an uncaught exception, as in `pg`.
    const call = (...args: Parameters<ConnectCallback>) => queueMicrotask(() => callback(...args));
    fitted.then(
      // That of this checkout: called again later, it must not give back what another flow has by then.
      (client) => call(undefined, client, client.release.bind(client)),
      (error: unknown) => call(error as Error, undefined, ignore),
    );
    return undefined;
  }

  /** What the flow wants is read before anything is awaited. */
  async #fitted(connect: PlainConnect): Promise<PoolClient> {
    const scope = this.#left ? undefined : this.#options.scopes.current;
    const pids = this.#left ? undefined : this.#options.flowPids?.current;
    const label = this.#left ? undefined : this.#options.flowContext?.label;
    const at = this.#isQuery ? undefined : this.#options.trace?.();
    const client = await connect();
    // Whose session dies now is told by the rejected statement; nothing else listens to a client of a lent pool.
    client.on('error', ignore);
    try {
      await this.#clients.fit(client, scope);
      await this.#contexts.fit(client, label);
      await enterUntilReleased(client, pids, this.#options.trustPooler ?? false);
    } catch (error) {
      client.release(error as Error);
      throw error;
    } finally {
      client.off('error', ignore);
    }
    this.#options.pooledClients?.note(client);
    const { onTaken } = this.#options;
    if (onTaken !== undefined) onRelease(client, onTaken(client, at, scope?.isOwn));
    return client;
  }
}

/** As the kind of promise that the pool was configured to give. */
function promiseOf<P extends Promise<unknown> | undefined>(pool: Pool, promise: P): P {
  const { Promise: Configured } = pool as Pool & { readonly Promise?: PromiseConstructor };
  if (promise === undefined || Configured === undefined || Configured === Promise) return promise;
  return new Configured((resolve, reject) => void promise.then(resolve, reject)) as P;
}

function ignore(): void {}
