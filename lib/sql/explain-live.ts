import type { LockMode } from '../vocabulary/lock-mode.js';
import type { Statement } from './statement.js';

/** A relation to look for, and what a lock on it would have to wait for. @internal */
export interface LiveTarget {
  readonly schema: string;
  readonly name: string;
  readonly conflicting: readonly LockMode[];
}

/** Limits what reading may cost: nothing is written, nothing waits, nothing runs long. @internal */
export const PREPARE_LIVE: Statement = {
  text: `SELECT pg_catalog.set_config('statement_timeout', '2s', true), pg_catalog.set_config('lock_timeout', '100ms', true),
 pg_catalog.set_config('jit', 'off', true), pg_catalog.set_config('search_path', 'pg_catalog', true)`,
};

/** A row of {@link readLiveRelations}; `sessions` is JSON text. @internal */
export interface LiveRow {
  readonly position: string;
  readonly bytes: string | null;
  readonly rows: string | null;
  readonly scanspersecond: string | null;
  readonly oldest: string | null;
  readonly wraparound: string | null;
  readonly sessions: string | null;
}

/** `AccessExclusiveLock` of `ACCESS EXCLUSIVE`. */
function spelling(mode: LockMode): string {
  const words = mode.toLowerCase().split(' ');
  return `${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}Lock`;
}

/** From the catalogs, which no session locks for long: `pg_relation_size()` would wait behind ACCESS EXCLUSIVE. */
const SIZES = `tree AS (
 SELECT r.position, r.oid FROM named r
 UNION ALL SELECT t.position, h.inhrelid FROM tree t JOIN pg_inherits h ON h.inhparent = t.oid),
parts AS (
 SELECT t.position, c.oid, c.relpages, c.reltuples, c.relkind, c.reltoastrelid, c.relnatts FROM tree t JOIN pg_class c ON c.oid = t.oid),
pages AS (
 SELECT p.position, SUM(p.relpages::int8 + COALESCE(x.pages, 0) + COALESCE(toast.relpages, 0)) AS pages,
 SUM(CASE WHEN p.relkind NOT IN ('r', 'm') THEN 0 WHEN p.reltuples > 0 OR p.relpages > 0 THEN p.reltuples ELSE pg_stat_get_live_tuples(p.oid) END) AS tuples,
 SUM(CASE WHEN p.relpages = 0 AND p.relkind IN ('r', 'm') THEN pg_stat_get_live_tuples(p.oid) * (28 + w.width) ELSE 0 END) AS guess,
 SUM(CASE WHEN p.relkind IN ('r', 'm', 'i') THEN pg_stat_get_numscans(p.oid) ELSE 0 END + COALESCE(x.scans, 0)) AS scans
 FROM parts p
 LEFT JOIN pg_class toast ON toast.oid = p.reltoastrelid
 LEFT JOIN LATERAL (SELECT SUM(c.relpages)::int8 AS pages, SUM(pg_stat_get_numscans(c.oid)) AS scans
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = p.oid) x ON true
 LEFT JOIN LATERAL (SELECT COALESCE(SUM(CASE WHEN a.attlen > 0 THEN a.attlen ELSE 32 END), 0) AS width
  FROM pg_attribute a WHERE a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped) w ON true
 GROUP BY 1)`;

const SESSIONS = `held AS (
 SELECT r.position, json_agg(json_build_object('pid', COALESCE(l.pid, 0), 'applicationName', COALESCE(a.application_name, ''),
  'user', COALESCE(a.usename, ''), 'state', COALESCE(a.state, CASE WHEN l.pid IS NULL THEN 'prepared' ELSE 'unknown' END),
  'ageMs', GREATEST(round(date_part('epoch', clock_timestamp() - COALESCE(a.xact_start, a.query_start, a.backend_start)) * 1000), 0),
  'mode', l.mode, 'granted', l.granted)
  ORDER BY l.granted DESC, COALESCE(a.xact_start, a.query_start, a.backend_start)) AS sessions
 FROM named r JOIN tree t ON t.position = r.position JOIN pg_locks l ON l.locktype = 'relation' AND l.relation = t.oid
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) AND l.mode = ANY (r.modes)
 LEFT JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.pid IS DISTINCT FROM pg_backend_pid()
  AND (a.backend_type IS DISTINCT FROM 'autovacuum worker' OR a.query LIKE '%(to prevent wraparound)%')
 GROUP BY 1)`;

/**
 * Of each relation its size, scans, and the conflicting sessions, from catalogs and statistics only: no lock on any of them.
 *
 * @see https://www.postgresql.org/docs/current/monitoring-stats.html
 * @internal
 */
export function readLiveRelations(targets: readonly LiveTarget[]): Statement {
  return {
    text: `WITH RECURSIVE named AS MATERIALIZED (
 SELECT w.position, c.oid, string_to_array(w.modes, ',') AS modes
 FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w (schema, name, modes, position)
 JOIN pg_namespace n ON n.nspname = w.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name),
${SIZES},
${SESSIONS},
since AS (
 SELECT GREATEST(date_part('epoch', clock_timestamp() - COALESCE(pg_stat_get_db_stat_reset_time(d.oid), pg_postmaster_start_time())), 1) AS seconds
 FROM pg_database d WHERE d.datname = current_database())
SELECT r.position, (p.pages * current_setting('block_size')::int8 + p.guess)::int8::text AS bytes, GREATEST(p.tuples, 0)::int8::text AS rows,
 (p.scans / since.seconds)::text AS scanspersecond,
 (SELECT round(max(date_part('epoch', clock_timestamp() - a.xact_start)) * 1000)::text FROM pg_stat_activity a
  WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend') AS oldest,
 EXISTS (SELECT FROM pg_stat_progress_vacuum v JOIN pg_stat_activity a ON a.pid = v.pid JOIN tree t ON t.oid = v.relid
  WHERE t.position = r.position AND a.query LIKE '%(to prevent wraparound)%')::text AS wraparound,
 h.sessions::text AS sessions
FROM named r CROSS JOIN since JOIN pages p ON p.position = r.position LEFT JOIN held h ON h.position = r.position ORDER BY 1`,
    values: [
      targets.map(({ schema }) => schema),
      targets.map(({ name }) => name),
      targets.map(({ conflicting }) => conflicting.map(spelling).join(',')),
    ],
  };
}
