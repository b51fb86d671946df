import type { Client } from 'pg';
import { describeSessions, sessionsSeenBy, type Session } from './sessions.js';
import { eventually } from './waiting.js';

const GONE_WITHIN_MS = 60_000;

export interface LeakCheck {
  /** Sessions that may stay. They may not keep an advisory lock. */
  readonly mayStay: (session: Session) => boolean;
  /** How long sessions that are going away may take, in milliseconds; default 60 000. */
  readonly timeout?: number;
}

interface Leftovers {
  readonly sessions: readonly Session[];
  /** Names of prepared transactions: no session has them, and their locks survive even a restart. */
  readonly prepared: readonly string[];
}

/**
 * Throws when the database of `admin` still has a prepared transaction or a session that should have gone, or
 * when any session holds or awaits an advisory lock. Says which, then ends them so that the next test starts
 * clean.
 */
export async function expectNothingLeft(admin: Client, check: LeakCheck): Promise<void> {
  const { mayStay, timeout = GONE_WITHIN_MS } = check;
  let left: Leftovers = { sessions: [], prepared: [] };
  const clean = async () => {
    left = await leftovers(admin, mayStay);
    return left.sessions.length + left.prepared.length === 0;
  };
  await eventually(clean, { timeout }).catch(async () => {
    await end(admin, left);
    throw new Error(
      `the test left sessions, advisory locks or prepared transactions behind:\n${inWords(left)}`,
    );
  });
}

async function leftovers(admin: Client, mayStay: LeakCheck['mayStay']): Promise<Leftovers> {
  const sessions = await sessionsSeenBy(admin);
  const { rows } = await admin.query<{ gid: string }>(
    'SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()',
  );
  return {
    sessions: sessions.filter((session) => session.advisoryLocks.length > 0 || !mayStay(session)),
    prepared: rows.map(({ gid }) => gid),
  };
}

function inWords({ sessions, prepared }: Leftovers): string {
  const transactions = prepared.map((gid) => `  prepared transaction ${gid}`);
  return [...(sessions.length > 0 ? [describeSessions(sessions)] : []), ...transactions].join('\n');
}

async function end(admin: Client, { sessions, prepared }: Leftovers): Promise<void> {
  for (const gid of prepared) await admin.query(`ROLLBACK PREPARED ${admin.escapeLiteral(gid)}`);
  const pids = sessions.map(({ pid }) => pid);
  await admin.query('SELECT pg_catalog.pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid', [pids]);
}
