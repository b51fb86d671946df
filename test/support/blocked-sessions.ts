import type { Client } from 'pg';
import type { TestDatabase } from './database.js';

/** Tables that the scenes below lock. */
export const SCENE_SCHEMA = `
  CREATE SCHEMA billing;
  CREATE TABLE billing.invoices (id int PRIMARY KEY, note text);
  CREATE TABLE users (id int PRIMARY KEY, name text);
  INSERT INTO users SELECT i, 'user ' || i FROM generate_series(1, 10) i;
  INSERT INTO billing.invoices SELECT i, '' FROM generate_series(1, 10) i;`;

/** A session that waits, and those in whose way it is. */
export interface Scene {
  /** Who blocks; not connected any more where a prepared transaction does. */
  readonly blocker: Client;
  readonly waiter: Client;
  readonly blockerPid: number;
  readonly waiterPid: number;
  /** How the statement that waits ends. Never an unhandled rejection. */
  readonly waiting: Promise<Ending>;
}

/** How a statement ended: with rows, or with the SQLSTATE of its error. */
export type Ending = 'done' | { readonly code: string | undefined };

/** Runs a statement that is about to wait; gives back how it ends. */
export function start(client: Client, sql: string): Promise<Ending> {
  return client.query(sql).then(
    () => 'done' as const,
    (error: unknown) => ({ code: (error as { code?: string }).code }),
  );
}

/**
 * One session in the way of another: `blocks` runs (statement after statement) in the first, then `waits` in the second,
 * and the scene is set once the server shows the wait.
 */
export async function scene(
  db: TestDatabase,
  blocks: readonly string[],
  waits: string,
  url = db.url,
): Promise<Scene> {
  const blocker = await db.connect({ connectionString: url, application_name: 'blocker' });
  for (const statement of blocks) await blocker.query(statement);
  return { blocker, blockerPid: db.pidOf(blocker), ...(await waitingSession(db, waits)) };
}

/** A session that waits for a lock. `waits` may be several statements; the last is the one that waits. */
export async function waitingSession(
  db: TestDatabase,
  ...waits: readonly string[]
): Promise<Pick<Scene, 'waiter' | 'waiterPid' | 'waiting'>> {
  const waiter = await db.connect({ application_name: 'waiter' });
  for (const statement of waits.slice(0, -1)) await waiter.query(statement);
  const waiting = start(waiter, waits.at(-1) ?? '');
  const waiterPid = db.pidOf(waiter);
  await db.waitForWaiter(waiterPid);
  return { waiter, waiterPid, waiting };
}

/** Every way in which one session can be in another's, by name. */
export const WAYS = {
  'a table lock': [['BEGIN', 'LOCK TABLE users IN ACCESS EXCLUSIVE MODE'], 'SELECT * FROM users'],
  'a row': [
    ['BEGIN', 'UPDATE users SET name = name WHERE id = 1'],
    'UPDATE users SET name = name WHERE id = 1',
  ],
  'an advisory session lock': [['SELECT pg_advisory_lock(7)'], 'SELECT pg_advisory_lock(7)'],
  'an advisory transaction lock': [
    ['BEGIN', 'SELECT pg_advisory_xact_lock(-1, 2)'],
    'SELECT pg_advisory_xact_lock(-1, 2)',
  ],
  'a unique key': [['BEGIN', "INSERT INTO users VALUES (99, 'a')"], "INSERT INTO users VALUES (99, 'b')"],
  'an idle transaction before DDL': [
    ['BEGIN', 'SELECT * FROM users'],
    'ALTER TABLE users ADD COLUMN IF NOT EXISTS age int',
  ],
  'an old snapshot before CREATE INDEX CONCURRENTLY': [
    ['BEGIN ISOLATION LEVEL REPEATABLE READ', 'SELECT * FROM users'],
    'CREATE INDEX CONCURRENTLY IF NOT EXISTS users_name ON users (name)',
  ],
} as const satisfies Record<string, readonly [blocks: readonly string[], waits: string]>;
