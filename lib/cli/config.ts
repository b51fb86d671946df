import type { AdvisoryNameRegistration } from '../inspection/names/registered-names.js';
import type { PgLockModuleOptions } from '../options/pg-lock-options.js';
import type { LockQuery } from '../inspection/lock-query.js';
import type { PgLockConnection } from '../session/session-options.js';
import type { LockId } from '../vocabulary/lock-id.js';

/** A saved question, with what the command line may say beside it: `pglock --config NAME`. @publicApi */
export interface SavedCliQuery extends Omit<LockQuery<object>, 'config'> {
  /** List blockers, rather than all locks. */
  readonly blocking?: boolean;
  /** The columns, by their paths. */
  readonly attributes?: readonly string[];
  /** One line an attribute. */
  readonly expanded?: boolean;
  /** Cancel the running statements of the sessions found. */
  readonly cancel?: boolean;
  /** Terminate the sessions found. */
  readonly terminate?: boolean;
  /** Do not ask before cancelling or terminating. */
  readonly yes?: boolean;
  /** Show what would be signalled, and signal nothing. */
  readonly dryRun?: boolean;
  /** Print JSON. */
  readonly json?: boolean;
  /** Which of `databases`. */
  readonly database?: string;
}

/** A database of `pglock.config`. @publicApi */
export interface PgLockCliDatabase {
  /** Where it is: a connection string, or the configuration of a `pg` pool. */
  readonly connection: PgLockConnection;
  /** What the application puts before its string ids. @default '' */
  readonly namespace?: string;
}

/** `pglock.config.{ts,js,mjs,json}`. @publicApi */
export interface PgLockCliConfig extends Partial<PgLockCliDatabase> {
  /** Further databases, for `--database NAME`. */
  readonly databases?: Readonly<Record<string, PgLockConnection | PgLockCliDatabase>>;
  /** Lock ids that listings show by name, and `{ name, key }` for keys that other software takes. */
  readonly names?: readonly (LockId | AdvisoryNameRegistration)[];
  /** The columns of listings. */
  readonly attributes?: readonly string[];
  /** The columns of listings with `--blocking`. */
  readonly blockingAttributes?: readonly string[];
  /** The most rows of a listing. @default 25 */
  readonly limit?: number;
  /** Saved questions, for `--config NAME`. */
  readonly configs?: Readonly<Record<string, SavedCliQuery>>;
  /** What `pglock explain` uses. */
  readonly explain?: {
    /** The database that statements are executed on: one of `databases`, a URL, or the configuration of a `pg` pool. */
    readonly database?: PgLockConnection;
  };
}

/** The module's own options, with what only the command has. @publicApi */
export type PgLockSharedConfig = PgLockModuleOptions & Pick<PgLockCliConfig, 'databases' | 'explain'>;

/**
 * Gives a configuration its type: the default export of `pglock.config.ts`. It may be the object that the application gives to
 * `PgLockModule.forRoot`: the command looks where its lock sessions connect (`sessions.directConnection`, `connection`, `pool`), and
 * uses `namespace`, `names`, `attributes`, `blockingAttributes`, `limit` and `configs` of it.
 *
 * @example export default defineConfig({ connection: process.env.DATABASE_URL, names: ['billing.close'] });
 * @publicApi
 */
export function defineConfig(config: PgLockCliConfig): PgLockCliConfig;
export function defineConfig(config: PgLockSharedConfig): PgLockSharedConfig;
export function defineConfig<Config>(config: Config): Config {
  return config;
}
