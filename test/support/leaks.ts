import type { Client } from 'pg';
import { describeSessions, sessionsSeenBy, type Session } from './sessions.js';
import { eventually } from './waiting.js';

const GONE_WITHIN_MS = 2_000;

export interface LeakCheck {
  /** Sessions that may stay. They may not keep an advisory lock. */
  readonly mayStay: (session: Session) => boolean;
  /** How long sessions that are going away may take, in milliseconds; default 2000. */
  readonly timeout?: number;
}

/**
 * Throws when the database of `admin` still has sessions that should have gone, or when any session holds or
 * awaits an advisory lock. Says which, then ends those sessions so that the next test starts clean.
 */
export async function expectNothingLeft(admin: Client, check: LeakCheck): Promise<void> {
  const { mayStay, timeout = GONE_WITHIN_MS } = check;
  const leftovers = async () =>
    (await sessionsSeenBy(admin)).filter((one) => one.advisoryLocks.length > 0 || !mayStay(one));
  let left: Session[] = [];
  const clean = async () => (left = await leftovers()).length === 0;
  await eventually(clean, { timeout }).catch(async () => {
    await end(admin, left);
    throw new Error(`the test left sessions or advisory locks behind:\n${describeSessions(left)}`);
  });
}

async function end(admin: Client, sessions: readonly Session[]): Promise<void> {
  const pids = sessions.map(({ pid }) => pid);
  await admin.query('SELECT pg_catalog.pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid', [pids]);
}
