import { connectionPlace } from '../session/connection-place.js';
import type { PgLockConnection } from '../session/session-options.js';
import { printable } from '../vocabulary/printable.js';
import type { PgLockCliConfig, PgLockCliDatabase } from './config.js';
import { CliError, EXIT } from './exit.js';
import type { Io } from './io.js';

/** Which database a command talks to. @internal */
export interface ChosenDatabase {
  /** What messages call it: never a connection string. */
  readonly label: string;
  /** `undefined` means the `PG*` variables. */
  readonly connection: PgLockConnection | undefined;
  /** The host and the database, nothing secret: `db.example:5432/shop`. */
  readonly place: string;
  readonly namespace: string;
}

/**
 * The database of `--database`, else of the configuration file, else of `DATABASE_URL`, else of the `PG*` variables.
 *
 * @throws {CliError} when the name is not configured, or what should be an address is none.
 * @internal
 */
export function chooseDatabase(
  wanted: string | undefined,
  config: PgLockCliConfig,
  env: Io['env'],
): ChosenDatabase {
  const chosen = choose(wanted, config, env);
  return { ...chosen, place: connectionPlace(chosen.connection).text };
}

function choose(
  wanted: string | undefined,
  config: PgLockCliConfig,
  env: Io['env'],
): Omit<ChosenDatabase, 'place'> {
  const { databases = {}, connection, namespace = '' } = config;
  if (wanted === undefined) {
    if (connection !== undefined)
      return { label: 'the configured database', connection: address(connection), namespace };
    const url = env['DATABASE_URL'];
    if (url) return { label: 'DATABASE_URL', connection: address(url), namespace };
    return { label: 'the database of the PG* variables', connection: undefined, namespace };
  }
  if (wanted.includes('://')) return { label: '--database', connection: address(wanted), namespace };
  if (Object.hasOwn(databases, wanted)) {
    const found = normalised(databases[wanted] as PgLockConnection | PgLockCliDatabase);
    return {
      label: `database ${wanted}`,
      connection: address(found.connection),
      namespace: found.namespace ?? namespace,
    };
  }
  const names = Object.keys(databases);
  throw new CliError(
    EXIT.usage,
    `There is no database ${printable(wanted)}. ${names.length === 0 ? 'None is named in pglock.config; give a URL.' : `There are: ${names.join(', ')}.`}`,
  );
}

function normalised(database: PgLockConnection | PgLockCliDatabase): PgLockCliDatabase {
  return typeof database === 'object' && 'connection' in database ? database : { connection: database };
}

/** Checked here, so that no message of a parser has the chance to print it. */
function address(connection: PgLockConnection): PgLockConnection {
  if (typeof connection !== 'string') return connection;
  if (/^(postgres(ql)?:\/\/|socket:)/.test(connection) && URL.canParse(connection)) return connection;
  throw new CliError(
    EXIT.usage,
    'The address of the database must be a URL such as postgres://user@host:5432/name.',
  );
}
