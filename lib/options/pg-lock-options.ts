import type { Pool } from 'pg';
import type { ResolvedJobsOptions } from '../jobs/job-options.js';
import type { AdvisoryNameRegistration } from '../inspection/names/registered-names.js';
import type { ResolvedNames } from '../inspection/names/resolve-names.js';
import type { AdvisoryLockOptions } from '../locks/advisory-options.js';
import type { ResolvedAdvisoryDefaults } from '../locks/resolve-advisory-options.js';
import type { ResolvedPrioritizeDefaults } from '../prioritize/resolve-prioritize-options.js';
import type {
  PgLockConnection,
  ResolvedSessionsOptions,
  SessionsOptions,
} from '../session/session-options.js';
import type { ResolvedTelemetryOptions, TelemetryOptions } from '../telemetry/telemetry-options.js';
import type { Duration } from '../vocabulary/duration.js';
import type { LockId } from '../vocabulary/lock-id.js';
import type { HandlersOptions, ResolvedHandlersOptions } from './handlers-options.js';

/** The name of a database without a `name`: the one that `PgLockService` is injected for. @publicApi */
export const DEFAULT_DATABASE_NAME = 'default';

/** Defaults of advisory locks, where a call does not set the option. @publicApi */
export interface AdvisoryDefaults extends Pick<
  AdvisoryLockOptions,
  'timeout' | 'onContention' | 'holdAtLeast' | 'maxHold' | 'reentrant'
> {
  /**
   * How long a wait without a timeout may be blocked by a lock of its own async flow before it is refused with a `DeadlockError`;
   * `null` is no limit.
   *
   * @default '10s'
   */
  readonly selfWait?: Duration | null | undefined;
}

/** How the module of one database is shut down. @publicApi */
export interface ShutdownOptions {
  /**
   * How long to wait for work that runs under locks, before its locks are released and reported to it as lost.
   *
   * @default '20s'
   */
  readonly timeout?: Duration | undefined;
}

/** Defaults of `prioritize`, where a call does not set the option. @publicApi */
export interface PrioritizeDefaults {
  /** How often to look for blockers; the first look is after one interval. @default '1s' */
  readonly interval?: Duration | undefined;
  /** Keep looking; `false` looks once, after the first interval. @default true */
  readonly periodic?: boolean | undefined;
  /** The `lock_timeout` of the prioritized work; `null` is none. @default none is set */
  readonly timeout?: Duration | null | undefined;
  /** Cancel first, and terminate sessions that still block after this Duration. @default sessions are terminated at once */
  readonly escalate?: Duration | undefined;
  /** Conditions on the blocking activity: sessions that match are never signalled. @default none */
  readonly protect?: object | undefined;
  /** Report which sessions would be signalled, and signal none. @default false */
  readonly dryRun?: boolean | undefined;
}

/** A saved query, for `find({ config: 'long' })` and `pglock --config long`. @publicApi */
export type SavedConfiguration = Readonly<Record<string, unknown>>;

/** The table in which each tick is recorded, so that "exactly once" outlives all processes. @publicApi */
export interface LedgerOptions {
  /** The table, created by `pglock jobs init`. @default 'pglock_jobs' in the first schema of the search path */
  readonly table?: string | undefined;
  /** Keep a row for each run for this long, in `<table>_runs`. @default only the last run of each job is kept */
  readonly keep?: Duration | undefined;
}

/** How each tick of a scheduled job is kept to one run. @publicApi */
export interface JobsOptions {
  /** How far the clocks of replicas may differ. @default '2s' */
  readonly clockSkew?: Duration | undefined;
  /** Record each tick in a table. @default false */
  readonly ledger?: boolean | LedgerOptions | undefined;
}

