import type { LockKey } from '../vocabulary/lock-id.js';
import { ON_PRIMARY } from './on-primary.js';
import type { Statement } from './statement.js';

/** What both statements answer. @internal */
export interface XactLockRow {
  /** The backend that holds the locks: the true one, also behind a pooler. */
  readonly pid: number;
  /** Whether all locks are held now; null where none was asked for, on a read replica. */
  readonly granted: boolean | null;
  /** Whether the server is a read replica. */
  readonly recovery: boolean;
}

/**
 * Takes all keys for the transaction, one after the other in the order given, and waits for each.
 *
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS
 * @internal
 */
export function lockXact(keys: readonly LockKey[], shared: boolean, allowStandby = false): Statement {
  const name = `pg_catalog.pg_advisory_xact_lock${shared ? '_shared' : ''}`;
  // `void` has no comparison and Prisma cannot read it: counted as text, and true for any count.
  return over(keys, (key) => `${name}(${key})::pg_catalog.text IS NOT NULL`, allowStandby);
}

/**
 * Tries to take all keys for the transaction without waiting. Where `granted` is false some may be held: roll back to a
 * savepoint.
 *
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS
 * @internal
 */
export function tryLockXact(keys: readonly LockKey[], shared: boolean, allowStandby = false): Statement {
  const name = `pg_catalog.pg_try_advisory_xact_lock${shared ? '_shared' : ''}`;
  return over(keys, (key) => `${name}(${key})`, allowStandby);
}

/** What is asked for one key, given as the arguments of a lock function. */
type GrantOf = (key: string) => string;

/** On a read replica nothing is asked for. */
function over(keys: readonly LockKey[], grantOf: GrantOf, allowStandby: boolean): Statement {
  const [only, second] = keys;
  return only !== undefined && second === undefined
    ? overOne(only, grantOf, allowStandby)
    : overMany(keys, grantOf, allowStandby);
}

const answering = (granted: string) =>
  `${ON_PRIMARY}SELECT pg_catalog.pg_backend_pid() AS pid, ${granted} AS granted, pg_catalog.pg_is_in_recovery() AS recovery`;

/** Without a list the server plans and runs it in half the time. */
function overOne(key: LockKey, grantOf: GrantOf, allowStandby: boolean): Statement {
  const isPair = key.objSubId === 2;
  const granted = grantOf(isPair ? '$1::pg_catalog.int4, $2::pg_catalog.int4' : '$1::pg_catalog.int8');
  return {
    text: answering(
      allowStandby ? granted : `CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN ${granted} END`,
    ),
    values: isPair ? [String(key.classId | 0), String(key.objId | 0)] : [key.int8],
  };
}

/** Arrays travel as text: every client carries text, and the statement is the same for any number of keys. */
function overMany(keys: readonly LockKey[], grantOf: GrantOf, allowStandby: boolean): Statement {
  const list = (values: readonly unknown[]) => `{${values.join(',')}}`;
  const granted = `pg_catalog.bool_and(CASE WHEN pair THEN ${grantOf('a, b')} ELSE ${grantOf('k')} END)`;
  return {
    text: `${answering(granted)}
FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.bool[]), pg_catalog.unnest($2::pg_catalog.int8[]),
 pg_catalog.unnest($3::pg_catalog.int4[]), pg_catalog.unnest($4::pg_catalog.int4[])) AS keys(pair, k, a, b)${allowStandby ? '' : '\nWHERE NOT pg_catalog.pg_is_in_recovery()'}`,
    values: [
      list(keys.map((key) => key.objSubId === 2)),
      list(keys.map((key) => key.int8)),
      list(keys.map((key) => key.classId | 0)),
      list(keys.map((key) => key.objId | 0)),
    ],
  };
}

/**
 * A number that grows from call to call in the whole database, for a session with settings of its own or of a pooler's.
 * Not the id of the transaction that holds the lock: that may be older than the lock, and a server that crashes before the
 * commit gives it again. The message has no reader, but makes the transaction one that is flushed before it answers.
 *
 * @see https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-REPLICATION
 * @internal
 */
export const FRESH_TOKEN: Statement = {
  text: `SELECT pg_catalog.set_config('synchronous_commit', 'local', true), pg_catalog.pg_current_xact_id()::pg_catalog.text AS token,
 pg_catalog.pg_logical_emit_message(true, 'pglock'::pg_catalog.text, ''::pg_catalog.text)`,
};
