import { SavepointLog, type StatementSender } from './savepoint-log.js';

/** Hears of the end of a transaction, once. @internal */
export interface TransactionWatcher {
  /** The transaction was committed or rolled back, or rolled back to a savepoint older than the watcher. */
  ended(): void;
  /** The session died, and the transaction with it. */
  lost(cause: Error): void;
}

interface Emitter {
  on(event: string, listener: (payload?: unknown) => void): unknown;
}

const WATCHED = new WeakMap<object, SessionWatch>();

/**
 * Tells when what a transaction holds goes with it, or with a part of it, on a `pg` client: at the end of the transaction, which
 * the server tells after every answer (`ReadyForQuery` with status `I`), wherever the COMMIT came from; and at a `ROLLBACK TO
 * SAVEPOINT` to one that is older. Listens once a client, however many locks it takes.
 *
 * @returns false when the client is none that can be listened to; then the watcher is never called.
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-READYFORQUERY
 * @internal
 */
export function watchTransactionOf(client: object | undefined, watcher: TransactionWatcher): boolean {
  const connection = client === undefined ? undefined : (client as { connection?: unknown }).connection;
  if (client === undefined || !isEmitter(client) || !isEmitter(connection)) return false;
  const watch = WATCHED.get(client) ?? new SessionWatch(client, connection);
  WATCHED.set(client, watch);
  watch.add(watcher);
  return true;
}

class SessionWatch {
  /** Each with the moment in which it began. */
  readonly #watchers = new Map<TransactionWatcher, number>();
  readonly #savepoints: SavepointLog;

  constructor(client: Emitter, connection: Emitter & StatementSender) {
    this.#savepoints = new SavepointLog(connection, (since) => this.#end(since));
    connection.on('readyForQuery', (message) => {
      if ((message as { status?: string } | undefined)?.status !== 'I') return;
      this.#savepoints.forget();
      this.#end(0);
    });
    const lost = (error: unknown) => this.#tell(0, (watcher) => watcher.lost(asError(error)));
    client.on('error', lost);
    client.on('end', lost);
  }

  add(watcher: TransactionWatcher): void {
    this.#watchers.set(watcher, this.#savepoints.now);
  }

  #end(since: number): void {
    this.#tell(since, (watcher) => watcher.ended());
  }

  #tell(since: number, tell: (watcher: TransactionWatcher) => void): void {
    const told = [...this.#watchers].filter(([, moment]) => moment >= since).map(([watcher]) => watcher);
    for (const watcher of told) this.#watchers.delete(watcher);
    told.forEach(tell);
  }
}

function isEmitter(value: unknown): value is Emitter {
  return typeof value === 'object' && value !== null && typeof (value as { on?: unknown }).on === 'function';
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error('the connection was closed');
}
