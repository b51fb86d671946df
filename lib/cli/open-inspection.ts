import { BlockedPgLocks } from '../inspection/blocked-pg-locks.js';
import type { InspectionParts } from '../inspection/lock-inspector.js';
import { resolveNames } from '../inspection/names/resolve-names.js';
import { PgLocks } from '../inspection/pg-locks.js';
import { LockNames } from '../locks/lock-names.js';
import { connectorTo } from '../session/connector.js';
import { ObserverSession } from '../session/observer-session.js';
import { targetTable } from '../transaction/resolve-target.js';
import type { LockId } from '../vocabulary/lock-id.js';
import type { PgLockCliConfig, SavedCliQuery } from './config.js';
import { readConfigFile } from './config-file.js';
import { chooseDatabase, type ChosenDatabase } from './database.js';
import { CliError, EXIT, lineOf } from './exit.js';
import type { Io } from './io.js';

/** What commands look through: one connection, opened before the command begins. @internal */
export interface CliInspection {
  readonly config: PgLockCliConfig;
  readonly database: ChosenDatabase;
  readonly observer: ObserverSession;
  readonly locks: PgLocks;
  readonly blocked: BlockedPgLocks;
  /** What keys are called from now on. */
  readonly names: LockNames;
}

/** Which database, and which saved question. @internal */
export interface WhereToLook {
  readonly database?: string | undefined;
  readonly config?: string | undefined;
}

/** Reads the configuration and chooses the database. @throws {CliError} when either is wrong. @internal */
export async function readSettings(
  io: Io,
  { database, config: name }: WhereToLook,
): Promise<Pick<CliInspection, 'config' | 'database'> & { readonly saved: SavedCliQuery }> {
  const config = await readConfigFile(io.cwd);
  const saved = name === undefined ? {} : savedQuery(config, name);
  return { config, saved, database: chooseDatabase(database ?? saved.database, config, io.env) };
}

/**
 * Runs a command on an open connection, and closes it.
 *
 * @throws {CliError} when the server cannot be reached, or does not let us in.
 * @internal
 */
export async function withInspection<T>(
  { config, database }: Pick<CliInspection, 'config' | 'database'>,
  ids: readonly LockId[],
  work: (inspection: CliInspection) => Promise<T>,
): Promise<T> {
  const observer = new ObserverSession(connectorTo(database.connection), { purpose: 'cli' });
  const names = new LockNames(database.namespace);
  const given = resolveNames(config.names);
  for (const id of [...given.ids, ...ids]) names.keyOf(id);
  const parts: InspectionParts = {
    observer,
    names,
    namespace: database.namespace,
    tableOf: (target) => targetTable(target),
    configs: {},
    registered: given.registered,
  };
  try {
    await connected(observer, database);
    return await work({
      config,
      database,
      observer,
      names,
      locks: new PgLocks(parts),
      blocked: new BlockedPgLocks(parts),
    });
  } finally {
    await observer.close();
  }
}

async function connected(observer: ObserverSession, { label }: ChosenDatabase): Promise<void> {
  try {
    await observer.version();
  } catch (error) {
    throw new CliError(EXIT.noConnection, `Cannot connect to ${label}: ${lineOf(error)}`, { cause: error });
  }
}

function savedQuery({ configs = {} }: PgLockCliConfig, name: string): SavedCliQuery {
  if (Object.hasOwn(configs, name)) return configs[name] as SavedCliQuery;
  const names = Object.keys(configs);
  throw new CliError(
    EXIT.usage,
    `There is no configuration "${name}". ${names.length === 0 ? 'pglock.config saves none.' : `There are: ${names.join(', ')}.`}`,
  );
}
