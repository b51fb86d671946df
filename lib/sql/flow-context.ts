import type { Statement } from './statement.js';

/** What {@link nameSession} answers. @internal */
export interface NameSessionRow {
  readonly former: string;
}

/**
 * Gives a session another `application_name`, and tells the former one; only where the backend is the one that the client was
 * told of, since behind a transaction pooler the name would stay for the next client.
 *
 * @param name null appends `label` to the name that the session has.
 * @see https://www.postgresql.org/docs/current/runtime-config-logging.html#GUC-APPLICATION-NAME
 * @internal
 */
export function nameSession(name: string | null, label: string, pid: number | null): Statement {
  return {
    text: `WITH was AS MATERIALIZED (SELECT pg_catalog.current_setting('application_name') AS former)
SELECT former, CASE WHEN $3::pg_catalog.int4 IS NULL OR pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) $3::pg_catalog.int4 THEN
 pg_catalog.set_config('application_name', pg_catalog.left(
  COALESCE($1::pg_catalog.text, former) OPERATOR(pg_catalog.||) $2::pg_catalog.text, 63), false) END AS now FROM was`,
    values: [name, label, pid],
  };
}
