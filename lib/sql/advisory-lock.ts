import type { LockKey } from '../vocabulary/lock-id.js';
import { int8, int8Array } from './binary-values.js';
import { ON_PRIMARY, onPrimary } from './on-primary.js';
import type { NamedStatement, Statement } from './statement.js';

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

/** The code that releases what {@link tryCode} took. @internal */
export function unlockCode(key: LockKey, shared: boolean): LockOpCode {
  if (key.objSubId === 1) return shared ? 'v' : 'u';
  return shared ? 'V' : 'U';
}

// A pair travels packed in the 64 bits of `k`; arithmetic shifts take it apart again with its signs.
const PAIR = '(k >> 32)::pg_catalog.int4, ((k << 32) >> 32)::pg_catalog.int4';

const CALLS: Record<LockOpCode, string> = {
  x: 'pg_catalog.pg_try_advisory_lock(k)',
  u: 'pg_catalog.pg_advisory_unlock(k)',
  s: 'pg_catalog.pg_try_advisory_lock_shared(k)',
  v: 'pg_catalog.pg_advisory_unlock_shared(k)',
  X: `pg_catalog.pg_try_advisory_lock(${PAIR})`,
  U: `pg_catalog.pg_advisory_unlock(${PAIR})`,
  S: `pg_catalog.pg_try_advisory_lock_shared(${PAIR})`,
  V: `pg_catalog.pg_advisory_unlock_shared(${PAIR})`,
};

/** Almost all there is to do: with one comparison an operation it runs faster than {@link ANY}. */
const EXCLUSIVE = `${ON_PRIMARY}SELECT n FROM unnest($1::pg_catalog.int8[]) WITH ORDINALITY AS ops(k, n)
WHERE NOT CASE WHEN n > $2::pg_catalog.int8 THEN ${CALLS.x} ELSE ${CALLS.u} END`;

const ANY = `${ON_PRIMARY}SELECT n FROM unnest($1::pg_catalog.int8[], $2::pg_catalog.text[]) WITH ORDINALITY AS ops(k, op, n)
WHERE NOT CASE op ${Object.entries(CALLS)
  .map(([code, call]) => `WHEN '${code}' THEN ${call}`)
  .join(' ')} END`;

/** One try or release of one key. @internal */
export interface KeyOp {
  readonly key: LockKey;
  readonly code: LockOpCode;
}

/**
 * All tries and releases of one turn in one statement, done in the order given, releases before tries. Its rows are the
 * places, from 1 on, of those that the server refused: mostly none. It never waits. Only for sessions whose `search_path`
 * is `pg_catalog`.
 *
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS
 * @internal
 */
export function fusedLockOps(releases: readonly KeyOp[], tries: readonly KeyOp[]): NamedStatement {
  const ops = releases.length === 0 ? tries : tries.length === 0 ? releases : [...releases, ...tries];
  const keys = int8Array(ops);
  if (ops.every(({ code }) => code === 'x' || code === 'u'))
    return { name: 'pglock_exclusive', text: EXCLUSIVE, values: [keys, String(releases.length)] };
  return { name: 'pglock_any', text: ANY, values: [keys, `{${ops.map(({ code }) => code).join(',')}}`] };
}

/** Spelled once: a text that is put together anew has to be looked up by its characters, by the driver as well. */
const SINGLE = Object.fromEntries(
  Object.entries(CALLS).map(([code, call]) => {
    const text = `${ON_PRIMARY}SELECT 1 FROM (SELECT $1::pg_catalog.int8 AS k) AS op WHERE NOT ${call}`;
    return [code, { name: `pglock_${code}`, text }];
  }),
) as Record<LockOpCode, Pick<NamedStatement, 'name' | 'text'>>;

/** {@link fusedLockOps} for one operation alone: the same answer, planned and run more cheaply. @internal */
export function singleLockOp({ key, code }: KeyOp): NamedStatement {
  const { name, text } = SINGLE[code];
  return { name, text, values: [int8(key)] };
}

