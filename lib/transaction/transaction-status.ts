interface Emitter {
  on(event: string, listener: (payload?: unknown) => void): unknown;
  off(event: string, listener: (payload?: unknown) => void): unknown;
  prependListener?(event: string, listener: (payload?: unknown) => void): unknown;
}

/** `I` idle, `T` in a transaction, `E` in a failed one. */
type Status = string | undefined;

/** Has it told what became of the transaction, after each answer of the server. @returns a function that listens no more. @internal */
export type WatchStatus = (hear: (status: Status) => void) => () => void;

/**
 * Who tells of a `pg` client's transactions: its connection, from the server's `ReadyForQuery`; under `pg-native`, which keeps
 * that to itself, what libpq answers at that moment. Undefined where nothing tells.
 *
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-READYFORQUERY
 * @see https://www.postgresql.org/docs/current/libpq-status.html#LIBPQ-PQTRANSACTIONSTATUS
 * @internal
 */
export function statusOf(client: object): WatchStatus | undefined {
  const { connection, native } = client as { readonly connection?: unknown; readonly native?: unknown };
  if (isEmitter(connection))
    return listening(connection, (message) => (message as { status?: Status } | undefined)?.status);
  const { getTransactionStatus } = client as { getTransactionStatus?: () => Status };
  if (!isEmitter(native) || typeof getTransactionStatus !== 'function') return undefined;
  return listening(native, () => getTransactionStatus.call(client) ?? undefined);
}

function listening(source: Emitter, read: (payload: unknown) => Status): WatchStatus {
  return (hear) => {
    const listener = (payload?: unknown) => hear(read(payload));
    // `pg-native` calls back first of all.
    if (source.prependListener === undefined) source.on('readyForQuery', listener);
    else source.prependListener('readyForQuery', listener);
    return () => source.off('readyForQuery', listener);
  };
}

function isEmitter(value: unknown): value is Emitter {
  return typeof value === 'object' && value !== null && typeof (value as { on?: unknown }).on === 'function';
}
