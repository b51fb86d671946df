import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { connectorTo } from '../session/connector.js';
import type { PgLockConnection } from '../session/session-options.js';
import {
  otherSessions,
  READ_DATABASE_IDENTITY,
  type DatabaseIdentity,
  type OtherSession,
} from '../sql/explain-session.js';
import { ExplainRefusedError } from './explain-refused.error.js';
import { ExplainSession } from './run/explain-session.js';

const MOST_SHOWN = 5;

/** @throws {ExplainRefusedError} when other clients are connected, who would wait for the locks that are tried. @internal */
export async function assertAlone(
  yes: boolean,
  session: ExplainSession,
  ownPids: readonly number[],
): Promise<void> {
  if (yes) return;
  const others = await session.query<OtherSession>(otherSessions(ownPids));
  if (others.length === 0) return;
  const shown = others
    .slice(0, MOST_SHOWN)
    .map(({ pid, application, role }) => `${pid} (${[application, role].filter(Boolean).join(', ')})`);
  const more = others.length > MOST_SHOWN ? `; and ${others.length - MOST_SHOWN} more` : '';
  throw new ExplainRefusedError(
    `Other clients are connected to the database, which would wait for the locks that are tried: ${shown.join('; ')}${more}. Use a database of its own, or give --yes (yes: true).`,
  );
}

/**
 * A pooler that gives each transaction another backend would leave settings behind, and show the locks of somebody else.
 *
 * @param open opens a second session, where there may be a pooler.
 * @throws {ExplainRefusedError} when a session does not keep its backend.
 * @internal
 */
export async function assertOneBackend(
  session: ExplainSession,
  open: () => Promise<ExplainSession>,
): Promise<void> {
  const backend = await session.backend();
  if (backend === session.pid) return;
  const other = await open();
  try {
    // Between two of its statements another client is given its backend, or it another one.
    const isShared = (await other.backend()) === backend;
    if (!isShared && (await session.backend()) === backend) return;
  } finally {
    await other.close();
  }
  throw new ExplainRefusedError(
    'A connection pooler in transaction mode stands between, which gives each transaction another session. Nothing was run: give the address of the server itself, or of a pooler in session mode.',
  );
}

/** @throws {PgLockUsageError} when the live database is the one that statements would be executed on. @internal */
export async function assertNotLive(live: PgLockConnection | null, session: ExplainSession): Promise<void> {
  if (live === null) return;
  const other = await ExplainSession.open(connectorTo(live));
  try {
    const [[here], [there]] = [
      await session.query<DatabaseIdentity>(READ_DATABASE_IDENTITY),
      await other.query<DatabaseIdentity>(READ_DATABASE_IDENTITY),
    ];
    if (JSON.stringify(here) === JSON.stringify(there))
      throw new PgLockUsageError(
        'The live database is the one that statements would be executed on. Nothing was run: name another with -d (database).',
      );
  } finally {
    await other.close();
  }
}