/** What a statement that waits consists of. @internal */
export interface WaitStatement {
  readonly key: LockKey;
  readonly shared: boolean;
  /** Tells this wait from all others of the process. */
  readonly number: number;
  /** A statement that begins the server's lease, where it has not begun. */
  readonly beginLease: string | undefined;
  /** Whether `plpgsql` can be used, so that a cancelled wait is no error and leaves no line in the server's log. */
  readonly isCaught: boolean;
}

/** Where the session keeps how its wait has ended: `f`, `t`, or `w` where it has really waited; and the column that says so. */
const OUTCOME = 'pglock.wait';

/** How a wait has ended. @internal */
export type WaitOutcome = 'no' | 'at once' | 'after others';

/** What the last row of {@link waitForLock} says. @internal */
export function waitOutcome(row: Readonly<Record<string, string | null>> | undefined): WaitOutcome {
  if (row?.[OUTCOME] === 'w') return 'after others';
  return row?.[OUTCOME] === 't' ? 'at once' : 'no';
}

/**
 * Waits for a session-level lock until it is granted or cancelled, in one message. Its last row says whether it was granted.
 * A lock may be granted in the moment of the cancel: everything is released then, which is nothing else, since a session that
 * waits holds nothing; nor does it begin with anything, whatever became of a release that was sent just before. Keys stand in the text as plain figures, because a statement of several commands takes no parameters;
 * nothing of the caller's text is in it.
 *
 * @see https://www.postgresql.org/docs/current/plpgsql-control-structures.html#PLPGSQL-ERROR-TRAPPING
 * @internal
 */
export function waitForLock(wait: WaitStatement): string {
  const { key, shared, beginLease, isCaught } = wait;
  const mode = shared ? '_shared' : '';
  const call = `pg_catalog.pg_advisory_lock${mode}(${literals(key)})`;
  const tried = `pg_catalog.pg_try_advisory_lock${mode}(${literals(key)})`;
  // `SHOW`, which is not planned: it stands between the grant and the one who waits for it.
  const set = (value: string) => `pg_catalog.set_config('${OUTCOME}', '${value}', false)`;
  const begin = beginLease === undefined ? '' : `${beginLease}; `;
  const comment = `${waitMark(wait.number)}*/`;
  const nothing = 'SELECT pg_catalog.pg_advisory_unlock_all()';
  if (!isCaught) return `${comment} ${begin}${nothing}; SELECT ${call}; SELECT 'w' AS "${OUTCOME}"`;
  return `${comment} ${begin}${nothing}, ${set('t')}; DO $pglock$BEGIN
IF NOT ${tried} THEN PERFORM ${set('w')}, ${call}; END IF;
EXCEPTION WHEN query_canceled OR lock_not_available THEN
PERFORM pg_catalog.pg_advisory_unlock_all(), ${set('f')}; END$pglock$;
SHOW ${OUTCOME}`;
}

/** How the statement of a wait begins. */
function waitMark(number: number): string {
  return `${ON_PRIMARY}/* pglock wait=${number} `;
}

/**
 * Cancels a wait of {@link waitForLock}, if that is what the backend does at this moment; gives a row when it was.
 *
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL
 * @internal
 */
export function cancelWait(pid: number, { key, number }: Pick<WaitStatement, 'key' | 'number'>): Statement {
  // Looking into `pg_locks` stops the lock manager for a moment, so that it is the second choice.
  return {
    text: `SELECT 1 FROM pg_catalog.pg_stat_get_activity($1::pg_catalog.int4) a
WHERE a.wait_event_type = 'Lock' AND a.wait_event = 'advisory'
 AND CASE WHEN a.query LIKE '/*%' THEN pg_catalog.strpos(a.query, $2::pg_catalog.text) = 1
 ELSE EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory' AND NOT l.granted
  AND l.classid::pg_catalog.int8 = $3::pg_catalog.int8 AND l.objid::pg_catalog.int8 = $4::pg_catalog.int8) END
 AND pg_catalog.pg_cancel_backend(a.pid)`,
    values: [pid, waitMark(number), key.classId, key.objId],
  };
}

