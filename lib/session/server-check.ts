import { ReadReplicaError } from '../errors/read-replica.error.js';
import { ServerNotSupportedError } from '../errors/server-not-supported.error.js';

/** How servers that only speak the protocol call themselves, and why no lock is taken there. */
const OTHERS: readonly (readonly [sign: RegExp, name: string, why: string])[] = [
  [
    /PGlite|emscripten/i,
    'PGlite',
    'it has one session, which all connections share, so that each has what any other has locked',
  ],
  [/CockroachDB/i, 'CockroachDB', 'its advisory lock functions answer without locking'],
  [/-YB-|Yugabyte/i, 'YugabyteDB', 'its advisory locks are missing, or do not behave as those of PostgreSQL'],
  [/Redshift/i, 'Amazon Redshift', 'it has no advisory locks'],
  [/DSQL/i, 'Amazon Aurora DSQL', 'it has no advisory locks'],
  [/Materialize/i, 'Materialize', 'its advisory lock functions answer without locking'],
  [/RisingWave/i, 'RisingWave', 'it has no advisory locks'],
  [/CrateDB/i, 'CrateDB', 'it has no advisory locks'],
  [/QuestDB/i, 'QuestDB', 'it has no advisory locks'],
  [/Spanner/i, 'Cloud Spanner', 'it has no advisory locks'],
];

/** Which other server this is, by the text of `version()`; undefined for PostgreSQL. @internal */
export function otherServer(
  versionText: string,
): { readonly name: string; readonly why: string } | undefined {
  const found = OTHERS.find(([sign]) => sign.test(versionText));
  return found && { name: found[1], why: found[2] };
}

/** @throws {ServerNotSupportedError} when session-level locks mean nothing on such a server. @internal */
export function assertServer(versionText: string): void {
  const other = otherServer(versionText);
  if (other === undefined) return;
  throw new ServerNotSupportedError(
    `This server is ${other.name}, and session-level advisory locks are refused there: ${other.why}. Connect to a PostgreSQL server.`,
  );
}

/** That a lock on a replica excludes no session of the primary. @internal */
export function replicaError(what: string, options?: ErrorOptions): ReadReplicaError {
  return new ReadReplicaError(
    `This is a read replica; a lock there excludes no session of the primary: ${what} is refused. Connect to the primary (a load balancer such as ` +
      'pgpool-II must not send locks to a standby; `target_session_attrs=read-write` finds the primary), or set `sessions.allowStandby` to lock among the sessions of this standby only.',
    options,
  );
}

/** The error for what needs other processes to speak with: on a standby none can. @internal */
export function noPeersOnStandby(what: string): ReadReplicaError {
  return new ReadReplicaError(
    `There are no ${what} with \`sessions.allowStandby\`: on a read replica the processes of an application cannot communicate with each other. ` +
      'Use a module that is connected to the primary.',
  );
}

/**
 * Whether a statement failed because the server is a read replica: the same SQLSTATE as in a transaction that is read-only
 * by itself, told apart by the place in the server's source, which no language changes.
 *
 * @internal
 */
export function isInRecovery(error: unknown): boolean {
  for (let one: unknown = error, depth = 0; typeof one === 'object' && one !== null && depth < 5; depth++) {
    const { code, routine, message, cause } = one as Record<
      'code' | 'routine' | 'message' | 'cause',
      unknown
    >;
    const said =
      routine === 'PreventCommandDuringRecovery' ||
      /\bduring recovery\b|recovery is in progress/.test(String(message));
    if (
      said &&
      (code === undefined ||
        code === '25006' ||
        code === '55000' ||
        typeof code !== 'string' ||
        !/^\w{5}$/.test(code))
    )
      return true;
    one =
      cause ??
      (one as { readonly driverError?: unknown }).driverError ??
      (one as { readonly original?: unknown }).original;
  }
  return false;
}
