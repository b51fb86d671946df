import type { PgLockConnection } from '../../session/session-options.js';
import type { PgLockCliConfig } from '../config.js';
import { chooseDatabase } from '../database.js';
import { CliError, EXIT } from '../exit.js';

/**
 * Where statements are executed: what `-d` or `explain.database` names, and nothing else, since they are executed.
 *
 * @throws {CliError} when neither is given.
 * @internal
 */
export function explainDatabase(wanted: string | undefined, config: PgLockCliConfig): PgLockConnection {
  const database = wanted ?? config.explain?.database;
  if (database === undefined)
    throw new CliError(
      EXIT.usage,
      'Statements are executed, so the database must be named: -d URL, or explain.database in pglock.config. DATABASE_URL does not count.',
    );
  return typeof database === 'string' ? named(database, config) : database;
}

/** What `--live` names. @internal */
export function liveDatabase(wanted: string | undefined, config: PgLockCliConfig): PgLockConnection | null {
  return wanted === undefined ? null : named(wanted, config);
}

function named(wanted: string, config: PgLockCliConfig): PgLockConnection {
  // With a name or a URL given, the environment is never asked.
  const { connection } = chooseDatabase(wanted, config, {});
  if (connection === undefined) throw new CliError(EXIT.usage, 'There is no such database.');
  return connection;
}
