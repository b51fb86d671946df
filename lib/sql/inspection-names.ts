import type { Statement } from './statement.js';
import { StatementValues } from './statement-values.js';

/** What {@link namingFacts} looks for. @internal */
export interface NamingQuestion {
  /** Tables of these names, or names like these. */
  readonly tables: readonly string[];
  /** Tables of these oids. */
  readonly oids: readonly number[];
  /** Names to hash as the server does. */
  readonly modules: readonly string[];
}

const MOST_TABLES = 5_000;

/**
 * What tells whose keys advisory locks have: rows of `kind` (`database`, `current`, `schema`, `extension`, `table`,
 * `partition`, `slot`, `module`), `name`, `schema`, and `value`: an oid, or a `hashtext`.
 *
 * @internal
 */
export function namingFacts({ tables, oids, modules }: NamingQuestion): Statement {
  const values = new StatementValues();
  const wanted = values.add(tables, 'text[]');
  const text = `SELECT 'database' AS kind, datname::pg_catalog.text AS name, NULL AS schema, NULL::pg_catalog.int8 AS value, NULL AS columns
 FROM pg_catalog.pg_database WHERE NOT datistemplate
UNION ALL SELECT 'current', pg_catalog.current_database()::pg_catalog.text, NULL, NULL, NULL
UNION ALL SELECT 'extension', extname::pg_catalog.text, NULL, NULL, NULL FROM pg_catalog.pg_extension
UNION ALL (SELECT 'schema', nspname::pg_catalog.text, NULL, NULL, NULL FROM pg_catalog.pg_namespace
 WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' LIMIT 1000)
UNION ALL (SELECT 'table', c.relname::pg_catalog.text, n.nspname::pg_catalog.text, c.oid::pg_catalog.int8,
  (SELECT pg_catalog.string_agg(a.attname::pg_catalog.text, ',') FROM pg_catalog.pg_attribute a
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname IN ('hash', 'dirty'))
 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  AND (c.relname LIKE ANY (${wanted}) OR c.oid::pg_catalog.int8 = ANY (${values.add(oids, 'float8[]')})) LIMIT ${MOST_TABLES})
UNION ALL (SELECT 'partition', pg_catalog.concat(n.nspname, '.', c.relname), NULL,
  pg_catalog.hashtext(pg_catalog.concat(n.nspname, '.', c.relname))::pg_catalog.int8, NULL
 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'p' LIMIT ${MOST_TABLES})
UNION ALL SELECT 'slot', slot_name::pg_catalog.text, NULL, pg_catalog.hashtext(slot_name::pg_catalog.text)::pg_catalog.int8, NULL
 FROM pg_catalog.pg_replication_slots
UNION ALL SELECT 'module', m.name, NULL, pg_catalog.hashtext(pg_catalog.concat('db-module-migration:', m.name))::pg_catalog.int8, NULL
 FROM pg_catalog.unnest(${values.add(modules, 'text[]')}) AS m(name)`;
  return { text, values: values.list };
}
