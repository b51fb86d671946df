import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { PgLockConfigurationError } from './errors/pg-lock-configuration.error.js';
import { databaseProviders } from './nest/database-providers.js';
import { HandlersModule } from './nest/handlers.module.js';
import { noteFailure } from './nest/lock-runtime.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type ASYNC_OPTIONS_TYPE,
  type OPTIONS_TYPE,
} from './pg-lock.module-definition.js';
import { kind } from './options/option-reader.js';
import type { PgLockModuleExtras } from './options/pg-lock-options.js';

/**
 * Brings `PgLockService` into an application, global by default. No connection is opened before it is needed; shutdown releases
 * every lock and closes what the module opened, never a pool of yours (call `app.enableShutdownHooks()` for signals).
 *
 * @publicApi
 */
@Module({})
export class PgLockModule extends ConfigurableModuleClass {
  /**
   * One database; import it again with another `name` for a further one.
   *
   * @example PgLockModule.forRoot({ connection: process.env.DATABASE_URL })
   * @throws {PgLockConfigurationError} (the boot does) when an option is unknown or its value not allowed.
   */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    const given: unknown = options;
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      throw new PgLockConfigurationError(
        `PgLockModule: forRoot takes an object of options; got ${kind(given)}.`,
      );
    return withDatabase(super.forRoot(options), options);
  }

  /**
   * One database whose options are found out while the application boots, by `useFactory`, `useClass` or `useExisting`; `name`
   * and `isGlobal` stand beside them.
   *
   * @throws {PgLockConfigurationError} (the boot does) when an option is unknown or its value not allowed.
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    const beside = Object.entries(options).filter(([key]) => !FACTORY_KEYS.includes(key));
    const definition = super.forRootAsync(options);
    const providers = definition.providers?.map((provider) => notingFailure(provider, options.name));
    return withDatabase({ ...definition, ...(providers && { providers }) }, Object.fromEntries(beside));
  }
}

/** What `forRootAsync` is given for Nest. Whatever else stands there is ours, and refused at boot where we do not know it. */
const FACTORY_KEYS = [
  'imports',
  'inject',
  'useFactory',
  'useClass',
  'useExisting',
  'provideInjectionTokensFrom',
];

/** Remembers why the options could not be made: Nest hides it from enhancers, whose database is optional to them. */
function notingFailure(provider: Provider, name: string | undefined): Provider {
  if (typeof provider === 'function' || !('useFactory' in provider)) return provider;
  const { useFactory } = provider;
  return {
    ...provider,
    useFactory: (...args: unknown[]): unknown => noteFailure(name, () => useFactory(...args) as unknown),
  };
}

function withDatabase(definition: DynamicModule, extras: PgLockModuleExtras): DynamicModule {
  const { providers, exports } = databaseProviders(MODULE_OPTIONS_TOKEN, extras);
  return {
    ...definition,
    global: extras.isGlobal !== false,
    imports: [...(definition.imports ?? []), HandlersModule],
    providers: [...(definition.providers ?? []), ...providers],
    exports,
  };
}
