import type { Statement } from './statement.js';

/** What the first statement of an observer session reads. @internal */
export interface ObserverFacts {
  readonly pid: string;
  readonly version: string;
  /** What the server calls itself: `version()`. */
  readonly versionText: string;
  /** `t` on a read replica. */
  readonly recovery: string;
}

/** Changes nothing, since a pooler may stand between. @internal */
export const READ_OBSERVER_FACTS: Statement = {
  text: `SELECT pg_catalog.pg_backend_pid() AS pid,
 pg_catalog.current_setting('server_version_num') AS version,
 pg_catalog.version() AS "versionText", pg_catalog.pg_is_in_recovery() AS recovery`,
};

/**
 * Settles a session that only looks and signals: names mean what `pg_catalog` says, no statement runs without limit, none
 * waits for a lock for long, and idling ends when we say so.
 *
 * @see https://www.postgresql.org/docs/current/runtime-config-client.html
 * @internal
 */
export function prepareObserverSession(version: number, statementTimeoutMs: number): Statement {
  const settings: Record<string, string> = {
    search_path: 'pg_catalog, pg_temp',
    statement_timeout: String(statementTimeoutMs),
    lock_timeout: String(statementTimeoutMs),
    idle_in_transaction_session_timeout: '0',
    default_transaction_isolation: 'read committed',
    default_transaction_read_only: 'off', // the ledger of jobs is written to
    jit: 'off',
    quote_all_identifiers: 'off', // names of types are read, too
    // Figures are read from their text.
    extra_float_digits: '1',
    ...(version >= 140_000 ? { idle_session_timeout: '0' } : {}),
    ...(version >= 170_000 ? { transaction_timeout: '0' } : {}),
  };
  const names = Object.keys(settings);
  return {
    text: `SELECT ${names.map((_, index) => `pg_catalog.set_config($${index * 2 + 1}, $${index * 2 + 2}, false)`).join(', ')}`,
    values: names.flatMap((name) => [name, settings[name]]),
  };
}
