import { EventEmitter } from 'node:events';
import type { Client, Pool, PoolClient, QueryResult } from 'pg';

/** A client that agrees to every statement and finds no rows. @internal */
export class MemoryClient extends EventEmitter {
  constructor(readonly processID: number) {
    super();
  }

  connect(callback?: (error: undefined) => void): Promise<this> | undefined {
    return answer(this, callback);
  }

  query(...args: readonly unknown[]): Promise<QueryResult> | undefined {
    return answer(NO_ROWS, callbackOf(args));
  }

  release(): void {}

  end(callback?: (error: undefined) => void): Promise<void> | undefined {
    return answer(undefined, callback);
  }
}

const NO_ROWS: QueryResult = Object.freeze({ command: '', rowCount: 0, oid: 0, fields: [], rows: [] });

/**
 * A `pg.Pool` without a server, for `pglock.pool` and for the client that `pglock.transaction` hands out: statements
 * succeed and find nothing.
 *
 * @internal
 */
export class MemoryPool extends EventEmitter {
  readonly options = {};
  readonly Client = MemoryClient;
  readonly totalCount = 0;
  readonly idleCount = 0;
  readonly waitingCount = 0;

  /** Once it is set, the pool has ended: it refuses everything, as that of `pg` does. */
  ended = false;

  constructor(private readonly newPid: () => number) {
    super();
  }

  connect(
    callback?: (error: Error | undefined, client?: MemoryClient, done?: () => void) => void,
  ): Promise<MemoryClient> | undefined {
    if (this.ended) return refuse(callback);
    const client = new MemoryClient(this.newPid());
    if (callback === undefined) return Promise.resolve(client);
    queueMicrotask(() => callback(undefined, client, () => client.release()));
    return undefined;
  }

  query(...args: readonly unknown[]): Promise<QueryResult> | undefined {
    const callback = callbackOf(args);
    return this.ended ? refuse(callback) : answer(NO_ROWS, callback);
  }

  /** Does nothing, as on the pool of the real module: that ends with the module. */
  end(callback?: (error: undefined) => void): Promise<void> | undefined {
    return answer(undefined, callback);
  }
}

/** `pg` as ORMs take it, with nothing in it but the given pool. @internal */
export function memoryDriver(pool: Pool): { readonly Pool: typeof Pool; readonly Client: typeof Client } {
  // A constructor that returns an object makes that object.
  const SharedPool = function () {
    return pool;
  };
  return { Pool: SharedPool as unknown as typeof Pool, Client: MemoryClient as unknown as typeof Client };
}

/** The process id of a client, where it says so. @internal */
export function pidOf(client: object): number {
  const { processID } = client as Partial<Pick<PoolClient & { processID: number | null }, 'processID'>>;
  return processID ?? 0;
}

type Callback = (error: Error | undefined, result?: unknown) => void;

function callbackOf(args: readonly unknown[]): Callback | undefined {
  const last = args.at(-1);
  return typeof last === 'function' ? (last as Callback) : undefined;
}

function refuse(callback: ((error: Error) => void) | undefined): Promise<never> | undefined {
  const error = new Error('Cannot use a pool after calling end on the pool');
  if (callback === undefined) return Promise.reject(error);
  queueMicrotask(() => callback(error));
  return undefined;
}

function answer<T>(
  result: T,
  callback: ((error: undefined, result: T) => void) | undefined,
): Promise<T> | undefined {
  if (callback === undefined) return Promise.resolve(result);
  queueMicrotask(() => callback(undefined, result));
  return undefined;
}
