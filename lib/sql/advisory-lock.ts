import type { LockKey } from '../vocabulary/lock-id.js';
import type { Statement } from './statement.js';

/**
 * One thing to do with one key in a fused statement. Lower case: `bigint` keys; upper case: pairs of integers.
 *
 * @internal
 */
export type LockOpCode = 'x' | 's' | 'u' | 'v' | 'X' | 'S' | 'U' | 'V';

/** The code of a non-blocking try for a key. @internal */
export function tryCode(key: LockKey, shared: boolean): LockOpCode {
  if (key.objSubId === 1) return shared ? 's' : 'x';
  return shared ? 'S' : 'X';
}

/** The code that lets go of what {@link tryCode} took. @internal */
export function unlockCode(key: LockKey, shared: boolean): LockOpCode {
  if (key.objSubId === 1) return shared ? 'v' : 'u';
  return shared ? 'V' : 'U';
}

// A pair travels packed in the 64 bits of `k`; arithmetic shifts take it apart again with its signs.
const FIRST = '(k >> 32)::pg_catalog.int4';
const SECOND = '((k << 32) >> 32)::pg_catalog.int4';

const FUSED = `SELECT pg_catalog.string_agg(CASE WHEN CASE op
 WHEN 'x' THEN pg_catalog.pg_try_advisory_lock(k)
 WHEN 'u' THEN pg_catalog.pg_advisory_unlock(k)
 WHEN 's' THEN pg_catalog.pg_try_advisory_lock_shared(k)
 WHEN 'v' THEN pg_catalog.pg_advisory_unlock_shared(k)
 WHEN 'X' THEN pg_catalog.pg_try_advisory_lock(${FIRST}, ${SECOND})
 WHEN 'U' THEN pg_catalog.pg_advisory_unlock(${FIRST}, ${SECOND})
 WHEN 'S' THEN pg_catalog.pg_try_advisory_lock_shared(${FIRST}, ${SECOND})
 WHEN 'V' THEN pg_catalog.pg_advisory_unlock_shared(${FIRST}, ${SECOND})
 END THEN 't' ELSE 'f' END, '') AS outcomes
FROM unnest($1::pg_catalog.int8[], $2::pg_catalog.text[]) AS ops(k, op)`;

/**
 * All tries and releases of one turn in one statement, done in the order given. Its one row holds one letter an
 * operation, `t` or `f`, in the same order. It never waits. Only for sessions whose `search_path` is `pg_catalog`.
 *
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS
 * @internal
 */
export function fusedLockOps(keys: readonly string[], codes: readonly LockOpCode[]): Statement {
  return { name: 'pglock_fused', text: FUSED, values: [`{${keys.join(',')}}`, `{${codes.join(',')}}`] };
}

const FUNCTIONS: Record<LockOpCode, string> = {
  x: 'pg_try_advisory_lock',
  X: 'pg_try_advisory_lock',
  u: 'pg_advisory_unlock',
  U: 'pg_advisory_unlock',
  s: 'pg_try_advisory_lock_shared',
  S: 'pg_try_advisory_lock_shared',
  v: 'pg_advisory_unlock_shared',
  V: 'pg_advisory_unlock_shared',
};

/** {@link fusedLockOps} for one operation alone: the same answer, planned and run more cheaply. @internal */
export function singleLockOp(key: string, code: LockOpCode): Statement {
  const pair = code < 'a';
  const argument = pair
    ? `(($1::pg_catalog.int8) >> 32)::pg_catalog.int4, ((($1::pg_catalog.int8) << 32) >> 32)::pg_catalog.int4`
    : '$1::pg_catalog.int8';
  const text = `SELECT CASE WHEN pg_catalog.${FUNCTIONS[code]}(${argument}) THEN 't' ELSE 'f' END AS outcomes`;
  return { name: `pglock_${code}`, text, values: [key] };
}

/** What a waiting statement tells about itself, for other processes that look for deadlocks. @internal */
export interface WaitNote {
  /** Since when the flow waits, in milliseconds of the Unix epoch. */
  readonly since: number;
  /** `LockKey.text` of the keys that are held by what stands behind this wait. */
  readonly holds: readonly string[];
}

