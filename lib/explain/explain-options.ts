import type { PgLockConnection } from '../session/session-options.js';

/** What `explainMigration()` is to explain, and where. @publicApi */
export interface ExplainMigrationOptions {
  /** The database that the statements are executed on, in transactions that are rolled back. Never the live one. */
  readonly database: PgLockConnection;
  /** Files of SQL, in their order. */
  readonly files?: string | readonly string[] | undefined;
  /** SQL as text; runs behind the files. */
  readonly sql?: string | readonly string[] | undefined;
  /**
   * The database whose sizes, scans and conflicting locks are read. Nothing is run there.
   *
   * @default null: none is looked at
   */
  readonly live?: PgLockConnection | null | undefined;
  /**
   * Run and keep what cannot run in a transaction (`CREATE INDEX CONCURRENTLY`), with the relations that were made or
   * changed before it.
   *
   * @default false: the report ends at such a statement
   */
  readonly carryOut?: boolean | undefined;
  /** Go on though other clients are connected to the database, which wait for the locks that are tried. @default false */
  readonly yes?: boolean | undefined;
  /** Gives up: cancels what runs, and rolls it back. */
  readonly signal?: AbortSignal | undefined;
  /** Called with what will be committed, before anything is run. */
  readonly onCarryOut?: ((statements: readonly string[]) => void) | undefined;
}
