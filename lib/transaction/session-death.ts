interface Emitter {
  on(event: string, listener: (payload: unknown) => void): unknown;
  off(event: string, listener: (payload: unknown) => void): unknown;
}

type Query = (...args: unknown[]) => unknown;

interface Watched {
  /** What the server said as it ended the session, or else how the connection broke. */
  death: Error | undefined;
}

const WATCHED = new WeakMap<object, Watched>();

/**
 * Notes how the session of a `pg` client dies, and has every statement that is sent on it afterwards say so: its error has
 * that of the server, with its SQLSTATE, as `cause`.
 *
 * @returns a function that listens no more; what was noted stays.
 * @internal
 */
export function watchDeath(client: object): () => void {
  if (!isEmitter(client)) return ignore;
  const watched: Watched = WATCHED.get(client) ?? { death: undefined };
  WATCHED.set(client, watched);
  const died = (error: unknown) => {
    if (watched.death !== undefined) return;
    watched.death = error instanceof Error ? error : new Error('the connection was closed');
    explainDeath(client, watched.death);
  };
  const said = (message: unknown) => {
    const { severity } = message as { severity?: unknown };
    if (severity === 'FATAL' || severity === 'PANIC') died(message);
  };
  const { connection } = client as { connection?: unknown };
  const source = isEmitter(connection) ? connection : undefined;
  source?.on('errorMessage', said);
  client.on('error', died);
  return () => {
    source?.off('errorMessage', said);
    client.off('error', died);
  };
}

/** How the session of a client died; undefined while it lives, as far as is known. @internal */
export function deathOf(client: object | undefined): Error | undefined {
  return client === undefined ? undefined : WATCHED.get(client)?.death;
}

function explainDeath(client: object, death: Error): void {
  const dead = client as { query: Query };
  const query = dead.query.bind(client);
  const explained = (error: unknown): unknown => {
    if (error instanceof Error && error !== death) error.cause ??= death;
    return error;
  };
  dead.query = (...args) => {
    const position = args.findLastIndex((argument) => typeof argument === 'function');
    const callback = args[position] as Query | undefined;
    if (callback !== undefined)
      args[position] = (error: unknown, ...rest: unknown[]) => callback(explained(error), ...rest);
    const answer = query(...args);
    if (!(answer instanceof Promise)) return answer;
    return answer.catch((error: unknown) => {
      throw explained(error);
    });
  };
}

function isEmitter(value: unknown): value is Emitter {
  return typeof value === 'object' && value !== null && typeof (value as { on?: unknown }).on === 'function';
}

function ignore(): void {}