/** The options of one database of `PgLockModule.forRoot`. @publicApi */
export interface PgLockModuleOptions {
  /** Where the database is. @default the libpq environment variables (`PGHOST`, `PGUSER`, …) */
  readonly connection?: PgLockConnection | undefined;
  /** The application's own pool, used in place of `connection` and never closed. Locks still use connections of their own. */
  readonly pool?: Pool | undefined;
  /** A prefix for every string id. @default '' */
  readonly namespace?: string | undefined;
  /** Defaults of `advisory`, `acquire` and the decorators. */
  readonly advisory?: AdvisoryDefaults | undefined;
  /** Defaults of `prioritize`. */
  readonly prioritize?: PrioritizeDefaults | undefined;
  /** The connections that the module opens for its locks. */
  readonly sessions?: SessionsOptions | undefined;
  /** What happens to running work when the application, or `pglock.close()`, shuts the module down. */
  readonly shutdown?: ShutdownOptions | undefined;
  /**
   * The HTTP status of contention. `null`: `LockNotAvailableError` goes to the application's exception filters as it is.
   *
   * @default 423
   */
  readonly httpStatus?: number | null | undefined;
  /** How decorated handlers are checked at boot. */
  readonly handlers?: HandlersOptions | undefined;
  /** The columns of the command's listings, if its configuration file exports these options. @default as `pglock` shows */
  readonly attributes?: readonly string[] | undefined;
  /** The same, for `pglock --blocking`. @default as `pglock` shows */
  readonly blockingAttributes?: readonly string[] | undefined;
  /** The maximum number of rows in a listing; if set, also of `find` without a `limit`. @default 25 */
  readonly limit?: number | undefined;
  /**
   * Metrics and traces through `@opentelemetry/api`, which the application installs. They begin with `onModuleInit`.
   *
   * @default false
   */
  readonly telemetry?: boolean | TelemetryOptions | undefined;
  /** Options of scheduled jobs. */
  readonly jobs?: JobsOptions | undefined;
  /**
   * Names that listings show for advisory locks: ids, which are recognised by their keys, and `{ name, key }` for keys that other
   * software takes. Ids that this process has used are known without it.
   *
   * @default []
   */
  readonly names?: readonly (LockId | AdvisoryNameRegistration)[] | undefined;
  /** Saved queries by name. @default {} */
  readonly configs?: Readonly<Record<string, SavedConfiguration>> | undefined;
}

/** Options of the module itself; in `forRootAsync` give them next to `useFactory`. @publicApi */
export interface PgLockModuleExtras {
  /** The name of this database in `@InjectPgLock(name)` and `connection: name`. @default 'default' */
  readonly name?: string | undefined;
  /** Whether other modules can inject the service without importing this one. @default true */
  readonly isGlobal?: boolean | undefined;
}

/** What a class given to `forRootAsync({ useClass })` or `useExisting` implements. @publicApi */
export interface PgLockOptionsFactory {
  /** Returns the options of one database; called once, while the application boots. */
  createPgLockOptions(): PgLockModuleOptions | Promise<PgLockModuleOptions>;
}

/** {@link ShutdownOptions}, in milliseconds. @internal */
export interface ResolvedShutdownOptions {
  readonly timeoutMs: number;
}

/** The options of one database, checked, with nothing left out that has a default. @internal */
export interface ResolvedPgLockOptions {
  readonly name: string;
  readonly connection: PgLockConnection | undefined;
  readonly pool: Pool | undefined;
  /** Past a pooler, for locks and for `prioritize`; else they use `connection`. */
  readonly directConnection: PgLockConnection | undefined;
  readonly namespace: string;
  readonly advisory: ResolvedAdvisoryDefaults;
  /** How long a wait may stand behind a lock of its own flow; `null` is without end. */
  readonly selfWaitMs: number | null;
  readonly shutdown: ResolvedShutdownOptions;
  readonly prioritize: ResolvedPrioritizeDefaults;
  readonly sessions: ResolvedSessionsOptions;
  readonly httpStatus: number | null;
  readonly handlers: ResolvedHandlersOptions;
  readonly attributes: readonly string[] | undefined;
  readonly blockingAttributes: readonly string[] | undefined;
  readonly limit: number;
  /** That of `find`: as given, or none. */
  readonly findLimit: number | undefined;
  readonly telemetry: ResolvedTelemetryOptions | undefined;
  readonly jobs: ResolvedJobsOptions;
  readonly names: ResolvedNames;
  readonly configs: Readonly<Record<string, SavedConfiguration>>;
}

/** Every default of the module, in one place. @internal */
export const DEFAULTS = Object.freeze({
  name: DEFAULT_DATABASE_NAME,
  namespace: '',
  httpStatus: 423,
  limit: 25,
  telemetry: false,
  jobs: Object.freeze({ clockSkew: '2s', ledger: false }),
  advisory: Object.freeze({ reentrant: false, selfWait: '10s' }),
  shutdown: Object.freeze({ timeout: '20s' }),
  sessions: Object.freeze({
    max: 4,
    heartbeat: '2s',
    lease: '5s',
    connectTimeout: '30s',
    trustPooler: false,
    allowStandby: false,
    lockTableShare: 0.8,
  }),
  prioritize: Object.freeze({ interval: '1s', periodic: true, dryRun: false }),
} as const) satisfies PgLockModuleOptions & PgLockModuleExtras;
