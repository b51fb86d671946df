import type { FactoryProvider, InjectionToken, Provider } from '@nestjs/common';
import type { Pool } from 'pg';
import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import { createCore, type PgLockCore } from '../core/pg-lock-core.js';
import { kind } from '../options/option-reader.js';
import {
  DEFAULT_DATABASE_NAME,
  type PgLockModuleExtras,
  type PgLockModuleOptions,
} from '../options/pg-lock-options.js';
import { resolveOptions } from '../options/resolve-options.js';
import { getPgLockPoolToken, getPgLockToken } from '../pg-lock.tokens.js';
import { DatabaseLifecycle, DATABASE_CORE } from './database-lifecycle.js';
import { getPgLockHealthToken, PgLockHealthIndicator } from './health/pg-lock.health.js';
import { getLockRuntimeToken, LockRuntime, noteFailure } from './lock-runtime.js';
import { RunRegistry } from './run-registry.js';
import { SchedulerTimers } from './scheduler-timers.js';

/** The providers of one database, and what its module exports of them. @internal */
export function databaseProviders(
  optionsToken: InjectionToken,
  extras: PgLockModuleExtras,
): { readonly providers: Provider[]; readonly exports: InjectionToken[] } {
  // A name that is no string is refused with the other options, once the application boots.
  const name = typeof extras.name === 'string' ? extras.name : DEFAULT_DATABASE_NAME;
  const core: FactoryProvider<PgLockCore> = {
    provide: DATABASE_CORE,
    inject: [optionsToken, SchedulerTimers],
    useFactory: (options: unknown, timers: SchedulerTimers) => {
      const created = noteFailure(name, () => createCore(resolveOptions(merged(extras, options))));
      created.admin.prioritizer.registry = timers;
      return created;
    },
  };
  const service: FactoryProvider = {
    provide: getPgLockToken(name),
    inject: [DATABASE_CORE],
    useFactory: (database: PgLockCore) => database.service,
  };
  const pool: FactoryProvider<Pool> = {
    provide: getPgLockPoolToken(name),
    inject: [DATABASE_CORE],
    useFactory: (database: PgLockCore) => database.service.pool,
  };
  const runtime: FactoryProvider<LockRuntime> = {
    provide: getLockRuntimeToken(name),
    inject: [DATABASE_CORE, RunRegistry],
    useFactory: (database: PgLockCore, runs: RunRegistry) => new LockRuntime(database, runs),
  };
  const health: FactoryProvider<PgLockHealthIndicator> = {
    provide: getPgLockHealthToken(name),
    inject: [DATABASE_CORE],
    useFactory: (database: PgLockCore) => new PgLockHealthIndicator(database.advisory),
  };
  return {
    providers: [core, service, pool, runtime, health, DatabaseLifecycle],
    exports: [service.provide, pool.provide, runtime.provide, health.provide],
  };
}

function merged(extras: PgLockModuleExtras, options: unknown): PgLockModuleOptions & PgLockModuleExtras {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new PgLockConfigurationError(
      `PgLockModule: the options must be an object; the factory gave ${kind(options)}.`,
    );
  for (const key of ['name', 'isGlobal'])
    if (key in options)
      throw new PgLockConfigurationError(
        `PgLockModule: '${key}' shapes the module itself: put it beside useFactory, not into the factory's options.`,
      );
  return { ...extras, ...options };
}