/**
 * How the waits of some backends stand: whether each still waits for an advisory lock, and whether another session waits for it to
 * end its transaction, which `CREATE INDEX CONCURRENTLY` does for all with an older snapshot.
 *
 * @see https://www.postgresql.org/docs/current/view-pg-locks.html
 * @internal
 */
export function lookAtWaits(pids: readonly number[]): Statement {
  return {
    text: `WITH l AS MATERIALIZED (SELECT locktype, virtualxid, pid, granted FROM pg_catalog.pg_locks
 WHERE locktype IN ('virtualxid', 'advisory') AND (NOT granted OR pid = ANY ($1::pg_catalog.int4[])))
SELECT p.pid,
 EXISTS (SELECT FROM l WHERE l.pid = p.pid AND l.locktype = 'advisory' AND NOT l.granted) AS waits,
 EXISTS (SELECT FROM l AS own JOIN l AS other ON other.virtualxid = own.virtualxid AND NOT other.granted
  AND other.locktype = 'virtualxid' WHERE own.pid = p.pid AND own.granted AND own.locktype = 'virtualxid') AS disturbs
FROM pg_catalog.unnest($1::pg_catalog.int4[]) AS p(pid)`,
    values: [`{${pids.join(',')}}`],
  };
}

/**
 * Which of these keys any session waits for, as `classId:objId:objSubId`: those of other applications as well.
 *
 * @see https://www.postgresql.org/docs/current/view-pg-locks.html
 * @internal
 */
export function awaitedOf(keys: readonly LockKey[]): Statement {
  return {
    text: `SELECT DISTINCT k.key FROM pg_catalog.pg_locks l
 JOIN pg_catalog.unnest($1::pg_catalog.text[]) AS k(key) ON k.key = pg_catalog.concat_ws(':', l.classid, l.objid, l.objsubid)
WHERE l.locktype = 'advisory' AND NOT l.granted
 AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`,
    values: [`{${keys.map(({ text }) => text).join(',')}}`],
  };
}

/** Releases every session-level advisory lock of the session, and warns of none. @internal */
export const UNLOCK_ALL: Statement = onPrimary({ text: 'SELECT pg_catalog.pg_advisory_unlock_all()' });

/**
 * Whether a shared lock could be acquired at this moment by the asking session; taken and released within the statement.
 * False where an exclusive lock is held or waited for by another session.
 *
 * @internal
 */
export function probeShared(key: LockKey): Statement {
  return {
    text: `${ON_PRIMARY}SELECT pg_catalog.pg_try_advisory_xact_lock_shared(${literals(key)}) AS free`,
  };
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
 * The message has no reader: a transaction that only took its id is committed without being flushed, and a server that
 * crashes right after it gives the same id again. One that wrote something is flushed before it answers.
 *
 * @see https://www.postgresql.org/docs/current/functions-info.html
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-REPLICATION
 * @internal
 */
export const FENCING_TOKEN: Statement = {
  text: `${ON_PRIMARY}SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text AS token,
 pg_catalog.pg_logical_emit_message(true, 'pglock'::pg_catalog.text, ''::pg_catalog.text)`,
};

/**
 * The timeline that the server writes, as eight hexadecimal digits: the first ones of the name of its current WAL file.
 *
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-BACKUP
 * @internal
 */
export const FENCING_EPOCH: Statement = {
  text: `${ON_PRIMARY}SELECT pg_catalog."left"(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) AS timeline`,
};

function literals(key: LockKey): string {
  if (key.objSubId === 1) return `'${key.int8}'::pg_catalog.int8`;
  return `'${key.classId | 0}'::pg_catalog.int4, '${key.objId | 0}'::pg_catalog.int4`;
}