/**
 * Waits for a session-level lock for at most `timeoutMs`, in one message. Keys stand in the text as plain figures,
 * because a statement of several commands takes no parameters; nothing of the caller's text is in it.
 *
 * @internal
 */
export function waitForLock(key: LockKey, shared: boolean, timeoutMs: number, note: WaitNote): string {
  const name = shared ? 'pg_advisory_lock_shared' : 'pg_advisory_lock';
  const comment = `/* pglock since=${note.since} holds=${note.holds.join(',')} */`;
  return `${comment} SET lock_timeout = ${timeoutMs}; SELECT pg_catalog.${name}(${literals(key)})`;
}

const NOTE = /^\/\* pglock since=(\d+) holds=([\d:,]*)/;

/** Reads the note of a statement that {@link waitForLock} made, also when the server cut its end off. @internal */
export function readWaitNote(query: string): WaitNote | undefined {
  const found = NOTE.exec(query);
  if (found === null) return undefined;
  const holds = (found[2] ?? '').split(',').filter((text) => /^\d+:\d+:[12]$/.test(text));
  return { since: Number(found[1]), holds };
}

/** Lets go of every session-level advisory lock of the session, and warns of none. @internal */
export const UNLOCK_ALL: Statement = { text: 'SELECT pg_catalog.pg_advisory_unlock_all()' };

/**
 * Whether a shared lock could be had at this moment by the asking session; taken and released within the statement.
 * False where an exclusive lock is held or waited for by another session.
 *
 * @internal
 */
export function probeShared(key: LockKey): Statement {
  return { text: `SELECT pg_catalog.pg_try_advisory_xact_lock_shared(${literals(key)}) AS free` };
}

/** The advisory locks that the asking session itself holds. @see https://www.postgresql.org/docs/current/view-pg-locks.html @internal */
export const OWN_LOCKS: Statement = {
  text: `SELECT classid::pg_catalog.int8::pg_catalog.text AS "classId", objid::pg_catalog.int8::pg_catalog.text AS "objId",
 objsubid::pg_catalog.int4 AS "objSubId", mode = 'ShareLock' AS shared
FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_catalog.pg_backend_pid()`,
};

/** Whether any session but those given holds the key. Looks, and takes nothing. @internal */
export function heldByOthers(key: LockKey, ownPids: readonly number[]): Statement {
  return {
    text: `SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.locktype = 'advisory' AND l.granted
 AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
 AND l.classid::pg_catalog.int8 = $1 AND l.objid::pg_catalog.int8 = $2 AND l.objsubid = $3
 AND l.pid <> ALL ($4::pg_catalog.int4[])) AS busy`,
    values: [key.classId, key.objId, key.objSubId, ownPids],
  };
}

/**
 * A number that grows from call to call in the whole database.
 *
 * The message is for nobody: a transaction that only took its id is committed without being flushed, and a server that
 * crashes right after it gives the same id again. One that wrote something is flushed before it answers.
 *
 * @see https://www.postgresql.org/docs/current/functions-info.html
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-REPLICATION
 * @internal
 */
export const FENCING_TOKEN: Statement = {
  text: `SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text AS token,
 pg_catalog.pg_logical_emit_message(true, 'pglock'::pg_catalog.text, ''::pg_catalog.text)`,
};

/** Every session that waits for an advisory lock: what it waits for, what it holds, and what its statement notes. @internal */
export const ADVISORY_WAITERS: Statement = {
  text: `SELECT a.pid, a.query, pg_catalog.date_part('epoch', a.query_start) * 1000 AS since, l.granted,
 pg_catalog.concat(l.classid::pg_catalog.int8, ':', l.objid::pg_catalog.int8, ':', l.objsubid) AS key
FROM pg_catalog.pg_stat_activity a
JOIN pg_catalog.pg_locks l ON l.pid = a.pid AND l.locktype = 'advisory' AND l.database = a.datid
WHERE a.datname = pg_catalog.current_database() AND a.wait_event_type = 'Lock' AND a.wait_event = 'advisory'`,
};

function literals(key: LockKey): string {
  if (key.objSubId === 1) return `'${key.int8}'::pg_catalog.int8`;
  return `'${key.classId | 0}'::pg_catalog.int4, '${key.objId | 0}'::pg_catalog.int4`;
}
