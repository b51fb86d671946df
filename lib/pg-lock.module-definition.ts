import { ConfigurableModuleBuilder, type DynamicModule } from '@nestjs/common';
import { HandlersModule } from './nest/handlers.module.js';
import { databaseProviders } from './nest/database-providers.js';
import { DEFAULTS, type PgLockModuleExtras, type PgLockModuleOptions } from './pg-lock.options.js';

const EXTRAS: Required<PgLockModuleExtras> = { name: DEFAULTS.name, isGlobal: true };

/** `forRoot` and `forRootAsync`, and the token of the options. @internal */
export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<PgLockModuleOptions>({ moduleName: 'PgLock' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createPgLockOptions')
    .setExtras<PgLockModuleExtras>(EXTRAS, addDatabase)
    .build();

/** Nest hands over the extras together with every other key that stood beside them: misspelt ones are refused with the rest. */
function addDatabase(definition: DynamicModule, extras: PgLockModuleExtras): DynamicModule {
  const isAsync = definition.providers?.every((provider) => !('useValue' in provider)) ?? false;
  const { providers, exports } = databaseProviders(
    MODULE_OPTIONS_TOKEN,
    isAsync ? withoutFactory(extras) : extras,
  );
  return {
    ...definition,
    global: extras.isGlobal !== false,
    imports: [...(definition.imports ?? []), HandlersModule],
    providers: [...(definition.providers ?? []), ...providers],
    exports,
  };
}

/** Nest 11.0 hands over the factory and its dependencies, too. */
function withoutFactory(extras: PgLockModuleExtras): PgLockModuleExtras {
  return Object.fromEntries(Object.entries(extras).filter(([key]) => !FACTORY_KEYS.includes(key)));
}

const FACTORY_KEYS = [
  'imports',
  'inject',
  'useFactory',
  'useClass',
  'useExisting',
  'provideInjectionTokensFrom',
];
