import { Module, type DynamicModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import {
  ConfigurableDashboardModule,
  type DASHBOARD_ASYNC_OPTIONS_TYPE,
  type DASHBOARD_OPTIONS_TYPE,
} from './dashboard.module-definition.js';
import { DashboardLifecycle } from './dashboard-lifecycle.js';

/**
 * A page that shows every lock, wait, job and replica of the application's databases, served by the application itself, on
 * Express or Fastify. It stands outside of the application's guards, interceptors and throttlers; `guards` and `authorize`
 * decide who may look. Import `PgLockModule` beside it.
 *
 * @example PgLockDashboardModule.forRoot({ authorize: (request) => request.user?.admin && request.user.email })
 * @publicApi
 */
@Module({})
export class PgLockDashboardModule extends ConfigurableDashboardModule {
  /** @throws {PgLockConfigurationError} (the boot does) when `authorize` is missing, or an option unknown or not allowed. */
  static override forRoot(options: typeof DASHBOARD_OPTIONS_TYPE): DynamicModule {
    return withPage(super.forRoot(options));
  }

  /**
   * Options that are found out while the application boots, by `useFactory`, `useClass` or `useExisting`.
   *
   * @throws {PgLockConfigurationError} (the boot does) when `authorize` is missing, or an option unknown or not allowed.
   */
  static override forRootAsync(options: typeof DASHBOARD_ASYNC_OPTIONS_TYPE): DynamicModule {
    return withPage(super.forRootAsync(options));
  }
}

function withPage(definition: DynamicModule): DynamicModule {
  return {
    ...definition,
    imports: [...(definition.imports ?? []), DiscoveryModule],
    providers: [...(definition.providers ?? []), DashboardLifecycle],
  };
}
