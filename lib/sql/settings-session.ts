import { serverTimeoutMs } from '../vocabulary/duration.js';
import { ON_PRIMARY } from './on-primary.js';
import type { Statement } from './statement.js';

/** What {@link setSessionLockTimeout} answers. @internal */
export interface SessionLockTimeoutRow {
  /** The value before, as `current_setting` spells it; null where it was the server's own, and `RESET` restores it. */
  readonly former: string | null;
  /** Whether it is set now: false where another backend answered than the client was told of. */
  readonly done: boolean;
}

/**
 * Sets `lock_timeout` for the session, unless a pooler stands between and the session is not ours alone.
 *
 * @param pid the backend that the client was told of; null to trust whatever answers.
 * @see https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
 * @internal
 */
export function setSessionLockTimeout(timeoutMs: number | null, pid: number | null): Statement {
  return {
    text: `${ON_PRIMARY}WITH was AS MATERIALIZED (
 SELECT CASE WHEN setting OPERATOR(pg_catalog.<>) reset_val THEN pg_catalog.current_setting('lock_timeout') END AS former
 FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'lock_timeout')
SELECT former, CASE WHEN $2::pg_catalog.int4 IS NULL OR pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) $2::pg_catalog.int4
 THEN pg_catalog.set_config('lock_timeout', $1::pg_catalog.text, false) END IS NOT NULL AS done FROM was`,
    values: [String(serverTimeoutMs(timeoutMs)), pid],
  };
}

/** Gives back what {@link setSessionLockTimeout} found. @see https://www.postgresql.org/docs/current/sql-reset.html @internal */
export function restoreSessionLockTimeout(former: string | null): Statement {
  if (former === null) return { text: 'RESET lock_timeout' };
  return {
    text: `${ON_PRIMARY}SELECT pg_catalog.set_config('lock_timeout', $1::pg_catalog.text, false)`,
    values: [former],
  };
}
