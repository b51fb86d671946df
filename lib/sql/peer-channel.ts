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
 * @see https://www.postgresql.org/docs/current/sql-notify.html
 * @internal
 */
export function notifyPeers(messages: readonly string[]): Statement {
  return {
    name: 'pglock_notify',
    text: `SELECT pg_catalog.pg_notify('${PEER_CHANNEL}', m) FROM pg_catalog.unnest($1::pg_catalog.text[]) AS told(m)`,
    values: [messages],
  };
}

/** Sends nothing and asks nothing: what was committed before it is delivered before its answer. @internal */
export const SYNC_PEERS: Statement = { text: 'SELECT' };

/** Which of these backends are gone. Any role may ask. @internal */
export function goneBackends(pids: readonly number[]): Statement {
  return {
    text: `SELECT asked.pid FROM pg_catalog.unnest($1::pg_catalog.int4[]) AS asked(pid)
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid OPERATOR(pg_catalog.=) asked.pid)`,
    values: [pids],
  };
}
