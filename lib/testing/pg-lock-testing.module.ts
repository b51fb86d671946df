import { Module, type DynamicModule, type FactoryProvider } from '@nestjs/common';
import type { Pool } from 'pg';
import { DatabaseLifecycle, DATABASE_CORE } from '../nest/database-lifecycle.js';
import { HandlersModule } from '../nest/handlers.module.js';
import { getPgLockHealthToken, PgLockHealthIndicator } from '../nest/health/pg-lock.health.js';
import { getLockRuntimeToken, LockRuntime } from '../nest/lock-runtime.js';
import { RunRegistry } from '../nest/run-registry.js';
import { resolveOptions } from '../options/resolve-options.js';
import {
  DEFAULT_DATABASE_NAME,
  type PgLockModuleExtras,
  type PgLockModuleOptions,
} from '../options/pg-lock-options.js';
import { getPgLockPoolToken, getPgLockToken } from '../pg-lock.tokens.js';
import { MemoryCore } from './memory-core.js';
import { MemoryLockTable } from './memory-lock-table.js';
import { getPgLockTestingToken, PgLockTesting } from './pg-lock-testing.js';

/**
 * The options of `PgLockModule.forRoot`, so that a test can pass those of its application, and a table to share. What says
 * where a database is (`connection`, `sessions`) is checked and not used.
 *
 * @publicApi
 */
export interface PgLockTestingModuleOptions extends PgLockModuleOptions, PgLockModuleExtras {
  /** The lock table. Modules that are given the same one exclude each other. @default a new one */
  readonly table?: MemoryLockTable;
}

/**
 * Stands in for `PgLockModule` in tests: the same `PgLockService`, decorators, interceptors and guards over a lock table in
 * memory. No database, no connection, no timer of its own.
 *
 * Advisory locks behave as on PostgreSQL, with waiting, order, sharing and loss. What only a server can do is harmless: lock
 * timeouts and priorities run their work, table locks are acquired, questions about locks are answered from the table.
 *
 * @example Test.createTestingModule({ imports: [PgLockTestingModule.forRoot()], providers: [InvoiceService] })
 * @publicApi
 */
@Module({})
export class PgLockTestingModule {
  /**
   * One database in memory; import it again with another `name` for a further one.
   *
   * @throws {PgLockConfigurationError} (the boot does) when an option is unknown or its value not allowed.
   */
  static forRoot({ table, ...options }: PgLockTestingModuleOptions = {}): DynamicModule {
    const name = options.name ?? DEFAULT_DATABASE_NAME;
    const core: FactoryProvider<MemoryCore> = {
      provide: DATABASE_CORE,
      useFactory: () => new MemoryCore(resolveOptions(options), table ?? new MemoryLockTable()),
    };
    const service: FactoryProvider = {
      provide: getPgLockToken(name),
      inject: [DATABASE_CORE],
      useFactory: (database: MemoryCore) => database.service,
    };
    const pool: FactoryProvider<Pool> = {
      provide: getPgLockPoolToken(name),
      inject: [DATABASE_CORE],
      useFactory: (database: MemoryCore) => database.service.pool,
    };
    const runtime: FactoryProvider<LockRuntime> = {
      provide: getLockRuntimeToken(name),
      inject: [DATABASE_CORE, RunRegistry],
      useFactory: (database: MemoryCore, runs: RunRegistry) => new LockRuntime(database, runs),
    };
    const health: FactoryProvider<PgLockHealthIndicator> = {
      provide: getPgLockHealthToken(name),
      inject: [DATABASE_CORE],
      useFactory: (database: MemoryCore) => new PgLockHealthIndicator(database.advisory),
    };
    const testing = { provide: getPgLockTestingToken(name), useClass: PgLockTesting };
    return {
      module: PgLockTestingModule,
      global: options.isGlobal !== false,
      imports: [HandlersModule],
      providers: [core, service, pool, runtime, health, testing, DatabaseLifecycle],
      exports: [service.provide, pool.provide, runtime.provide, health.provide, testing.provide],
    };
  }
}
