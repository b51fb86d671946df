import type { ClientBase } from 'pg';
import { PoolerError } from '../errors/pooler.error.js';
import { BACKEND_PID_OF_TRANSACTION } from '../sql/signal.js';
import { statementText } from '../sql/statement-text.js';
import { clientRows } from './client-rows.js';
import type { PidScope } from './flow-pids.js';

type Callback = (error: unknown, result?: unknown) => void;
type Query = (...args: unknown[]) => unknown;

/** What `client.query` takes in place of a text. */
interface Submittable {
  readonly text?: unknown;
  submit?: unknown;
  callback?: Callback;
  handleError?: (error: unknown, connection: unknown) => void;
}

interface Watched {
  query: Query;
  readonly connection: {
    prependListener(event: string, listener: (message: { readonly status: string }) => void): void;
    removeListener(event: string, listener: (message: { readonly status: string }) => void): void;
  };
}

const COMMENTS = String.raw`^(?:\s|--[^\n]*\n|/\*[\s\S]*?\*/)*`;
const BEGINS = new RegExp(String.raw`${COMMENTS}(?:begin|start\s+transaction)\b[^;]*;?\s*$`, 'i');
const ENDS = new RegExp(String.raw`${COMMENTS}(?:commit|rollback|end|abort)\b[^;]*;?\s*$`, 'i');
const WATCHED = new WeakSet<object>();

/** Whether the backend of each of a client's transactions is asked for when it begins, so that nothing may wait before. @internal */
export function asksAtBegin(client: object): boolean {
  return WATCHED.has(client);
}

/**
 * The backends of one client of a pooler in transaction mode, for a prioritized flow: *outside* of a transaction there is none
 * that could be known, and statements are refused; *beginning*, other statements wait until the backend is known; *inside*, it
 * counts as the flow's, until the server says that the transaction is over.
 *
 * @internal
 */
export class TransactionPids {
  readonly #client: Watched;
  readonly #pids: PidScope;
  readonly #send: Query;
  readonly #replacement: Query;
  readonly #wasOwn: boolean;
  #status = 'I';
  #beginning: Promise<void> | undefined;
  #leave: (() => void) | undefined;
  #stopped = false;

  private constructor(client: ClientBase, pids: PidScope) {
    this.#client = client as unknown as Watched;
    this.#pids = pids;
    const { query } = this.#client;
    this.#wasOwn = Object.hasOwn(client, 'query');
    this.#send = (...args) => query.apply(client, args);
    this.#replacement = (...args) => this.#query(args);
  }

  /** Watches a client. Call what it returns when the flow lets the client go. */
  static watch(client: ClientBase, pids: PidScope): () => void {
    const watch = new TransactionPids(client, pids);
    watch.#start();
    return () => watch.#stop();
  }

  #start(): void {
    WATCHED.add(this.#client);
    // Before the client itself, which goes on with the next statement at once.
    this.#client.connection.prependListener('readyForQuery', this.#onReady);
    this.#client.query = this.#replacement;
  }

  #stop(): void {
    this.#stopped = true;
    WATCHED.delete(this.#client);
    this.#client.connection.removeListener('readyForQuery', this.#onReady);
    this.#over();
    if (this.#client.query !== this.#replacement) return;
    if (this.#wasOwn) this.#client.query = this.#send;
    else delete (this.#client as Partial<Watched>).query;
  }

  readonly #onReady = ({ status }: { readonly status: string }): void => {
    this.#status = status;
    if (status === 'I') this.#over();
  };

  /** Asked anew after each wait. */
  #isWatching(): boolean {
    return !this.#stopped;
  }

  #over(): void {
    this.#leave?.();
    this.#leave = undefined;
  }

  #query(args: unknown[]): unknown {
    if (this.#stopped) return this.#send(...args);
    const beginning = this.#beginning;
    if (beginning !== undefined)
      return answered(
        args,
        beginning.then(() => this.#query(args)),
      );
    const text = statementText(args[0]);
    if (this.#status !== 'I' || ENDS.test(text)) return this.#send(...args);
    return BEGINS.test(text) ? this.#begin(args) : refuse(args, this.#client.connection);
  }

  /** What the caller is told of `BEGIN` it is told when the backend is known. */
  #begin(args: unknown[]): unknown {
    const { promise, resolve } = settler();
    this.#beginning = promise;
    const known = () =>
      this.#learn().finally(() => {
        this.#beginning = undefined;
        resolve();
      });
    const wrapped = withCallback(args, (callback) => (error, result) => {
      void known().then(
        () => callback(error, result),
        (failure: unknown) => callback(error ?? failure),
      );
    });
    if (wrapped !== undefined) return this.#send(...wrapped);
    return (this.#send(...args) as Promise<unknown>).then(
      (result) => known().then(() => result),
      (error: unknown) => {
        this.#beginning = undefined;
        resolve();
        throw error;
      },
    );
  }

  async #learn(): Promise<void> {
    if (this.#status !== 'T' || !this.#isWatching()) return;
    const asking = { query: this.#send } as unknown as ClientBase;
    const [row] = await clientRows<{ pid: number }>(asking, BACKEND_PID_OF_TRANSACTION);
    if (row !== undefined && this.#isWatching()) this.#leave = this.#pids.enter(row.pid);
  }
}

function settler(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

function isSubmittable(query: unknown): query is Submittable {
  return typeof (query as Submittable | undefined)?.submit === 'function';
}

/** The same arguments with another callback; undefined where there is none, and a promise tells. */
function withCallback(args: unknown[], change: (callback: Callback) => Callback): unknown[] | undefined {
  const [query] = args;
  const last = args.findLastIndex((value) => typeof value === 'function');
  if (last >= 0) return args.with(last, change(args[last] as Callback));
  if (typeof (query as Submittable).callback !== 'function') return undefined;
  const holder = query as { callback: Callback };
  holder.callback = change(holder.callback);
  return args;
}

/** What `client.query` returns for these arguments: the query itself, nothing, or a promise. */
function answered(args: unknown[], later: Promise<unknown>): unknown {
  if (isSubmittable(args[0])) return args[0];
  return args.some((value) => typeof value === 'function') ? undefined : later;
}

function refuse(args: unknown[], connection: unknown): unknown {
  const [query] = args as [Submittable];
  const error = unknowable();
  const callback = args.find((value) => typeof value === 'function') as Callback | undefined;
  if (callback === undefined && !isSubmittable(query)) return Promise.reject(error);
  process.nextTick(() => (callback ? callback(error) : query.handleError?.(error, connection)));
  return answered(args, Promise.resolve());
}

function unknowable(): PoolerError {
  return new PoolerError(
    'A connection pooler stands between this application and PostgreSQL, so that the session in which a statement outside of a transaction runs cannot be known, and its blockers cannot be found; it was not sent. Run prioritized statements in a transaction (pglock.transaction, or BEGIN on a client of the pool), connect to PostgreSQL directly, or set `sessions.trustPooler` if the pooler keeps one backend for each client.',
  );
}
