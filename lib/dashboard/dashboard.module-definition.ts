import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { PgLockDashboardOptions } from './dashboard-options.js';

/** `forRoot` and `forRootAsync` of the dashboard, and the token of its options. @internal */
export const {
  ConfigurableModuleClass: ConfigurableDashboardModule,
  MODULE_OPTIONS_TOKEN: DASHBOARD_OPTIONS_TOKEN,
  OPTIONS_TYPE: DASHBOARD_OPTIONS_TYPE,
  ASYNC_OPTIONS_TYPE: DASHBOARD_ASYNC_OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<PgLockDashboardOptions>({ moduleName: 'PgLockDashboard' })
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createPgLockDashboardOptions')
  .build();
