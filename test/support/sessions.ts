import type { Client } from 'pg';
import { eventually, type EventuallyOptions } from './waiting.js';

/** One server session as a test sees it. */
export interface Session {
  readonly pid: number;
  readonly applicationName: string;
  readonly state: string | null;
  readonly query: string;
  /** Who stands in its way: empty unless it waits for a lock. */
  readonly blockedBy: readonly number[];
  /** Advisory locks it holds or waits for, as `int8 42`, `int4 1,2`, with ` (waiting)` where not granted. */
  readonly advisoryLocks: readonly string[];
}

const SESSIONS = `
  SELECT a.pid,
         a.application_name AS "applicationName",
         a.state,
         coalesce(a.query, '') AS query,
         pg_catalog.pg_blocking_pids(a.pid) AS "blockedBy",
         coalesce(
           (SELECT pg_catalog.array_agg(
                     CASE l.objsubid
                       WHEN 1 THEN 'int8 ' || ((l.classid::bigint << 32) | l.objid::bigint)
                       ELSE 'int4 ' || l.classid::bigint::bit(32)::int || ',' || l.objid::bigint::bit(32)::int
                     END || CASE WHEN l.granted THEN '' ELSE ' (waiting)' END)
              FROM pg_catalog.pg_locks l
             WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.database = a.datid),
           '{}') AS "advisoryLocks"
    FROM pg_catalog.pg_stat_activity a
   WHERE a.datname = pg_catalog.current_database()
     AND a.pid <> pg_catalog.pg_backend_pid()
     AND a.backend_type IN ('client backend', 'walsender')
   ORDER BY a.backend_start`;

/** Every other session of the database that `client` is connected to. */
export async function sessionsSeenBy(client: Client): Promise<Session[]> {
  return (await client.query<Session>(SESSIONS)).rows;
}

/**
 * Resolves to the session that waits for a lock held by somebody, as soon as there is one: the one with that
 * process id, or the first that satisfies the predicate (default: any).
 */
export async function waitForWaiter(
  client: Client,
  which: number | ((session: Session) => boolean) = () => true,
  options?: EventuallyOptions,
): Promise<Session> {
  const wanted = typeof which === 'number' ? ({ pid }: Session) => pid === which : which;
  return eventually(async () => {
    const sessions = await sessionsSeenBy(client);
    const waiter = sessions.find((session) => session.blockedBy.length > 0 && wanted(session));
    if (waiter) return waiter;
    throw new Error(`no session waits for a lock; there are:\n${describeSessions(sessions)}`);
  }, options);
}

/** One line a session, for messages. */
export function describeSessions(sessions: readonly Session[]): string {
  if (sessions.length === 0) return '  (none)';
  return sessions.map((session) => `  ${describeSession(session)}`).join('\n');
}

function describeSession({ pid, applicationName, state, query, blockedBy, advisoryLocks }: Session): string {
  const facts = [`pid ${String(pid)}`, `"${applicationName}"`, state ?? 'unknown state'];
  if (advisoryLocks.length > 0) facts.push(`advisory locks: ${advisoryLocks.join(', ')}`);
  if (blockedBy.length > 0) facts.push(`blocked by ${blockedBy.join(', ')}`);
  return `${facts.join(', ')}: ${query.replace(/\s+/g, ' ').trim().slice(0, 200)}`;
}
