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
