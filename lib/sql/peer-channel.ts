import { ON_PRIMARY, onPrimary } from './on-primary.js';
import type { Statement } from './statement.js';

/**
 * The channel on which the processes of one database speak with each other. Part of the contract between versions: it never
 * changes.
 *
 * @internal
 */
export const PEER_CHANNEL = 'pglock';

/** The most bytes that the server takes in one notification. @internal */
export const NOTIFICATION_MAX_BYTES = 7_999;

/**
 * Tells all messages in one statement, and so in one commit. Nothing is written to disk.
 *
 * Transactions that notify commit one after the other, whatever their databases: each waits until the one before has ended, which
 * includes its wait for a synchronous standby. That is bounded here, by `lock_not_available`: heartbeats wait behind this statement.
 *
 * @see https://www.postgresql.org/docs/current/sql-notify.html
 * @internal
 */
export function notifyPeers(messages: readonly string[], waitMs: number): Statement {
  return {
    name: 'pglock_notify',
    text: `${ON_PRIMARY}SELECT pg_catalog.pg_notify('${PEER_CHANNEL}', m) FROM pg_catalog.unnest($1::pg_catalog.text[]) AS told(m),
 pg_catalog.set_config('lock_timeout', $2::pg_catalog.text, true)`,
    values: [messages, String(waitMs)],
  };
}

/** Sends nothing and asks nothing: what was committed before it is delivered before its answer. @internal */
export const SYNC_PEERS: Statement = onPrimary({ text: 'SELECT' });

/**
 * For which advisory locks sessions wait that hold a key. Any role sees all of it, of other software too, which no peer answers for.
 *
 * @see https://www.postgresql.org/docs/current/view-pg-locks.html
 * @internal
 */
export function waitsOfHolders(key: string): Statement {
  const [classId = '', objId = '', objSubId = ''] = key.split(':');
  return {
    text: `SELECT w.pid::pg_catalog.text AS pid, pg_catalog.concat_ws(':', w.classid, w.objid, w.objsubid) AS key
FROM pg_catalog.pg_locks h JOIN pg_catalog.pg_locks w ON w.pid OPERATOR(pg_catalog.=) h.pid
WHERE h.locktype OPERATOR(pg_catalog.=) 'advisory' AND h.granted AND NOT w.granted
  AND w.locktype OPERATOR(pg_catalog.=) 'advisory' AND w.database OPERATOR(pg_catalog.=) h.database
  AND h.database OPERATOR(pg_catalog.=)
    (SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
  AND h.classid OPERATOR(pg_catalog.=) $1::pg_catalog.text::pg_catalog.oid
  AND h.objid OPERATOR(pg_catalog.=) $2::pg_catalog.text::pg_catalog.oid
  AND h.objsubid OPERATOR(pg_catalog.=) $3::pg_catalog.text::pg_catalog.int2`,
    values: [classId, objId, objSubId],
  };
}

/** Which of these backends are gone. Any role may ask. @internal */
export function goneBackends(pids: readonly number[]): Statement {
  return {
    text: `SELECT asked.pid FROM pg_catalog.unnest($1::pg_catalog.int4[]) AS asked(pid)
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid OPERATOR(pg_catalog.=) asked.pid)`,
    values: [pids],
  };
}

/**
 * Whether the server shows a backend what sessions of our role do: it is of the same role, or of one that sees them all. Any
 * role may ask.
 *
 * @see https://www.postgresql.org/docs/current/predefined-roles.html
 * @internal
 */
export function seesOurStatements(pid: number): Statement {
  return {
    text: `SELECT a.pid FROM pg_catalog.pg_stat_activity a
WHERE a.pid OPERATOR(pg_catalog.=) $1::pg_catalog.int4
  AND a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
  AND (a.usename OPERATOR(pg_catalog.=) SESSION_USER
    OR pg_catalog.pg_has_role(a.usesysid, 'pg_read_all_stats', 'USAGE'))`,
    values: [pid],
  };
}
