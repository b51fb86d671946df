import type { Client } from 'pg';
import { createCore, type PgLockCore } from '../../core/pg-lock-core.js';
import { resolveOptions } from '../../options/resolve-options.js';
import { connectorTo } from '../../session/connector.js';
import type { ChosenDatabase } from '../database.js';
import { CliError, EXIT, lineOf } from '../exit.js';
import type { Io } from '../io.js';
import { readSettings, type WhereToLook } from '../open-inspection.js';

/** Runs work as one more process of the fleet, which asks the others, and leaves again. @internal */
export async function withCore<Result>(
  io: Io,
  where: WhereToLook,
  work: (core: PgLockCore) => Promise<Result>,
): Promise<Result> {
  const { database } = await readSettings(io, where);
  const { connection, namespace } = database;
  const core = createCore(resolveOptions({ connection, namespace }));
  try {
    await core.advisory.ping().catch((error: unknown) => {
      throw noConnection(database, error);
    });
    return await work(core);
  } finally {
    await core.close();
  }
}

/** @internal */
export async function connectedTo(database: ChosenDatabase): Promise<Client> {
  return connectorTo(database.connection)
    .connect('cli')
    .catch((error: unknown) => {
      throw noConnection(database, error);
    });
}

function noConnection({ label }: ChosenDatabase, error: unknown): CliError {
  return new CliError(EXIT.noConnection, `Cannot connect to ${label}: ${lineOf(error)}`, { cause: error });
}
