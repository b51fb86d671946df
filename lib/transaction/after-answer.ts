interface Connection {
  once(event: 'readyForQuery', listener: () => void): unknown;
}

/**
 * Runs what sends a statement when a `pg` client has read the answer that it is reading: before those who wait for that answer
 * can send theirs. Under `pg-native`, which has no connection, at once after what runs.
 *
 * @internal
 */
export function afterAnswer(client: object, send: () => void): void {
  const { connection } = client as { readonly connection?: Connection };
  if (typeof connection?.once === 'function') connection.once('readyForQuery', send);
  else queueMicrotask(send);
}
