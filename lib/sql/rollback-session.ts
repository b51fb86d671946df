import { begin } from './transaction.js';
import type { Statement } from './statement.js';

const NAME = 'pglock_explain_around';

/** Begins the transaction that is rolled back, in which a tool may be idle. @internal */
export const BEGIN_ROLLED_BACK: readonly Statement[] = [
  begin({}),
  { text: 'SET LOCAL idle_in_transaction_session_timeout = 0' },
];

/** @see https://www.postgresql.org/docs/current/sql-savepoint.html @internal */
export const SAVEPOINT: Statement = { text: `SAVEPOINT ${NAME}` };

/** @internal */
export const RELEASE_SAVEPOINT: Statement = { text: `RELEASE SAVEPOINT ${NAME}` };

/** @internal */
export const ROLLBACK_TO_SAVEPOINT: Statement = { text: `ROLLBACK TO SAVEPOINT ${NAME}` };

/**
 * Checks deferred constraints as a COMMIT does, and defers again those that are deferred by default: their events must not
 * block DDL behind it.
 *
 * @see https://www.postgresql.org/docs/current/sql-set-constraints.html
 * @internal
 */
export const CHECK_CONSTRAINTS: Statement = {
  text: `DO $pglock$ DECLARE immediate pg_catalog.text; BEGIN
 SET CONSTRAINTS ALL IMMEDIATE;
 SET CONSTRAINTS ALL DEFERRED;
 SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format('%I.%I', n.nspname, c.conname), ', ') INTO immediate
 FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.connamespace
 WHERE c.condeferrable AND NOT c.condeferred;
 IF immediate IS NOT NULL THEN EXECUTE 'SET CONSTRAINTS ' OPERATOR(pg_catalog.||) immediate OPERATOR(pg_catalog.||) ' IMMEDIATE'; END IF;
END $pglock$`,
};

/** Whether the transaction has written anything. @internal */
export const HAS_WRITTEN: Statement = {
  text: 'SELECT pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL AS written',
};

/** Whether one of some backends waits for another of them. @internal */
export function waitsAmong(pids: readonly number[]): Statement {
  return {
    text: `SELECT a.pid FROM pg_catalog.unnest($1::pg_catalog.int4[]) a(pid)
WHERE pg_catalog.pg_blocking_pids(a.pid) OPERATOR(pg_catalog.&&) $1::pg_catalog.int4[]`,
    values: [pids],
  };
}
