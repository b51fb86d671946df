/** What confirms that a tool takes a key: something of its own in the database, or what its sessions call themselves. @internal */
export interface Confirmation {
  readonly table?: string;
  /** A column that this table must have: its name alone says little. */
  readonly column?: string;
  readonly schema?: string;
  readonly extension?: string;
  /** How the application's name begins, in small letters. */
  readonly application?: string;
}

/** A key that a tool always takes. @internal */
export interface KnownKey extends Confirmation {
  readonly name: string;
  readonly key: bigint;
  /** How it is known: seen in `pg_locks` while the tool ran, or read in its source; and of which version. */
  readonly seen: string;
}

/**
 * `bigint` keys that are constants of a tool. Several tools share a few of them.
 *
 * @internal
 */
export const KNOWN_KEYS: readonly KnownKey[] = [
  {
    name: 'prisma migrate',
    key: 72707369n,
    table: '_prisma_migrations',
    seen: 'run, schema engine wasm 8.1.0-2.59be4fd + @prisma/adapter-pg 7.10.1',
  },
  {
    name: 'node-pg-migrate',
    key: 7241865325823964n,
    table: 'pgmigrations',
    seen: 'run, 9.0.0',
  },
  {
    name: 'graphile-migrate',
    key: 4727445306447283n,
    schema: 'graphile_migrate',
    seen: 'run, 1.4.1',
  },
  {
    name: 'Kysely migrations',
    key: 3853314791062309107n,
    table: 'kysely_migration',
    seen: 'run, 0.29.9',
  },
  {
    name: 'postgres-migrations',
    key: -8525285245963000605n,
    table: 'migrations',
    column: 'hash',
    seen: 'run, 5.3.0',
  },
  {
    name: 'Supabase Storage migrations',
    key: -8525285245963000605n,
    schema: 'storage',
    seen: 'read, commit 4fa61fb',
  },
  {
    name: 'Supabase Storage, multitenant jobs',
    key: -8575985245963000605n,
    seen: 'read, commit 4fa61fb',
  },
  {
    name: 'rake-db migrations',
    key: 8582141715823621641n,
    table: 'schemaMigrations',
    seen: 'run, 2.37.7',
  },
  {
    name: 'AdonisJS Lucid migrations',
    key: 1n,
    table: 'adonis_schema',
    seen: 'run, 22.4.2',
  },
  {
    name: 'Unleash migrations',
    key: 479341n,
    application: 'unleash',
    seen: 'run, 8.2.0',
  },
  {
    name: 'Sqitch',
    key: 75474063n,
    schema: 'sqitch',
    seen: 'run, 1.3.1',
  },
  {
    name: 'pgBackRest backup',
    key: 12340078987004321n,
    application: 'pgBackRest',
    seen: 'run, 2.45',
  },
  {
    name: 'pg_partman run_maintenance',
    key: -988976779n,
    extension: 'pg_partman',
    seen: 'run, 4.7.2',
  },
  {
    name: 'pg_partman drop_partition_time()',
    key: -264774437n,
    extension: 'pg_partman',
    seen: 'run, 4.7.2',
  },
  {
    name: 'pg_partman drop_partition_id()',
    key: 487439991n,
    extension: 'pg_partman',
    seen: 'read, 4.7.2',
  },
  {
    name: 'pg_partman undo_partition()',
    key: -1869749899n,
    extension: 'pg_partman',
    seen: 'read, 4.7.2',
  },
  {
    name: 'pg_partman reapply_constraints_proc()',
    key: -796481577n,
    extension: 'pg_partman',
    seen: 'run, 4.7.2',
  },
  {
    name: 'pg_partman run_maintenance_proc()',
    key: -1853951700n,
    extension: 'pg_partman',
    seen: 'read, 5 (commit 83c22e3)',
  },
  {
    name: 'pg_partman run_analyze()',
    key: -2081281770n,
    extension: 'pg_partman',
    seen: 'read, 5 (commit 83c22e3)',
  },
  {
    name: 'goose migrations',
    key: 4097083626n,
    table: 'goose_db_version',
    seen: 'read, commit 520411a',
  },
  {
    name: 'tern migrations',
    key: 9628173550095224n,
    table: 'schema_version',
    seen: 'read, commit e73daa1',
  },
  {
    name: 'Apache Airflow migrations',
    key: 1n,
    table: 'dag_run',
    seen: 'read, stored version of airflow/utils/db.py',
  },
  {
    name: "Apache Airflow scheduler's critical section",
    key: 2n,
    table: 'dag_run',
    seen: 'read, stored version of airflow/utils/db.py',
  },
  {
    name: 'Mage AI migrations',
    key: 1n,
    seen: 'read, stored version',
  },
  {
    name: 'graph-node migrations',
    key: 1n,
    seen: 'read, stored version',
  },
  {
    name: 'graph-node migrations',
    key: 2n,
    seen: 'read, stored version',
  },
  {
    name: 'n8n auth roles sync',
    key: 1001n,
    table: 'workflow_entity',
    seen: 'read, 2.41.3 (@n8n/db 1.41.2)',
  },
  {
    name: 'n8n trusted key refresh',
    key: 1002n,
    table: 'workflow_entity',
    seen: 'read, 2.41.3 (@n8n/db 1.41.2)',
  },
  {
    name: 'n8n workflow statistics rollup',
    key: 1003n,
    table: 'workflow_entity',
    seen: 'read, 2.41.3 (@n8n/db 1.41.2)',
  },
  {
    name: 'n8n workflow review mutation',
    key: 1004n,
    table: 'workflow_entity',
    seen: 'read, 2.41.3 (@n8n/db 1.41.2)',
  },
  {
    name: 'n8n migrations',
    key: 1005n,
    table: 'workflow_entity',
    seen: 'read, 2.41.3 (@n8n/db 1.41.2)',
  },
  {
    name: 'n8n eval collection rerun',
    key: 1006n,
    table: 'workflow_entity',
    seen: 'read, 2.41.3 (@n8n/db 1.41.2)',
  },
  {
    name: 'n8n instance ai settings',
    key: 1007n,
    table: 'workflow_entity',
    seen: 'read, 2.41.3 (@n8n/db 1.41.2)',
  },
  {
    name: 'n8n data encryption key seed',
    key: 1008n,
    table: 'workflow_entity',
    seen: 'read, 2.41.3 (@n8n/db 1.41.2)',
  },
  {
    name: 'n8n insights compaction',
    key: 1009n,
    table: 'workflow_entity',
    seen: 'read, 2.41.3 (@n8n/db 1.41.2)',
  },
];
