import type { Duplex } from 'node:stream';
import pg from 'pg';
import type { ClientConfig } from 'pg';
import type { PgLockConnection } from './session-options.js';

/** A connection that is authenticated and idle, and whose bytes are ours from there on. @internal */
export interface RawSession {
  readonly stream: Duplex;
  readonly pid: number;
  /** What a request to cancel must name. */
  readonly secretKey: number;
  /** What the server has said of its settings, in order. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

interface RawConnection extends NodeJS.EventEmitter {
  readonly stream: Duplex;
  startup(config: unknown): void;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Where a configuration connects to, and as whom. @internal */
export interface RawTarget {
  readonly user: string;
  readonly database: string;
}

/** @internal */
export function rawTarget(connection: PgLockConnection): RawTarget {
  const { user, database } = new pg.Client(configOf(connection));
  return { user: user ?? '', database: database ?? '' };
}

/**
 * Connects and authenticates with the driver, TLS and SCRAM included, and then takes its socket away from it.
 *
 * @param startup the startup message to send: another client's own, so that its settings hold.
 * @internal
 */
export async function openRawSession(connection: PgLockConnection, startup: Buffer): Promise<RawSession> {
  const client = new pg.Client(configOf(connection));
  client.on('error', () => undefined);
  const driver = client as unknown as { connection: RawConnection; processID: number; secretKey: number };
  const parameters: [string, string][] = [];
  driver.connection.startup = () => void driver.connection.stream.write(startup);
  driver.connection.on('parameterStatus', (message: { parameterName: string; parameterValue: string }) => {
    parameters.push([message.parameterName, message.parameterValue]);
  });
  await client.connect();
  const { stream } = driver.connection;
  stream.removeAllListeners('data');
  stream.pause();
  return { stream, pid: driver.processID, secretKey: driver.secretKey, parameters };
}

function configOf(connection: PgLockConnection): ClientConfig {
  const config = typeof connection === 'string' ? { connectionString: connection } : connection;
  return {
    ...config,
    ...(config.password === undefined ? {} : { password: config.password }),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  };
}
