import pg from 'pg';
import type { Client, ClientConfig, Pool } from 'pg';
import type { PgLockConnection } from './session-options.js';
import { sessionName, type SessionPurpose } from '../vocabulary/session-name.js';
import { onAbort } from '../vocabulary/wait-abort.js';
import { mayBeTraced, untraced } from '../telemetry/untraced.js';
import { cutOff } from './socket.js';
import { AS_TEXT } from './text-types.js';

/** Opens the module's own connections, each with an `error` listener from the first moment on. @internal */
export interface Connector {
  /**
   * @param purpose ends the connection's `application_name`, such as `pglock:locks`; before it stands the application's own.
   * @param signal gives the attempt up.
   */
  connect(purpose: SessionPurpose, signal?: AbortSignal): Promise<Client>;
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

/** Runs the work; when the signal aborts meanwhile, cuts the connection, so that the work rejects. @internal */
export async function cutOnAbort<T>(
  client: Client,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const cut = () => cutOff(client);
  const stopListening = signal && onAbort(signal, cut);
  try {
    return await work();
  } finally {
    stopListening?.();
  }
}

const CONNECT_TIMEOUT_MS = 10_000;

async function open(
  create: (config: ClientConfig) => Client,
  config: ClientConfig | undefined,
  purpose: SessionPurpose,
  signal?: AbortSignal,
): Promise<Client> {
  const client = create(ownConfig(config, purpose));
  client.on('error', ignore);
  overrule(client as unknown as ConfiguredClient, purpose);
  try {
    leaveUntraced(client);
    await cutOnAbort(client, signal, () => untraced(() => client.connect()));
  } catch (error) {
    client.end().catch(ignore);
    throw error;
  }
  return client;
}

/** How long an attempt to connect may take. @internal */
export function connectTimeoutOf(config: ClientConfig | undefined): number {
  return config?.connectionTimeoutMillis || CONNECT_TIMEOUT_MS;
}

function ownConfig(config: ClientConfig | undefined, purpose: SessionPurpose): ClientConfig {
  const own: ClientConfig & { readonly pipeline: boolean } = {
    ...config,
    // A pool hides its password from enumeration, so that a plain copy would lose it.
    ...(config?.password === undefined ? {} : { password: config.password }),
    connectionTimeoutMillis: connectTimeoutOf(config),
    keepAlive: true,
    types: AS_TEXT,
    pipeline: purpose === 'locks',
  };
  return own;
}

/** What a client has made of its configuration, of a connection string and of the environment. */
interface ConfiguredClient {
  binary?: boolean;
  _types?: unknown;
  readonly connectionParameters: {
    application_name?: string | undefined;
    readonly fallback_application_name?: string | undefined;
    binary?: boolean;
    statement_timeout?: number | false;
    idle_in_transaction_session_timeout?: number | false;
    query_timeout?: number | false;
    replication?: string | undefined;
  };
}

/**
 * The parameters of our own connections win over those of a connection string, which win over the configuration in `pg`:
 * so they are changed once the client has read everything. The rest is set by the first statements, over `options`, too.
 */
function overrule(client: ConfiguredClient, purpose: SessionPurpose): void {
  const parameters = client.connectionParameters;
  const application = parameters.application_name || parameters.fallback_application_name;
  parameters.application_name = sessionName(application, purpose);
  parameters.statement_timeout = false;
  parameters.idle_in_transaction_session_timeout = false;
  parameters.query_timeout = false;
  parameters.replication = undefined;
  parameters.binary = client.binary = false;
  client._types = AS_TEXT;
}

/** The library says by itself what it does with its sessions; what the class of a lent pool's clients makes of answers is not for them. */
function leaveUntraced(client: Client): void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called on the client
  const { query } = client instanceof pg.Client ? pg.Client.prototype : client;
  const own = client as unknown as { query(...args: unknown[]): unknown };
  const send = query as (...args: unknown[]) => unknown;
  own.query = (...args) =>
    mayBeTraced() ? untraced(() => send.apply(client, args)) : send.apply(client, args);
}

/** The user of the client learns of its end by `end` and by its rejected statements. */
function ignore(): void {}
