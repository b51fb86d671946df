import { LockSessionError } from '../errors/lock-session.error.js';
import { PermissionError } from '../errors/permission.error.js';
import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import { PgLockError } from '../errors/pg-lock.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { PoolerError } from '../errors/pooler.error.js';
import { ReadReplicaError } from '../errors/read-replica.error.js';
import { ServerNotSupportedError } from '../errors/server-not-supported.error.js';
import { sqlStateOf } from '../vocabulary/sqlstate.js';

/** Connection failures, a server that starts, stops or is full, and resources that run out for a while. */
const PASSING_STATES = ['08', '57P', '53'];
const NETWORK =
  /^(?:E(?:CONN(?:REFUSED|RESET|ABORTED)|PIPE|TIMEDOUT|HOST(?:UNREACH|DOWN)|NET(?:UNREACH|DOWN|RESET)|AI_AGAIN|NOTFOUND|NOENT|MFILE|NFILE))$/;
const UNKNOWN_HOST = 'ENOTFOUND';
/** What `pg` says, without a code, of a connection that is over or was not made in time. */
const CONNECTION_LOST = /terminated|timeout|closed|not queryable|ended/i;

/**
 * Whether an error of a lock session may pass by itself, so that waiting for it makes sense: the server cannot be reached,
 * restarts, or has no connection left. A wrong password or database, a pooler, and whatever the server refuses do not; nor does
 * a host that was never known: see {@link firstFailure}.
 *
 * @internal
 */
export function isPassing(error: unknown): boolean {
  if (error instanceof PgLockError) return error instanceof LockSessionError;
  const code = sqlStateOf(error);
  if (code === undefined) return error instanceof Error && CONNECTION_LOST.test(error.message);
  return NETWORK.test(code) || PASSING_STATES.some((prefix) => code.length === 5 && code.startsWith(prefix));
}

/**
 * The error of an attempt to connect before any has succeeded: a name that does not resolve is a wrong one then, and no failure of the
 * network that will pass.
 *
 * @internal
 */
export function firstFailure(cause: unknown): unknown {
  if (sqlStateOf(cause) !== UNKNOWN_HOST) return cause;
  const message = cause instanceof Error ? cause.message : UNKNOWN_HOST;
  return new PgLockConfigurationError(
    `The host of the database is not known (${message}). Correct the host of \`connection\`.`,
    { cause },
  );
}

/** What an address, a role or a configuration is to be changed for: no server is away, and none will answer otherwise. */
const HOPELESS: readonly (abstract new (...args: never[]) => Error)[] = [
  PgLockUsageError,
  PgLockConfigurationError,
  PoolerError,
  ReadReplicaError,
  ServerNotSupportedError,
  PermissionError,
];

/**
 * Whether an error of what has never worked yet will not pass by itself: a wrong password or database, a host that does not
 * exist, a pooler, a read replica.
 *
 * @internal
 */
export function isHopeless(error: unknown): boolean {
  if (error instanceof PgLockError) return HOPELESS.some((type) => error instanceof type);
  const code = sqlStateOf(error);
  return code !== undefined && (code === UNKNOWN_HOST || !isPassing(error));
}

/** The error for callers that cannot wait until the server can be reached. @param what has happened. @internal */
export function unreachable(cause: unknown, what = 'No connection for locks could be opened'): unknown {
  if (cause instanceof PgLockError || !isPassing(cause)) return cause;
  const message = cause instanceof Error && cause.message !== '' ? cause.message : String(sqlStateOf(cause));
  return new LockSessionError(`${what}: ${message}.`, { cause });
}
