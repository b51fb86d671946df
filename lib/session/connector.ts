import pg from 'pg';
import type { Client, ClientConfig, Pool } from 'pg';
import type { PgLockConnection } from './session-options.js';

/** Opens the module's own connections, each with an `error` listener from the first moment on. @internal */
export interface Connector {
  /**
   * @param purpose ends the connection's `application_name`, such as `pglock:locks`.
   * @param signal gives the attempt up.
   */
  connect(purpose: string, signal?: AbortSignal): Promise<Client>;
}

/** Connects to where the options say; nothing at all means the libpq environment variables. @internal */
export function connectorTo(connection: PgLockConnection | undefined): Connector {
  const config = typeof connection === 'string' ? { connectionString: connection } : connection;
  return { connect: (purpose, signal) => open((own) => new pg.Client(own), config, purpose, signal) };
}

/**
 * Connects to where a lent pool connects, with the pool's own client class, and takes nothing from the pool.
 *
 * @internal
 */
export function connectorLike(pool: Pool): Connector {
  const lent = pool as Pool & { readonly Client?: typeof Client };
  const ClientClass = lent.Client ?? pg.Client;
  return {
    connect: (purpose, signal) => open((own) => new ClientClass(own), pool.options, purpose, signal),
  };
}

/** Closes a connection without a word to the server; whatever was asked on it rejects. @internal */
export function cutOff(client: Client): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } };
  connection?.stream?.destroy(); // `pg-native` has no socket to cut; `end` closes it
}

/** Runs the work; when the signal aborts meanwhile, cuts the connection, so that the work rejects. @internal */
export async function cutOnAbort<T>(
  client: Client,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const cut = () => cutOff(client);
  signal?.addEventListener('abort', cut, { once: true });
  try {
    return await work();
  } finally {
    signal?.removeEventListener('abort', cut);
  }
}

const CONNECT_TIMEOUT_MS = 10_000;

async function open(
  create: (config: ClientConfig) => Client,
  config: ClientConfig | undefined,
  purpose: string,
  signal?: AbortSignal,
): Promise<Client> {
  const client = create({
    ...config,
    // A pool hides its password from enumeration, so that a plain copy would lose it.
    ...(config?.password === undefined ? {} : { password: config.password }),
    connectionTimeoutMillis: config?.connectionTimeoutMillis || CONNECT_TIMEOUT_MS,
    application_name: `pglock:${purpose}`,
    keepAlive: true,
    statement_timeout: false,
    query_timeout: 0,
  });
  client.on('error', ignore);
  try {
    await cutOnAbort(client, signal, () => client.connect());
  } catch (error) {
    client.end().catch(ignore);
    throw error;
  }
  return client;
}

/** Whoever uses the client learns of its end by `end` and by its rejected statements. */
function ignore(): void {}
