/** As much of a response or a socket as tells of its end. @internal */
export interface Closing {
  on(event: string, listener: () => void): unknown;
}

/** Whether a response or a socket has closed; over HTTP/2 its stream, of which the response says nothing. @internal */
export function isClosed(source: object): boolean {
  const { destroyed, closed, stream } = source as {
    readonly destroyed?: boolean;
    readonly closed?: boolean;
    readonly stream?: { readonly destroyed?: boolean };
  };
  return destroyed === true || closed === true || stream?.destroyed === true;
}

/** On what is watched: a map beside it would have to be looked through by every minor garbage collection. */
const WATCH = Symbol('nestjs-pglock:closing');

interface Watched extends Closing {
  [WATCH]?: ClosingWatch;
}

const NONE: readonly (() => void)[] = [];

/** Those who are to be called; mostly one. */
class ClosingWatch {
  private first: (() => void) | undefined;
  private others: Set<() => void> | undefined;

  add(callback: () => void): void {
    if (this.first === undefined && this.others === undefined) this.first = callback;
    else (this.others ??= new Set()).add(callback);
  }

  delete(callback: () => void): void {
    if (this.first === callback) this.first = undefined;
    else this.others?.delete(callback);
  }

  readonly closed = (): void => {
    const others = this.others === undefined ? NONE : [...this.others];
    this.first?.();
    for (const callback of others) callback();
  };
}

/**
 * Calls back when a response or a socket closes, sent or not. However many handlers and locks ask, it has one listener of ours:
 * Fastify and Nest put eight of their own on a response that streams, and Node warns of the eleventh.
 *
 * @returns a function that stops watching.
 * @internal
 */
export function onClosing(source: Closing, callback: () => void): () => void {
  const watch = (source as Watched)[WATCH] ?? begin(source);
  watch.add(callback);
  return () => watch.delete(callback);
}

function begin(source: Closing): ClosingWatch {
  const watch = new ClosingWatch();
  (source as Watched)[WATCH] = watch;
  source.on('close', watch.closed);
  // What sockets of socket.io emit; a response does not.
  if (!('headersSent' in source)) source.on('disconnect', watch.closed);
  return watch;
}
