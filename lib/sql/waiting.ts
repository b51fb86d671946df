import { randomUUID } from 'node:crypto';
import { ON_PRIMARY } from './on-primary.js';
import type { Statement } from './statement.js';

/** A statement that may wait for locks, and the mark by which the server's activity shows it. @internal */
export interface WaitingStatement extends Statement {
  readonly mark: string;
}

const MARK = /\/\* pglock wait [0-9a-f-]{36} \*\//;

/** Marks a statement that may wait for locks, so that this wait of it can be found, and nothing else. @internal */
export function waiting({ text, values }: Statement): WaitingStatement {
  const mark = `/* pglock wait ${randomUUID()} */`;
  return { mark, text: `${ON_PRIMARY}${mark} ${text}`, ...(values === undefined ? {} : { values }) };
}

/** Whether a text is one of {@link waiting}. @internal */
export function isWaiting(text: string): boolean {
  return MARK.test(text);
}

/** The mark in a text, wherever it stands: what traces statements writes comments of its own before them. @internal */
export function markWithin(text: string): string | undefined {
  return MARK.exec(text)?.[0];
}

/**
 * Cancels a marked statement, if it waits for a lock at this moment. Answers one row while the statement runs, none when it
 * has not begun or is over. A server that shows no statements (`track_activities` off) is asked by the pid, where it is known.
 *
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL
 * @see https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
 * @internal
 */
export function cancelWait(mark: string, pid: number | undefined): Statement {
  return {
    text: `SELECT a.pid, CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid OPERATOR(pg_catalog.=) a.pid AND NOT l.granted)
 THEN pg_catalog.pg_cancel_backend(a.pid) END AS sent
FROM pg_catalog.pg_stat_activity a
WHERE a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
 AND (a.state OPERATOR(pg_catalog.=) 'active' AND pg_catalog.strpos(a.query, $1::pg_catalog.text) OPERATOR(pg_catalog.>) 0
 OR a.state OPERATOR(pg_catalog.=) 'disabled' AND a.pid OPERATOR(pg_catalog.=) $2::pg_catalog.int4)`,
    values: [mark, pid ?? null],
  };
}

/** The backend that ran a marked statement last, where the server shows it. @internal */
export function lastRan(mark: string): Statement {
  return {
    text: `SELECT a.pid FROM pg_catalog.pg_stat_activity a
WHERE a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid() AND pg_catalog.strpos(a.query, $1::pg_catalog.text) OPERATOR(pg_catalog.>) 0`,
    values: [mark],
  };
}
