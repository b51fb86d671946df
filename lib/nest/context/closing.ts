/** As much of a response or a socket as tells of its end. @internal */
export interface Closing {
  on(event: string, listener: () => void): unknown;
}

const watched = new WeakMap<Closing, Set<() => void>>();

/**
 * Calls back when a response or a socket closes, sent or not. However many handlers and locks ask, it has one listener of ours:
 * Fastify and Nest put eight of their own on a response that streams, and Node warns of the eleventh.
 *
 * @returns a function that stops watching.
 * @internal
 */
export function onClosing(source: Closing, callback: () => void): () => void {
  const callbacks = watched.get(source) ?? watch(source);
  callbacks.add(callback);
  return () => void callbacks.delete(callback);
}

function watch(source: Closing): Set<() => void> {
  const callbacks = new Set<() => void>();
  watched.set(source, callbacks);
  const closed = (): void => {
    for (const callback of [...callbacks]) callback();
  };
  source.on('close', closed);
  // What sockets of socket.io emit; a response does not.
  if (!('headersSent' in source)) source.on('disconnect', closed);
  return callbacks;
}
