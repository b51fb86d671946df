import { serverTimeoutMs } from '../vocabulary/duration.js';
import { ON_PRIMARY, onPrimary } from './on-primary.js';
import type { Statement } from './statement.js';

/** The settings that limit a wait, as `current_setting` spells them. @internal */
export interface FormerSettings {
  readonly locktimeout: string;
  readonly statementtimeout: string;
}

/** What {@link limitWaits} answers. @internal */
export interface FormerSettingsRow extends FormerSettings {
  /** The backend that answers: the true one, also behind a pooler. */
  readonly pid: number;
}

/** A wait for several locks ends this much later by `statement_timeout` than the wait for one by `lock_timeout`. @internal */
export const GRACE_MS = 10;

/**
 * Limits the waits of the next statement, for this transaction only, and answers what was set before.
 *
 * `lock_timeout` counts anew for each lock of a statement, so `statement_timeout` limits the whole; a shorter one of the
 * caller's stays. `null` takes the limit of `lock_timeout` away and leaves `statement_timeout` alone.
 *
 * @see https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
 * @internal
 */
export function limitWaits(timeoutMs: number | null): Statement {
  return onPrimary(limits(timeoutMs));
}

function limits(timeoutMs: number | null): Statement {
  const total = timeoutMs === null ? '0' : String(serverTimeoutMs(timeoutMs + GRACE_MS));
  return {
    text: `WITH former AS MATERIALIZED (
 SELECT pg_catalog.current_setting('lock_timeout') AS locktimeout,
 pg_catalog.current_setting('statement_timeout') AS statementtimeout,
 pg_catalog.current_setting('statement_timeout')::pg_catalog.interval AS limited)
SELECT locktimeout, statementtimeout, pg_catalog.pg_backend_pid() AS pid,
 pg_catalog.set_config('lock_timeout', $1::pg_catalog.text, true) AS nowlock,
 CASE WHEN $2::pg_catalog.text OPERATOR(pg_catalog.<>) '0' AND (limited OPERATOR(pg_catalog.=) '0'
 OR limited OPERATOR(pg_catalog.>) ($2::pg_catalog.text OPERATOR(pg_catalog.||) 'ms')::pg_catalog.interval)
 THEN pg_catalog.set_config('statement_timeout', $2::pg_catalog.text, true) END AS nowstatement
FROM former`,
    values: [String(serverTimeoutMs(timeoutMs)), total],
  };
}

/** Undoes {@link limitWaits}. @internal */
export function restoreWaits(former: FormerSettings): Statement {
  return {
    text: `${ON_PRIMARY}SELECT pg_catalog.set_config('lock_timeout', $1::pg_catalog.text, true) AS nowlock,
 pg_catalog.set_config('statement_timeout', $2::pg_catalog.text, true) AS nowstatement`,
    values: [former.locktimeout, former.statementtimeout],
  };
}

/**
 * As {@link limitWaits}, for statements that follow in the same write: the former values stay in the session, for
 * {@link RESTORE_KEPT_WAITS} to find within the transaction.
 *
 * @internal
 */
export function keepAndLimitWaits(timeoutMs: number | null): Statement {
  const { text, values = [] } = limits(timeoutMs);
  return {
    text: `${ON_PRIMARY}SELECT pg_catalog.set_config('nestjs_pglock.lock_timeout', locktimeout, true),
 pg_catalog.set_config('nestjs_pglock.statement_timeout', statementtimeout, true) FROM (${text}) AS limits`,
    values,
  };
}

/** Undoes {@link keepAndLimitWaits}. @internal */
export const RESTORE_KEPT_WAITS: Statement = {
  text: `${ON_PRIMARY}SELECT pg_catalog.set_config('lock_timeout', pg_catalog.current_setting('nestjs_pglock.lock_timeout', true), true),
 pg_catalog.set_config('statement_timeout', pg_catalog.current_setting('nestjs_pglock.statement_timeout', true), true)`,
};

/** The backend of this session, and whether its `lock_timeout` is still what the server gave it. @internal */
export interface SessionStateRow {
  readonly pid: number;
  readonly untouched: boolean;
}

/** Reads {@link SessionStateRow}. @see https://www.postgresql.org/docs/current/view-pg-settings.html @internal */
export const READ_SESSION_STATE: Statement = {
  text: `${ON_PRIMARY}SELECT pg_catalog.pg_backend_pid() AS pid, setting OPERATOR(pg_catalog.=) reset_val AS untouched
FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'lock_timeout'`,
};

/** Sets `lock_timeout` for this transaction, and answers what it was, as `former`, and the backend, as `pid`. @internal */
export function setLocalLockTimeout(timeoutMs: number | null): Statement {
  return {
    text: `${ON_PRIMARY}WITH was AS MATERIALIZED (SELECT pg_catalog.current_setting('lock_timeout') AS former)
SELECT former, pg_catalog.pg_backend_pid() AS pid,
 pg_catalog.set_config('lock_timeout', $1::pg_catalog.text, true) AS now FROM was`,
    values: [String(serverTimeoutMs(timeoutMs))],
  };
}
