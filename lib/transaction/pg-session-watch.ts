/** Hears of the end of a transaction, once. @internal */
export interface TransactionWatcher {
  /** The transaction was committed or rolled back. */
  ended(): void;
  /** The session died, and the transaction with it. */
  lost(cause: Error): void;
}

interface Emitter {
  on(event: string, listener: (payload?: unknown) => void): unknown;
}

const WATCHED = new WeakMap<object, Set<TransactionWatcher>>();

/**
 * Tells when the transaction that is open on a `pg` client ends: the server says so at the end of every answer
 * (`ReadyForQuery` with status `I`), whoever sent the COMMIT. Listens once a client, however many locks it takes.
 *
 * @returns false when the client is none that can be listened to; then nobody ever calls the watcher.
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-READYFORQUERY
 * @internal
 */
export function watchTransactionOf(client: object | undefined, watcher: TransactionWatcher): boolean {
  const connection = client === undefined ? undefined : (client as { connection?: unknown }).connection;
  if (client === undefined || !isEmitter(client) || !isEmitter(connection)) return false;
  watchersOf(client, connection).add(watcher);
  return true;
}

function watchersOf(client: object & Emitter, connection: Emitter): Set<TransactionWatcher> {
  const existing = WATCHED.get(client);
  if (existing !== undefined) return existing;
  const watchers = new Set<TransactionWatcher>();
  WATCHED.set(client, watchers);
  const tellAll = (tell: (watcher: TransactionWatcher) => void) => {
    const told = [...watchers];
    watchers.clear();
    told.forEach(tell);
  };
  const lost = (error: unknown) => tellAll((watcher) => watcher.lost(asError(error)));
  connection.on('readyForQuery', (message) => {
    if ((message as { status?: string } | undefined)?.status === 'I') tellAll((watcher) => watcher.ended());
  });
  client.on('error', lost);
  client.on('end', lost);
  return watchers;
}

function isEmitter(value: unknown): value is Emitter {
  return typeof value === 'object' && value !== null && typeof (value as { on?: unknown }).on === 'function';
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error('the connection was closed');
}
