import { ConfigurableModuleBuilder } from '@nestjs/common';
import { DEFAULTS, type PgLockModuleExtras, type PgLockModuleOptions } from './options/pg-lock-options.js';

/** `forRoot` and `forRootAsync`, and the token of one database's options. @internal */
export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<PgLockModuleOptions>({ moduleName: 'PgLock' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createPgLockOptions')
    .setExtras<PgLockModuleExtras>({ name: DEFAULTS.name, isGlobal: true })
    .build();
