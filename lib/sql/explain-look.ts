import type { NamedStatement, Statement } from './statement.js';

/** A relation as a look gives it: what `pg_class` says now, or nulls where the session has dropped it. @internal */
export interface LookedRelation {
  readonly oid: number;
  /** As `pg_locks` spells them: `AccessExclusiveLock`. */
  readonly modes: readonly string[];
  readonly schema: string | null;
  readonly name: string | null;
  readonly kind: string | null;
  readonly filenode: number | null;
  /** Of an index, its table. */
  readonly table: number | null;
  readonly temporary: boolean;
  /** Whether it is the default partition of its table. */
  readonly isDefault: boolean;
  /** Of a partitioned table, as `pg_get_partkeydef` spells it: `RANGE (id)`. */
  readonly partitionKey: string | null;
  readonly foreignKeys: readonly CatalogForeignKey[];
}

/** A foreign key of a relation. @internal */
export interface CatalogForeignKey {
  /** Quoted where SQL would need it. */
  readonly name: string;
  /** The table that it refers to. */
  readonly to: number;
  readonly columns: readonly string[];
  /** Those that it refers to, and the constraint of that table that makes them unique; an index may do without one. */
  readonly referenced: readonly string[];
  readonly key: string | null;
}

/** What a session sees of itself at one moment. @internal */
export interface Look {
  /** The relations that it has locked, system catalogs left out. */
  readonly locked: readonly LookedRelation[];
  /** How often it has scanned tables from end to end, since its figures were last handed to the statistics. */
  readonly scans: readonly (readonly [oid: number, times: number])[];
  /** Milliseconds; 0 means that it waits without a limit. */
  readonly lockTimeoutMs: number;
  /** Whether its transaction has written anything. */
  readonly wrote: boolean;
}

/** Oids below belong to what `initdb` has made. */
const FIRST_USER_OID = 16384;

/** Relations of users: no TOAST tables, which go with their tables. */
const RELATION = `c.oid OPERATOR(pg_catalog.>=) ${FIRST_USER_OID}::pg_catalog.oid AND c.relkind OPERATOR(pg_catalog.<>) 't'
 AND NOT (n.nspname OPERATOR(pg_catalog.~) '^pg_toast')`;

const JOINS = `LEFT JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid OPERATOR(pg_catalog.=) c.oid
LEFT JOIN pg_catalog.pg_partitioned_table d ON d.partdefid OPERATOR(pg_catalog.=) c.oid`;

const columnsOf = (relation: string, numbers: string) =>
  `(SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) k.${relation}
  AND a.attnum OPERATOR(pg_catalog.=) ANY (k.${numbers}))`;

/** Those of a partition that are its parent's go with the parent's. */
const FOREIGN_KEYS = `(SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('name', pg_catalog.quote_ident(k.conname),
  'to', k.confrelid::pg_catalog.int8, 'columns', ${columnsOf('conrelid', 'conkey')}, 'referenced', ${columnsOf('confrelid', 'confkey')},
  'key', (SELECT u.conname FROM pg_catalog.pg_constraint u WHERE u.conrelid OPERATOR(pg_catalog.=) k.confrelid
   AND u.conindid OPERATOR(pg_catalog.=) k.conindid AND u.contype OPERATOR(pg_catalog.=) ANY ('{p,u}')))), '[]')
  FROM pg_catalog.pg_constraint k WHERE k.conrelid OPERATOR(pg_catalog.=) c.oid AND k.contype OPERATOR(pg_catalog.=) 'f'
  AND k.conparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid)`;

const COLUMNS = `'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
 'filenode', pg_catalog.pg_relation_filenode(c.oid)::pg_catalog.int8, 'table', i.indrelid::pg_catalog.int8,
 'temporary', COALESCE(c.relpersistence OPERATOR(pg_catalog.=) 't', false), 'isDefault', d.partrelid IS NOT NULL,
 'partitionKey', CASE c.relkind WHEN 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END, 'foreignKeys', ${FOREIGN_KEYS}`;

const SCANS_OF_LOCKED =
  'SELECT l.relation AS oid, pg_catalog.pg_stat_get_xact_numscans(l.relation) AS times FROM l';
const SCANS_OF_ALL = `SELECT c.oid, pg_catalog.pg_stat_get_xact_numscans(c.oid) AS times FROM pg_catalog.pg_class c
 WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,m}') AND c.oid OPERATOR(pg_catalog.>=) ${FIRST_USER_OID}::pg_catalog.oid`;

/**
 * What the session that runs it holds, rewrote and scanned, as one JSON text. It has to be that very session: others see
 * neither its new names and files nor its scans.
 *
 * Two statements rather than one with a parameter, which the server would plan anew each time.
 *
 * @param allScans count the scans of all tables, not only of those that are locked. Before the first statement of a transaction that
 * is the only way, since figures of the transactions before it may not have been handed over yet.
 * @see https://www.postgresql.org/docs/current/view-pg-locks.html
 * @see https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-STATS-FUNCTIONS
 * @internal
 */
export function lookAtOwnSession(allScans: boolean): NamedStatement {
  return {
    name: allScans ? 'pglock_explain_look_all' : 'pglock_explain_look',
    text: `WITH l AS MATERIALIZED (
 SELECT l.relation, pg_catalog.json_agg(DISTINCT l.mode::pg_catalog.text) AS modes FROM pg_catalog.pg_locks l
 WHERE l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND l.locktype OPERATOR(pg_catalog.=) 'relation'
 AND l.granted AND l.relation OPERATOR(pg_catalog.>=) ${FIRST_USER_OID}::pg_catalog.oid GROUP BY 1),
s AS MATERIALIZED (${allScans ? SCANS_OF_ALL : SCANS_OF_LOCKED})
SELECT pg_catalog.json_build_object(
 'locked', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('oid', l.relation::pg_catalog.int8, 'modes', l.modes, ${COLUMNS})), '[]')
  FROM l LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) l.relation ${JOINS}
  WHERE c.oid IS NULL OR (${RELATION})),
 'scans', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_array(s.oid::pg_catalog.int8, s.times)), '[]') FROM s WHERE s.times OPERATOR(pg_catalog.>) 0),
 'lockTimeoutMs', (SELECT pg_catalog.date_part('epoch', pg_catalog.current_setting('lock_timeout')::pg_catalog.interval) OPERATOR(pg_catalog.*) 1000::pg_catalog.float8),
 'wrote', pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL)::pg_catalog.text AS look`,
    values: [],
  };
}

/** A relation of the whole catalog. @internal */
export type CatalogRelation = Omit<LookedRelation, 'modes'>;

/** All relations of users, as one JSON text. Takes no lock on any of them. @internal */
export const READ_RELATIONS: Statement = {
  text: `SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('oid', c.oid::pg_catalog.int8, ${COLUMNS})), '[]')::pg_catalog.text AS relations
FROM pg_catalog.pg_class c ${JOINS} WHERE ${RELATION}`,
};
